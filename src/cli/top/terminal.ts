/** The terminal while `top` has it: another screen, without a cursor, and keys as they are pressed. */
import process from "node:process";
import { type Key, readKeys } from "./keys.ts";
import type { Size } from "./view.ts";

const ENTER = "\x1b[?1049h\x1b[?25l\x1b[2J";
const LEAVE = "\x1b[?25h\x1b[?1049l";
const HOME = "\x1b[H";
const CLEAR_LINE = "\x1b[K";
const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

export function hasTerminal(): boolean {
  return process.stdout.isTTY === true && process.stdin.isTTY === true;
}

/** `release` must be called, whatever happens. */
export class Terminal {
  readonly #pressed: (key: Key) => void;
  readonly #onData = (chunk: string | Uint8Array): void => {
    for (const key of readKeys(String(chunk))) this.#pressed(key);
  };
  readonly #onSignal = (): void => this.#pressed("quit");

  constructor(pressed: (key: Key) => void) {
    this.#pressed = pressed;
    const { stdin, stdout } = process;
    stdin.setRawMode(true);
    stdin.setEncoding("utf8");
    stdin.on("data", this.#onData);
    stdin.resume();
    for (const signal of SIGNALS) process.on(signal, this.#onSignal);
    stdout.write(ENTER);
  }

  get size(): Size {
    const { columns, rows } = process.stdout;
    return { columns: columns || 80, rows: rows || 24 };
  }

  /** In one write, and over what was there: nothing flickers. */
  show(lines: readonly string[]): void {
    process.stdout.write(`${HOME}${lines.map((line) => `${line}${CLEAR_LINE}`).join("\r\n")}`);
  }

  release(): void {
    const { stdin, stdout } = process;
    stdout.write(LEAVE);
    for (const signal of SIGNALS) process.off(signal, this.#onSignal);
    stdin.off("data", this.#onData);
    stdin.setRawMode(false);
    stdin.pause();
  }
}
