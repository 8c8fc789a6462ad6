/** Channels of a room that peers join and leave. An entry of its own: nothing of the client imports it. */
export { Group, type GroupEvents, type GroupMessage, type GroupStatus } from "./group.ts";
export { Groups } from "./groups.ts";
