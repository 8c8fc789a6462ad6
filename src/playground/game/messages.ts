/**
 * What the players tell each other, as bytes. A game state goes out thirty times a second, so it is a few numbers in a row
 * and no JSON: 20 bytes where JSON would take 80.
 */
import type { Point, Ship } from "./simulation.ts";

/** Each player's own ship, every tick, unreliable: the next one makes up for one that is lost. */
export interface ShipState {
  /** Counts up by one per tick of the sender. */
  readonly tick: number;
  readonly ship: Ship;
}

/** From the host whenever it changes, reliable: the guest must not miss one. */
export interface ScoreState {
  readonly scores: readonly [host: number, guest: number];
  readonly spark: Point;
}

/** u32 tick, f32 x, y, vx, vy */
const SHIP_BYTES = 20;
/** u16 score of the host, u16 of the guest, u16 x, u16 y of the spark */
const SCORE_BYTES = 8;

export function encodeShip({ tick, ship }: ShipState): Uint8Array {
  const view = new DataView(new ArrayBuffer(SHIP_BYTES));
  view.setUint32(0, tick);
  [ship.x, ship.y, ship.vx, ship.vy].forEach((value, i) => view.setFloat32(4 + 4 * i, value));
  return new Uint8Array(view.buffer);
}

/** Undefined for bytes that are no state: the other player's program may be another version, or not ours. */
export function decodeShip(bytes: Uint8Array): ShipState | undefined {
  if (bytes.length !== SHIP_BYTES) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const [x = 0, y = 0, vx = 0, vy = 0] = [4, 8, 12, 16].map((offset) => view.getFloat32(offset));
  if (![x, y, vx, vy].every(Number.isFinite)) return undefined;
  return { tick: view.getUint32(0), ship: { x, y, vx, vy } };
}

export function encodeScore({ scores, spark }: ScoreState): Uint8Array {
  const view = new DataView(new ArrayBuffer(SCORE_BYTES));
  [...scores, spark.x, spark.y].forEach((value, i) => view.setUint16(2 * i, value));
  return new Uint8Array(view.buffer);
}

export function decodeScore(bytes: Uint8Array): ScoreState | undefined {
  if (bytes.length !== SCORE_BYTES) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const [host = 0, guest = 0, x = 0, y = 0] = [0, 2, 4, 6].map((offset) => view.getUint16(offset));
  return { scores: [host, guest], spark: { x, y } };
}
