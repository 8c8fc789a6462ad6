/** What becomes of what a peer sends beyond its rates (rules L1, L2, C14); the arithmetic is in rates.ts. */
import { DataFlag, EndReason } from "../../protocol/index.ts";
import type { ConnectionRecord, P2PConnection } from "../connection.ts";
import type { Link } from "../sessions/link.ts";
import { Charge, MAX_REFUSED_CONNECTS, chargeConnection } from "./rates.ts";
import { type RoomState, drop, dropTimes } from "../room-state.ts";
import { refuse } from "../telling.ts";

/** What one inbound message has been charged so far. */
export interface Charged {
  /** Its sender is beyond its rate: of the data in it only what is reliable is relayed. */
  readonly isBeyondRate: boolean;
  /** It has been answered with `rate_limited`, which is said once per message. */
  isTold: boolean;
}

/** Charges for a message before it is read. `Far` has ended its session. */
export function chargeMessage(room: RoomState, link: Link, size: number, now: number): Charge {
  const charge = link.rates.message(size, now);
  if (charge !== Charge.Far) return charge;
  const { messagesPerSecond, bytesPerSecond } = link.rates.limits;
  const message = `far beyond ${messagesPerSecond} messages or ${bytesPerSecond} bytes a second; keep to the welcome's limits`;
  refuse(room, link, "flooding", { frame: 0 }, message);
  return charge;
}

/** Whether the frame at `offset` is dropped, all `copies` of it, because it is unreliable and its sender beyond the rate. */
export function isDropped(
  room: RoomState,
  link: Link,
  inbound: Charged & { readonly view: DataView },
  offset: number,
  copies: number,
): boolean {
  if (!inbound.isBeyondRate || isReliable(inbound.view, offset)) return false;
  const frame = inbound.view.getUint8(offset);
  dropTimes(room, "rate_limited", copies);
  const { messagesPerSecond, bytesPerSecond } = link.rates.limits;
  const message = `more than ${messagesPerSecond} messages or ${bytesPerSecond} bytes a second; unreliable data is dropped`;
  tellOnce(room, link, inbound, { frame }, message);
  return true;
}

/** Whether a payload may pass over this connection. Nothing to do where there is no limit, as by default. */
export function isWithinConnection(
  room: RoomState,
  link: Link,
  connection: P2PConnection,
  inbound: Charged & { readonly view: DataView; readonly now: number },
  offset: number,
  size: number,
): boolean {
  const perSecond = link.rates.limits.connectionBytesPerSecond;
  if (perSecond === 0) return true;
  const record = connection as ConnectionRecord;
  const end = record.fromPeerId === link.peer ? "from" : "to";
  const charge = chargeConnection((record.rates ??= {}), end, perSecond, size, inbound.now);
  if (charge === Charge.Within || (charge === Charge.Beyond && isReliable(inbound.view, offset))) return true;
  drop(room, "connection_rate_limited");
  const frame = inbound.view.getUint8(offset);
  const message = `more than ${perSecond} bytes a second over connection ${record.handle}`;
  tellOnce(room, link, inbound, { frame, about: record.handle }, message);
  if (charge === Charge.Far) room.manager.closeConnection(record.connectionId, EndReason.RateLimited);
  return false;
}

/**
 * Whether one more connect, or another frame that costs as much (joining a group, standing for host), is within the rate;
 * otherwise it is answered.
 */
export function mayAsk(
  room: RoomState,
  link: Link,
  offending: { readonly frame: number; readonly about?: number },
  now: number,
): boolean {
  if (link.rates.takeConnect(now)) return true;
  if (!link.rates.mayRefuseConnect(now)) {
    refuse(room, link, "flooding", offending, `${MAX_REFUSED_CONNECTS} requests beyond the rate within a minute`);
    return false;
  }
  const { connectBurst, connectsPerSecond } = link.rates.limits;
  const message = `more than ${connectBurst} requests at once, or ${connectsPerSecond} a second; try again later`;
  refuse(room, link, "rate_limited", offending, message);
  return false;
}

function isReliable(view: DataView, offset: number): boolean {
  return (view.getUint8(offset + 1) & DataFlag.Reliable) !== 0;
}

export function tellOnce(
  room: RoomState,
  link: Link,
  inbound: Charged,
  offending: { readonly frame: number; readonly about?: number },
  message: string,
): void {
  if (inbound.isTold) return room.counters.refused("rate_limited");
  inbound.isTold = true;
  refuse(room, link, "rate_limited", offending, message);
}
