/** Players with identities, and a relay between them that a test can tell what to do. */
import { signIdentity } from "../../../src/auth/sign-identity.ts";
import {
  type EncryptOptions,
  type Identity,
  type SecureConnection,
  type SecureMessage,
  encrypt,
  generateIdentity,
} from "../../../src/client/encryption/index.ts";
import type { Message, RelayConnection } from "../../../src/client/relay-connection.ts";
import { RelayError } from "../../../src/client/relay-error.ts";
import { createSocketPair } from "../../../src/client/simulator/index.ts";
import { type Jwk, keyPair } from "../auth/keys.ts";

export const ALICE = 1001n;
export const BOB = 1002n;
export const APP = 480;

export interface Backend {
  readonly publicKey: Jwk;
  readonly privateKey: Jwk;
}

export const backend: Backend = await keyPair("EdDSA", "k1");

export interface Player extends EncryptOptions {
  readonly identity: Identity;
}

export async function player(
  peer: bigint,
  how: { app?: number; signer?: Backend; issuers?: readonly Jwk[]; now?: number; expiresInSeconds?: number } = {},
): Promise<Player> {
  const { app = APP, signer = backend, issuers = [backend.publicKey], now, expiresInSeconds } = how;
  const identity = await generateIdentity();
  const claims = { peer, app, key: identity.publicKey, expiresInSeconds };
  return { identity, certificate: await signIdentity(claims, signer.privateKey, { now }), issuers };
}

export const alice = await player(ALICE);
export const bob = await player(BOB);

export interface Hop {
  readonly from: "alice" | "bob";
  /** Position among the messages of this direction, the handshake's two included. */
  readonly index: number;
  readonly message: Message;
}

export type Deliver = (
  to: "alice" | "bob",
  message: Pick<Message, "payload" | "lane" | "channel" | "reliable">,
) => void;

export interface HostileRelay {
  readonly toAlice: RelayConnection;
  readonly toBob: RelayConnection;
  readonly seen: Hop[];
  readonly deliver: Deliver;
}

/** Two ends, and between them a relay that sees every message; without `meddle` it hands on what it gets. */
export function hostilePair(
  meddle: (hop: Hop, deliver: Deliver) => void = ({ from, message }, deliver) => deliver(other(from), message),
): { a: RelayConnection; b: RelayConnection; relay: HostileRelay } {
  const tuning = { nagleMs: 0, sendRate: Infinity, sendBufferSize: 8 * 1024 * 1024 };
  const [a, toAlice] = createSocketPair({ peers: [BOB, ALICE], tuning });
  const [toBob, b] = createSocketPair({ peers: [BOB, ALICE], tuning });
  const lanes = Array.from({ length: 4 }, () => 0);
  for (const end of [a, b, toAlice, toBob]) end.configureLanes(lanes, lanes.fill(1));
  const seen: Hop[] = [];
  const deliver: Deliver = (to, { payload, ...options }) => {
    const end = to === "alice" ? toAlice : toBob;
    if (!end.ending) end.send(payload, { ...options, noNagle: true });
  };
  const listen = (end: RelayConnection, from: "alice" | "bob"): void => {
    let index = 0;
    end.onMessage((message) => {
      end.release(message);
      const hop = { from, index: index++, message };
      seen.push(hop);
      meddle(hop, deliver);
    });
  };
  listen(toAlice, "alice");
  listen(toBob, "bob");
  void a.closed.then(({ reason, debug }) => toBob.close({ reason, debug, linger: false }));
  void b.closed.then(({ reason, debug }) => toAlice.close({ reason, debug, linger: false }));
  return { a, b, relay: { toAlice, toBob, seen, deliver } };
}

export function other(name: "alice" | "bob"): "alice" | "bob" {
  return name === "alice" ? "bob" : "alice";
}

export async function encryptBoth(
  a: RelayConnection,
  b: RelayConnection,
): Promise<[SecureConnection, SecureConnection]> {
  return Promise.all([encrypt(a, alice), encrypt(b, bob)]);
}

/** What became of both handshakes: a code, or "ok". */
export async function outcomes(
  a: RelayConnection,
  b: RelayConnection,
  ofAlice: Partial<EncryptOptions> = {},
  ofBob: Partial<EncryptOptions> = {},
): Promise<[string, string]> {
  return Promise.all([outcome(encrypt(a, { ...alice, ...ofAlice })), outcome(encrypt(b, { ...bob, ...ofBob }))]);
}

export async function outcome(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
    return "ok";
  } catch (error) {
    if (error instanceof RelayError) return error.code;
    throw error;
  }
}

export const text = ({ payload }: Pick<SecureMessage, "payload">): string => new TextDecoder().decode(payload);

export async function read(connection: SecureConnection, count: number): Promise<SecureMessage[]> {
  const messages: SecureMessage[] = [];
  if (count === 0) return messages;
  for await (const message of connection) {
    messages.push(message);
    if (messages.length === count) break;
  }
  return messages;
}

/** Everything until the connection ends: the texts, and the code it failed with if it did. */
export async function readAll(connection: SecureConnection): Promise<{ texts: string[]; failure: string | undefined }> {
  const texts: string[] = [];
  try {
    for await (const message of connection) texts.push(text(message));
    return { texts, failure: undefined };
  } catch (error) {
    if (error instanceof RelayError) return { texts, failure: error.code };
    throw error;
  }
}

export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
