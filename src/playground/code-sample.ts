/** The code of a game that does what was just done in the page. */
import { familyOf } from "./families/index.ts";
import type { Parameters } from "./parameters.ts";

export type Deed =
  | { readonly kind: "connect" }
  | { readonly kind: "text"; readonly text: string; readonly isReliable: boolean }
  | { readonly kind: "file"; readonly name: string }
  | { readonly kind: "throw"; readonly total: number; readonly size: number; readonly perSecond: number }
  | {
      readonly kind: "weather";
      readonly loss: number;
      readonly lagMs: number;
      readonly jitterMs: number;
      readonly reorderPercent: number;
    }
  | { readonly kind: "cut" };

export function codeSample({ app, room, family: id, a, b }: Parameters, deed: Deed, isCaller: boolean): string {
  const { sample } = familyOf(id);
  const fill = (text: string, reliable: boolean, bytes: string): string =>
    text
      .replaceAll("PEER", isCaller ? b : a)
      .replaceAll("SendFlag.RELIABLE", `SendFlag.${reliable ? "Reliable" : "Unreliable"}`)
      .replaceAll("P2PSend.RELIABLE", `P2PSend.${reliable ? "Reliable" : "Unreliable"}`)
      .replaceAll("RELIABLE", String(reliable))
      .replaceAll("BYTES", bytes);
  const join = `import { connect } from "edge-relay/client";
${sample.imports}${deed.kind === "weather" ? 'import { simulateNetwork } from "edge-relay/client/simulator";\n' : ""}
const relay = await connect({
  url: "${location.origin}",
  app: ${app},${room ? `\n  room: "${room}",` : ""}
  ticket: () => fetchTicket(), // from your own backend${weatherOption(deed)}
});
`;
  const begin = fill(isCaller ? sample.call : sample.wait, true, "");
  return `${join}${begin}\n\n${fill(action(deed, sample.send, sample.receive), deedIsReliable(deed), bytesOf(deed))}\n`;
}

function deedIsReliable(deed: Deed): boolean {
  return deed.kind === "text" ? deed.isReliable : deed.kind !== "throw";
}

function bytesOf(deed: Deed): string {
  if (deed.kind === "text") return `new TextEncoder().encode(${JSON.stringify(deed.text)})`;
  if (deed.kind === "throw") return `new Uint8Array(${deed.size})`;
  return "piece";
}

function weatherOption(deed: Deed): string {
  if (deed.kind !== "weather") return "";
  const { loss, lagMs, jitterMs, reorderPercent } = deed;
  const conditions = { loss, lagMs: lagMs / 2, jitterMs, reorderPercent, reorderMs: 60 };
  const fields = Object.entries(conditions).map(([name, value]) => `${name}: ${value}`);
  return `\n  ...simulateNetwork({ ${fields.join(", ")} }),`;
}

function action(deed: Deed, send: string, receive: string): string {
  switch (deed.kind) {
    case "connect":
    case "weather":
      return receive;
    case "text":
      return send;
    case "file":
      return `const bytes = new Uint8Array(await file.arrayBuffer());\nfor (const piece of piecesOf(bytes)) ${send} // and again where there is no room`;
    case "throw":
      return `// ${deed.total} of them, ${deed.perSecond} a second\n${send}`;
    case "cut":
      return `relay.addEventListener("reconnecting", ({ detail: { attempt } }) => showBanner(attempt));
relay.addEventListener("reconnected", ({ detail: { isResumed } }) => hideBanner(isResumed));`;
  }
}
