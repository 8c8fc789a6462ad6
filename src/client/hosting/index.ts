/** Who hosts the room, and standing for it. An entry of its own: nothing of the client imports it. */
export { type Host, Hosting, type HostingEvents } from "./hosting.ts";
