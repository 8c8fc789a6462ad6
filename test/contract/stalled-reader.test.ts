/** A peer that stops reading among 20 (promise 4); what it costs in time is measured by bench/stalled-reader.ts. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { CloseCode, DataFlag, EndReason, Path } from "../../src/protocol/index.ts";
import { batch, dataFrame } from "../support/frames.ts";
import type { Attacker } from "./hostile/attacker.ts";
import { Siege } from "./hostile/siege.ts";

/** With the stalled one and the two bystanders: 20. */
const SENDERS = 17;
/** 64 KB/s of each, a quarter of it reliable. */
const TICK_MS = 250;
const PAYLOAD = new Uint8Array(4_000);

let siege: Siege;
beforeAll(async () => {
  siege = await Siege.start();
});
afterAll(() => siege[Symbol.asyncDispose]());

interface Sender {
  readonly peer: Attacker;
  readonly handle: number;
}

async function senderTo(reader: Attacker, id: bigint): Promise<Sender> {
  const peer = await siege.attacker();
  peer.control("connect", { request: 1, connectionType: 2, peer: id, virtualPort: 0, channel: 0, timeoutMs: 0 });
  const { handle } = await peer.next("connecting");
  await reader.take("incoming", ({ control }) => control?.frame === "incoming" && control.values.handle === handle);
  reader.control("accept", { handle });
  await peer.next("state");
  return { peer, handle };
}

function burst({ peer, handle }: Sender): void {
  const unreliable = dataFrame({ handle, payload: PAYLOAD });
  peer.send(
    batch(dataFrame({ handle, payload: PAYLOAD, flags: DataFlag.Reliable }), unreliable, unreliable, unreliable),
  );
}

test("[F2][F3][F4] it is bounded, counted as peer_stalled, closed with 4009, and nobody else notices", async () => {
  await siege.withstand({ drops: { peer_stalled: 1_000 } }, async () => {
    const id = siege.newPeer();
    const reader = await siege.attacker({ peer: id });
    const senders: Sender[] = [];
    for (let i = 0; i < SENDERS; i++) senders.push(await senderTo(reader, id));
    reader.tcp.pause();
    const timer = setInterval(() => senders.forEach(burst), TICK_MS);
    try {
      // Each was told to wait; those are senders with bad manners, who do not. An honest client's engine does.
      for (const { peer, handle } of senders) expect(await peer.next("path")).toEqual({ handle, path: Path.Held });
      await senders[0]!.peer.until(
        "Away",
        () => senders[0]!.peer.all("path").some(({ path }) => path === Path.Away),
        30_000,
      );
    } finally {
      clearInterval(timer);
    }
    // It did not come back within the grace period, which here is a second.
    for (const { peer } of senders) expect((await peer.next("close")).reason).toBe(EndReason.PeerLost);
    reader.tcp.resume();
    await reader.cutOff(CloseCode.Stalled);
  });
});
