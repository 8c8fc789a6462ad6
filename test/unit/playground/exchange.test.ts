import { createHash } from "node:crypto";
import * as fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { Exchange, type Told } from "../../../src/playground/exchange.ts";

function told() {
  return {
    text: vi.fn<Told["text"]>(),
    file: vi.fn<Told["file"]>(),
    progress: vi.fn<Told["progress"]>(),
    echo: vi.fn<Told["echo"]>(),
    thrown: vi.fn<Told["thrown"]>(),
  };
}

/** Two ends; `refuse` says of which sends there is no room for. */
function pair(maxPacket: number, refuse: (nth: number) => boolean = () => false) {
  const heard = told();
  const receiver = new Exchange(() => false, maxPacket, heard);
  let sends = 0;
  const sizes: number[] = [];
  const sender = new Exchange(
    (bytes) => {
      if (refuse(++sends)) return false;
      sizes.push(bytes.length);
      receiver.received(bytes.slice());
      return true;
    },
    maxPacket,
    told(),
  );
  return { sender, receiver, heard, sizes };
}

/** Announces a file of so many bytes, whose hash is all zeros. */
function head(size: number): Uint8Array {
  const bytes = new Uint8Array(38);
  bytes[0] = 2;
  new DataView(bytes.buffer).setUint32(1, size);
  return bytes;
}

describe("exchange", () => {
  it.each([0, 1, 1_199, 1_200, 5_000])(
    "takes a file of %i bytes to the other end, in packets that fit",
    async (size) => {
      const { sender, heard, sizes } = pair(1_200, (nth) => nth % 3 === 0);
      const bytes = Uint8Array.from({ length: size }, (_, i) => i % 251);
      const hash = await sender.file("a.bin", bytes, () => false);
      expect(hash).toBe(createHash("sha256").update(bytes).digest("hex"));
      await vi.waitFor(() => expect(heard.file).toHaveBeenCalledOnce());
      expect(heard.file.mock.calls[0]?.[0]).toEqual({ name: "a.bin", bytes, hash, isSame: true });
      expect(Math.max(...sizes)).toBeLessThanOrEqual(1_200);
    },
  );

  it("gives a file up when the connection is over", async () => {
    const { sender, heard } = pair(1_200, (nth) => nth > 2);
    expect(await sender.file("a.bin", new Uint8Array(9_000), () => true)).toBeUndefined();
    expect(heard.file).not.toHaveBeenCalled();
  });

  it("notices a file that is not what was promised", async () => {
    const { receiver, heard } = pair(1_200);
    receiver.received(head(3));
    receiver.received(Uint8Array.of(3, 1, 2, 3));
    await vi.waitFor(() => expect(heard.file).toHaveBeenCalledOnce());
    expect(heard.file.mock.calls[0]?.[0].isSame).toBe(false);
  });

  it("tells texts with how they were sent, and counts thrown packets by throw", async () => {
    const { sender, heard } = pair(1_200);
    sender.text("Grüße 🎮", false);
    expect(heard.text).toHaveBeenCalledWith("Grüße 🎮", false);
    await sender.throw(3, 200, 10_000);
    expect(heard.thrown).toHaveBeenLastCalledWith(3, 3);
    await sender.throw(2, 1, 10_000);
    expect(heard.thrown).toHaveBeenLastCalledWith(2, 2);
  });

  it("measures how long an answer takes, and believes no other clock", () => {
    const heard = told();
    const ends: Exchange[] = [];
    const to = (end: number) => (bytes: Uint8Array) => {
      ends[end]?.received(bytes);
      return true;
    };
    ends.push(new Exchange(to(1), 1_200, heard), new Exchange(to(0), 1_200, told()));
    ends[0]?.beat();
    expect(heard.echo).toHaveBeenCalledOnce();
    expect(heard.echo.mock.calls[0]?.[0]).toBeLessThan(1_000);
    ends[0]?.received(Uint8Array.of(7, 0x41, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff));
    ends[0]?.received(Uint8Array.of(7, 0x7f, 0xf8, 0, 0, 0, 0, 0, 0));
    expect(heard.echo).toHaveBeenCalledOnce();
  });

  it("bears whatever the other end sends", () => {
    const { receiver } = pair(1_200);
    const anything = fc.tuple(fc.integer({ min: 0, max: 6 }), fc.uint8Array({ maxLength: 60 }));
    fc.assert(fc.property(anything, ([kind, rest]) => receiver.received(Uint8Array.of(kind, ...rest))));
    receiver.received(new Uint8Array());
  });

  it("reserves nothing for a file of 4 GiB, and takes no more than was announced", () => {
    const { receiver, heard } = pair(1_200);
    receiver.received(head(0xffff_ffff));
    receiver.received(Uint8Array.of(3, 1, 2, 3));
    receiver.received(head(2));
    receiver.received(Uint8Array.of(3, 1, 2, 3));
    expect(heard.progress).not.toHaveBeenCalled();
  });
});
