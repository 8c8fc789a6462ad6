import { env } from "cloudflare:workers";
import { parseAppId, parseRoomName } from "../../../src/protocol/index.ts";
import type { WatchEvent } from "../../../src/relay/watching/events.ts";
import { DurableDirectory } from "../../../src/runtime/cloudflare/directory.ts";
import { objectsOf } from "../../../src/runtime/cloudflare/objects.ts";
import { DurableRooms } from "../../../src/runtime/cloudflare/rooms.ts";
import type { SocketClose, Where } from "./peer.ts";

const PATIENCE_MS = 8_000;

export type EventOf<Type extends WatchEvent["type"]> = Extract<WatchEvent, { type: Type }>;

/** The gateway's answer to an operator whose token has been checked. */
export function watchResponse({ app, room }: Where): Promise<Response> {
  const objects = objectsOf(env);
  return new DurableRooms(objects, new DurableDirectory(objects)).watch({
    app: parseAppId(app)!,
    room: parseRoomName(room),
  });
}

/** A watcher that keeps what it is told until a test takes it. */
export class TestWatcher {
  readonly socket: WebSocket;
  readonly events: WatchEvent[] = [];
  readonly pongs: string[] = [];
  readonly closed: Promise<SocketClose>;
  #arrived: (() => void) | undefined;

  private constructor(socket: WebSocket) {
    this.socket = socket;
    socket.addEventListener("message", ({ data }) => {
      if (data === "pong") this.pongs.push(data);
      else this.events.push(JSON.parse(data as string) as WatchEvent);
      this.#arrived?.();
    });
    this.closed = new Promise((resolve) => {
      socket.addEventListener("close", ({ code, reason, wasClean }) => resolve({ code, reason, wasClean }));
    });
  }

  static async watch(where: Where): Promise<TestWatcher> {
    const response = await watchResponse(where);
    if (!response.webSocket) throw new Error(`may not watch: ${response.status} ${await response.text()}`);
    const watcher = new TestWatcher(response.webSocket);
    response.webSocket.accept();
    return watcher;
  }

  /** The next event of this type that satisfies `is`; those before it are thrown away. */
  async next<Type extends WatchEvent["type"]>(
    type: Type,
    is: (event: EventOf<Type>) => boolean = () => true,
  ): Promise<EventOf<Type>> {
    const deadline = performance.now() + PATIENCE_MS;
    for (;;) {
      for (let event = this.events.shift(); event; event = this.events.shift()) {
        if (event.type === type && is(event as EventOf<Type>)) return event as EventOf<Type>;
      }
      if (performance.now() > deadline) throw new Error(`no ${type} came`);
      await this.#arrival(deadline - performance.now());
    }
  }

  /** Everything up to a pong: what the relay sent before it has come. */
  async fence(): Promise<WatchEvent[]> {
    const pongs = this.pongs.length;
    this.socket.send("ping");
    const deadline = performance.now() + PATIENCE_MS;
    while (this.pongs.length === pongs) {
      if (performance.now() > deadline) throw new Error("no pong came");
      await this.#arrival(deadline - performance.now());
    }
    return this.events.splice(0);
  }

  #arrival(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, Math.max(0, ms));
      this.#arrived = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
