/** `top` on a terminal: asks, draws, and does what is typed, until it is ended. */
import { Failure } from "../exit.ts";
import { CONNECTION_COLUMNS, CONNECTION_SORTS, ROOM_COLUMNS, ROOM_SORTS, sortRooms } from "./columns.ts";
import type { ConnectionRow, RoomRow } from "./figures.ts";
import type { Key } from "./keys.ts";
import type { ConnectionPage, RoomPlace, Source } from "./source.ts";
import { Terminal } from "./terminal.ts";
import { type Screen, draw } from "./view.ts";

/** A page of connections that is longer than any screen. */
export const CONNECTIONS_SHOWN = 200;

export interface LiveOptions {
  readonly source: Source;
  readonly origin: string;
  readonly app: number | undefined;
  readonly intervalMs: number;
}

export class LiveTop {
  readonly #options: LiveOptions;
  /** The room whose connections are shown; undefined: all rooms. */
  #place: RoomPlace | undefined;
  #rooms: readonly RoomRow[] = [];
  #page: ConnectionPage = { rows: [], total: 0 };
  readonly #selected = { rooms: 0, connections: 0 };
  readonly #sorts = { rooms: 0, connections: 0 };
  #trouble = "";
  #isOver = false;
  #terminal: Terminal | undefined;
  #wake = (): void => undefined;

  constructor(options: LiveOptions) {
    this.#options = options;
  }

  /** Throws a Failure where the relay does not answer at first; later it is only told, and tried again. */
  async run(place: RoomPlace | undefined): Promise<void> {
    this.#place = place;
    await this.#ask();
    this.#terminal = new Terminal((key) => this.#pressed(key));
    try {
      while (!this.#isOver) {
        this.#draw();
        await this.#pause();
        if (!this.#isOver) await this.#ask().catch((error: unknown) => this.#troubled(error));
      }
    } finally {
      this.#terminal.release();
    }
  }

  async #ask(): Promise<void> {
    const { source, app } = this.#options;
    const place = this.#place;
    if (!place) {
      this.#rooms = await source.rooms(app);
    } else {
      const page = await source.connections(place, this.#connectionSort, CONNECTIONS_SHOWN);
      if (place === this.#place) this.#page = page;
    }
    this.#trouble = "";
  }

  /** What is no Failure is a fault of ours, and ends it. */
  #troubled(error: unknown): void {
    if (!(error instanceof Failure)) throw error;
    this.#trouble = error.message;
  }

  /** Until it is time to ask again, or a key asks for it. */
  async #pause(): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, this.#options.intervalMs);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#wake = () => undefined;
  }

  #pressed(key: Key): void {
    switch (key) {
      case "quit":
        this.#isOver = true;
        return this.#wake();
      case "up":
        return this.#move(-1);
      case "down":
        return this.#move(1);
      case "enter":
        return this.#open();
      case "back":
        return this.#close();
      case "sort":
        return this.#sort();
    }
  }

  #move(by: number): void {
    const list = this.#list;
    const last = Math.max(0, (this.#place ? this.#page.rows : this.#rooms).length - 1);
    this.#selected[list] = Math.max(0, Math.min(last, this.#selected[list] + by));
    this.#draw();
  }

  #open(): void {
    const row = this.#place ? undefined : this.#sortedRooms[this.#selected.rooms];
    if (!row) return;
    this.#place = { app: row.app, room: row.room };
    this.#page = { rows: [], total: 0 };
    this.#selected.connections = 0;
    this.#wake();
  }

  #close(): void {
    this.#place = undefined;
    this.#wake();
  }

  #sort(): void {
    const { length } = this.#place ? CONNECTION_SORTS : ROOM_SORTS;
    this.#sorts[this.#list] = (this.#sorts[this.#list] + 1) % length;
    if (this.#place) this.#wake();
    else this.#draw();
  }

  get #list(): "rooms" | "connections" {
    return this.#place ? "connections" : "rooms";
  }

  get #sortedRooms(): readonly RoomRow[] {
    return sortRooms(this.#rooms, ROOM_SORTS[this.#sorts.rooms] ?? "bytes");
  }

  get #connectionSort() {
    return CONNECTION_SORTS[this.#sorts.connections] ?? "bytes";
  }

  #draw(): void {
    const terminal = this.#terminal;
    if (!terminal) return;
    terminal.show(this.#place ? draw(this.#ofRoom(this.#place), terminal.size) : draw(this.#ofAll(), terminal.size));
  }

  #ofAll(): Screen<RoomRow> {
    const rows = this.#sortedRooms;
    const peers = rows.reduce((sum, row) => sum + row.peers, 0);
    const title = `edge-relay at ${this.#options.origin}: ${rows.length} rooms, ${peers} peers`;
    const help = `q quit  ↑↓ select  enter connections  s sort (${ROOM_SORTS[this.#sorts.rooms]})`;
    return { title, columns: ROOM_COLUMNS, rows, ...this.#bottom("rooms", rows, help) };
  }

  #ofRoom({ app, room }: RoomPlace): Screen<ConnectionRow> {
    const { rows, total } = this.#page;
    const shown = total > rows.length ? `, the first ${rows.length} of them` : "";
    const title = `app ${app}, ${room === null ? "its own room" : `room ${room}`}: ${total} connections${shown}`;
    const help = `q quit  ↑↓ select  esc rooms  s sort (${this.#connectionSort})`;
    return { title, columns: CONNECTION_COLUMNS, rows, ...this.#bottom("connections", rows, help) };
  }

  #bottom(list: "rooms" | "connections", rows: readonly unknown[], help: string) {
    const selected = Math.min(this.#selected[list], Math.max(0, rows.length - 1));
    return { selected, status: this.#trouble === "" ? help : this.#trouble };
  }
}
