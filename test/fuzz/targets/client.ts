/** The client against a relay that says anything: it throws at nobody, sends only what is well formed, and ends when told. */
import { RelayError, type RelayClient } from "../../../src/client/index.ts";
import type { ControlFrameName } from "../../../src/protocol/index.ts";
import { ScriptedRelay } from "../../unit/client/scripted-relay.ts";
import {
  type FrameSpec,
  type Message,
  bytesOf,
  controlSpec,
  messageOf,
  mutateMessage,
  randomMessage,
} from "../messages.ts";
import type { Random } from "../random.ts";
import type { Target } from "../target.ts";

export type ClientStep =
  | { readonly do: "message"; readonly message: Message }
  | { readonly do: "begin"; readonly peer: number; readonly type: number; readonly port: number }
  | { readonly do: "write"; readonly connection: number; readonly size: number; readonly reliable: boolean }
  | { readonly do: "close"; readonly connection: number; readonly graceful: boolean; readonly linger: boolean }
  | { readonly do: "read" | "accept" | "refuse"; readonly connection: number }
  | { readonly do: "turn" | "leave" };

const FROM_RELAY: readonly ControlFrameName[] = ["connecting", "incoming", "state", "close", "error"];
const PORTED = [0, 2];

export const client: Target<ClientStep> = { name: "client", seeds, randomStep, mutateStep, run };

function randomStep(random: Random): ClientStep {
  const connection = random.below(4);
  switch (random.below(14)) {
    case 0:
      return { do: "begin", peer: 1 + random.below(3), type: random.below(4), port: random.below(2) };
    case 1:
      return { do: "write", connection, size: random.pick([0, 1, 100, 1_300, 70_000]), reliable: random.oneIn(2) };
    case 2:
      return { do: "close", connection, graceful: random.oneIn(2), linger: random.oneIn(2) };
    case 3:
      return { do: random.pick(["read", "accept", "refuse"] as const), connection };
    case 4:
      return { do: random.oneIn(6) ? "leave" : "turn" };
    default:
      return { do: "message", message: random.oneIn(4) ? randomMessage(random) : randomMessage(random, FROM_RELAY) };
  }
}

function mutateStep(step: ClientStep, random: Random): ClientStep {
  if (step.do !== "message") return randomStep(random);
  return { do: "message", message: mutateMessage(step.message, random, random.oneIn(4) ? undefined : FROM_RELAY) };
}

async function run(steps: readonly ClientStep[], feature: (name: string) => void): Promise<void> {
  const { relay, client } = await ScriptedRelay.joined();
  client.addEventListener("error", ({ detail }) => feature(`error ${detail.code}`));
  for (let type = 0; type < 4; type++) {
    const port = PORTED.includes(type) ? { virtualPort: 0 } : {};
    client.onIncoming({ type: type as 0, ...port }, (connection, isRepeated) => {
      feature(`incoming ${type} ${isRepeated}`);
      if (!isRepeated && connection.peer % 2n === 1n) void connection.accept().catch(() => undefined);
    });
  }
  for (const step of steps) {
    try {
      await play(relay, client, step);
    } catch (error) {
      // What the application is told of its own call, such as a full buffer, is as it should be.
      if (!(error instanceof RelayError)) throw error;
      feature(`${step.do} ${error.code}`);
    }
  }
  await turn();
  for (const name of relay.heard) feature(`heard ${name}`);
  relay.socket?.drop();
  const ended = await Promise.race([client.closed, later()]);
  if (ended === undefined) throw new Error("the socket is gone, and the client does not say so");
  for (const connection of client.connections) throw new Error(`connection ${connection.handle} outlives its client`);
}

async function play(relay: ScriptedRelay, client: RelayClient, step: ClientStep): Promise<void> {
  const connection = "connection" in step ? client.connections[step.connection] : undefined;
  switch (step.do) {
    case "message":
      if (relay.socket?.onmessage) relay.send(bytesOf(step.message, knownTo(relay)));
      return;
    case "begin":
      client.begin(BigInt(step.peer), {
        type: step.type as 0,
        ...(PORTED.includes(step.type) && { virtualPort: step.port }),
      });
      return;
    case "write":
      connection?.send(new Uint8Array(step.size), { reliable: step.reliable });
      return;
    case "close":
      void connection?.close({ graceful: step.graceful, linger: step.linger });
      return;
    case "read":
      connection?.receive();
      return;
    case "accept":
      void connection?.accept().catch(() => undefined);
      return;
    case "refuse":
      connection?.refuse();
      return;
    case "turn":
      return turn();
    case "leave":
      await client.close();
  }
}

/** Handles are few; requests are those that the client has sent. */
function knownTo(relay: ScriptedRelay): (field: string) => readonly (number | bigint)[] {
  return (field) => {
    if (field === "handle" || field === "number" || field === "sequence") return [1, 2, 3];
    if (field === "peer") return [1n, 2n, 3n];
    if (field === "request" || field === "about") {
      return relay.received
        .flatMap(({ control }) => (control?.frame === "connect" ? [control.values.request] : []))
        .toReversed();
    }
    return [];
  };
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function later(): Promise<undefined> {
  return new Promise((resolve) => setTimeout(() => resolve(undefined), 50).unref());
}

function seeds(): ClientStep[][] {
  const begin: ClientStep = { do: "begin", peer: 1, type: 2, port: 0 };
  const turned: ClientStep = { do: "turn" };
  const write: ClientStep = { do: "write", connection: 0, size: 1_300, reliable: true };
  const incoming = controlSpec("incoming", { handle: 1, connectionId: "1", connectionType: 2, peer: "1" });
  const connecting = controlSpec("connecting", { request: { known: 0 }, handle: 1, connectionId: "1", state: 1 });
  const state = controlSpec("state", { handle: 1, state: 1 });
  const data: FrameSpec = { frame: "data", fields: { handle: 1, number: 1, sequence: 1, flags: 1 }, size: 10 };
  const ack: FrameSpec = { frame: "ack", fields: { handle: 1, cumulative: 1, window: 65_535 }, size: 0 };
  const probe: FrameSpec = { frame: "probe", fields: { handle: 1, answer: 0, stamp: 5 }, size: 0 };
  const close = controlSpec("close", { handle: 1, reason: 1000, closedBy: 1 }, 1);
  const opened = [begin, turned, says(connecting)];
  return [
    [...opened, write, turned, says(ack, probe), { do: "close", connection: 0, graceful: true, linger: true }, turned],
    [says(incoming), turned, says(state, data, ack), { do: "read", connection: 0 }, turned, says(close)],
    [...opened, says(data), says(close), turned],
    [begin, turned, says(controlSpec("error", { code: 36, frame: 0x10, about: { known: 0 } })), { do: "leave" }],
    [...opened, says(controlSpec("bye", { code: 4004, debug: "kicked" }))],
  ];
}

function says(...frames: readonly FrameSpec[]): ClientStep {
  return { do: "message", message: messageOf(...frames) };
}
