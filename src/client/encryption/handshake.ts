import { EndReason } from "../../protocol/index.ts";
import type { Message, RelayConnection } from "../relay-connection.ts";
import { RelayError } from "../relay-error.ts";
import { type Bytes, equal, fromBase64url, toBase64url } from "./bytes.ts";
import {
  type Certificate,
  type IssuerKey,
  MAX_CERTIFICATE_LENGTH,
  importIssuers,
  readOwnCertificate,
  verifyCertificate,
} from "./certificate.ts";
import { type Identity, diffieHellman, exportPublicKey, generateKeyPair } from "./identity.ts";
import {
  type Hello,
  type Secret,
  VERSION,
  decodeHello,
  deriveDirections,
  encodeHello,
  hashTranscript,
  isFinished,
  sealFinished,
} from "./key-schedule.ts";
import type { Lobby } from "./lobby.ts";

export interface HandshakeOptions {
  readonly identity: Identity;
  /** Of `signIdentity`, for this identity's public key and this client's peer id. */
  readonly certificate: string;
  /** The backend's public keys. Several, with a `kid` each, while one is being replaced by another. */
  readonly issuers: readonly IssuerKey[];
  /** How long the other end may take once the connection is accepted; default 10 s. */
  readonly timeoutMs?: number | undefined;
  /** ms since 1970, for tests; default `Date.now`. */
  readonly now?: (() => number) | undefined;
}

export interface Established {
  readonly peerCertificate: Certificate;
  readonly outgoing: Secret;
  readonly incoming: Secret;
}

const TIMEOUT_MS = 10_000;

/** Both ends do the same at the same time: a hello, then the proof that one has the keys. Ends the connection if it fails. */
export async function handshake(
  connection: RelayConnection,
  lobby: Lobby,
  options: HandshakeOptions,
): Promise<Established> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  try {
    const own = await prepare(connection, options);
    sendUnlessOver(connection, own.hello);
    await connection.connected;
    const { timeoutMs = TIMEOUT_MS } = options;
    timer = setTimeout(() => lobby.fail(timedOut(timeoutMs)), timeoutMs);
    return await exchange(connection, lobby, own, options);
  } catch (error) {
    const debug = error instanceof RelayError ? `${error.code}: ${error.message}` : "handshake_failed";
    void connection.close({ reason: EndReason.AppExceptionGeneric, debug, linger: false });
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

interface Own {
  readonly certificate: Certificate;
  readonly ephemeral: CryptoKeyPair;
  readonly hello: Bytes;
}

async function prepare(connection: RelayConnection, options: HandshakeOptions): Promise<Own> {
  const { identity, now = Date.now } = options;
  // First, so that a runtime without X25519 is told so, and not that its identity is bad.
  const ephemeral = await generateKeyPair();
  const named = toBase64url(await exportPublicKey(identity.keys.publicKey));
  const certificate = readOwnCertificate(options.certificate, named, now());
  if (certificate.peer === connection.peer) {
    const message = "Cannot encrypt: our own certificate is for the peer at the other end; use the one for this peer";
    throw new RelayError("invalid_argument", message);
  }
  const hello = encodeHello(await exportPublicKey(ephemeral.publicKey), options.certificate);
  return { certificate, ephemeral, hello };
}

async function exchange(
  connection: RelayConnection,
  lobby: Lobby,
  own: Own,
  { identity, issuers, now = Date.now }: HandshakeOptions,
): Promise<Established> {
  const trusted = await importIssuers(issuers);
  const first = await lobby.next();
  const hello = readHello(first);
  connection.release(first);
  const { app } = own.certificate;
  const peerCertificate = await verifyCertificate(hello.certificate, {
    peer: connection.peer,
    app,
    issuers: trusted,
    now: now(),
  });
  const secrets = await derive(connection, own, identity, { hello, bytes: first.payload.slice(), peerCertificate });
  sendUnlessOver(connection, await sealFinished(secrets.outgoing));
  const second = await lobby.next();
  const isConfirmed = await isFinished(secrets.incoming, second.payload);
  connection.release(second);
  // No application data before this: who only replays a hello, or alters one, does not get here.
  if (!isConfirmed) throw failed("the two ends have different keys: what the relay handed on is not what was sent");
  return { peerCertificate, ...secrets };
}

function readHello({ payload }: Message): Hello {
  const hello = decodeHello(payload);
  if (!hello) throw failed("the first message is no handshake: the peer has to call encrypt() too, before it sends");
  if (hello.version !== VERSION) {
    throw failed(`the peer speaks version ${hello.version} of it, and this client ${VERSION}; update the older one`);
  }
  if (hello.certificate.length > MAX_CERTIFICATE_LENGTH) throw failed("the peer's certificate is too long");
  return hello;
}

async function derive(
  connection: RelayConnection,
  own: Own,
  identity: Identity,
  theirs: { readonly hello: Hello; readonly bytes: Bytes; readonly peerCertificate: Certificate },
): Promise<{ outgoing: Secret; incoming: Secret }> {
  const { ephemeral } = theirs.hello;
  const identityKey = fromBase64url(theirs.peerCertificate.publicKey) ?? new Uint8Array(0);
  if (equal(ephemeral, identityKey)) throw failed("the peer's ephemeral key is its identity");
  const [ee, ephemeralToIdentity, identityToEphemeral] = await Promise.all([
    diffieHellman(own.ephemeral.privateKey, ephemeral),
    diffieHellman(own.ephemeral.privateKey, identityKey),
    diffieHellman(identity.keys.privateKey, ephemeral),
  ]);
  if (!ee || !ephemeralToIdentity || !identityToEphemeral) throw failed("the peer sent a key that gives no secret");
  const isLow = own.certificate.peer < connection.peer;
  const transcript = await hashTranscript({
    app: own.certificate.app,
    low: isLow ? own.certificate.peer : connection.peer,
    high: isLow ? connection.peer : own.certificate.peer,
    type: connection.type,
    virtualPort: connection.virtualPort ?? -1,
    lowHello: isLow ? own.hello : theirs.bytes,
    highHello: isLow ? theirs.bytes : own.hello,
  });
  const es = isLow ? ephemeralToIdentity : identityToEphemeral;
  const se = isLow ? identityToEphemeral : ephemeralToIdentity;
  const { lowToHigh, highToLow } = await deriveDirections({ ee, es, se }, transcript);
  return isLow ? { outgoing: lowToHigh, incoming: highToLow } : { outgoing: highToLow, incoming: lowToHigh };
}

/** When the connection is over, what arrived before can still be read. */
function sendUnlessOver(connection: RelayConnection, message: Bytes): void {
  if (!connection.ending && !connection.isLingering) connection.send(message, { noNagle: true });
}

function timedOut(timeoutMs: number): RelayError {
  const message = `The peer did not answer the handshake within ${timeoutMs} ms; it has to call encrypt() too`;
  return new RelayError("handshake_timeout", message);
}

export function failed(why: string): RelayError {
  return new RelayError("handshake_failed", `The connection could not be encrypted: ${why}`);
}
