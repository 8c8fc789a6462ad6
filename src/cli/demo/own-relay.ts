/** A relay for as long as the demo: `serve` in a process of its own, with secrets made up, and nothing kept. */
import { randomBytes } from "node:crypto";
import { createInterface } from "node:readline";
import process from "node:process";
import { spawnModule } from "../child.ts";
import { Failure } from "../exit.ts";

export interface OwnRelay {
  readonly url: URL;
  readonly secret: string;
  readonly adminToken: string;
  end(): Promise<void>;
}

const ARGS = ["serve", "--host", "127.0.0.1", "--port", "0", "--database", ":memory:", "--log-level", "info"];

export async function startOwnRelay(): Promise<OwnRelay> {
  const [secret, adminToken] = [randomSecret(), randomSecret()];
  const settings = { TICKET_SECRET: secret, ADMIN_TOKEN: adminToken, TICKET_KEYS: "", APP_SETTINGS: "" };
  const plain = { TLS_CERT: "", TLS_KEY: "", TRUSTED_PROXIES: "" };
  const child = spawnModule("main", ARGS, {
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, ...settings, ...plain },
  });
  const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const url = await new Promise<URL>((resolve, reject) => {
    child.once("exit", (code) => reject(new Failure("relay_ended", `The demo's own relay ended with ${code}.`)));
    if (!child.stdout) return reject(new Error("a relay without stdout"));
    createInterface(child.stdout).on("line", (line) => {
      const entry = JSON.parse(line) as { event: string; url: string };
      if (entry.event === "listening") resolve(new URL(entry.url));
    });
  });
  const end = async (): Promise<void> => {
    child.kill();
    await exited;
  };
  return { url, secret, adminToken, end };
}

function randomSecret(): string {
  return randomBytes(32).toString("base64url");
}
