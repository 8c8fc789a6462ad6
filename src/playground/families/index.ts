import { core } from "./core.ts";
import type { Family } from "./family.ts";
import { networkingMessages } from "./networking-messages.ts";
import { networkingSockets } from "./networking-sockets.ts";
import { p2pPackets } from "./p2p-packets.ts";
import { p2pSockets } from "./p2p-sockets.ts";

export type { Family, Link } from "./family.ts";

export const FAMILIES: readonly Family[] = [core, networkingSockets, networkingMessages, p2pPackets, p2pSockets];
export type FamilyId = string;

export function familyOf(id: FamilyId): Family {
  return FAMILIES.find((family) => family.id === id) ?? core;
}
