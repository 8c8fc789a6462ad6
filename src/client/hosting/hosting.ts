import { ATTEND, FrameType, HOST, HostingRole, decodeFrame, encodeFrame } from "../../protocol/index.ts";
import type { Extension, ExtensionHost } from "../extension.ts";
import { Listener } from "../listener.ts";
import type { RelayClient } from "../relay-client.ts";
import type { RelayConnection } from "../relay-connection.ts";
import { RelayError } from "../relay-error.ts";
import type { OpenOptions, PortOptions } from "../relay-options.ts";
import { TypedEvents, emit } from "../typed-events.ts";

export interface Host {
  /** Grows with every change, for as long as there is a room: write it beside what the host saves, and refuse what is older. */
  readonly epoch: bigint;
  /** Undefined: nobody hosts just now. */
  readonly peer: bigint | undefined;
}

export interface HostingEvents {
  /** Another peer hosts from now on, or nobody does, or this client has learnt who does. */
  hostChanged: Host & { readonly previous: Host | undefined };
}

/**
 * Who hosts the room: one of those who have offered to, chosen by the relay. To follow is to make one of these; who is to
 * be chosen calls `offer`.
 */
export class Hosting extends TypedEvents<HostingEvents> implements Extension, Disposable {
  readonly #client: RelayClient;
  readonly #host: ExtensionHost;
  readonly #waiting: ((error?: RelayError) => void)[] = [];
  #role: HostingRole = HostingRole.Follower;
  #current: Host | undefined;
  /** The relay has said it on this socket. */
  #isConfirmed = false;
  /** The relay has been asked on this socket. */
  #hasAsked = false;

  constructor(client: RelayClient) {
    super();
    this.#client = client;
    this.#host = client.extend(this);
  }

  /** As the relay has told last; undefined until it has. */
  get current(): Host | undefined {
    return this.#current;
  }

  /** False as soon as this client loses its socket: another one may have been elected since. */
  get isHost(): boolean {
    return this.#isConfirmed && this.#current?.peer === this.#client.peer;
  }

  /** Stands for host, until `withdraw`. When the host leaves, or is away for too long, whoever has offered first is next. */
  offer(): void {
    this.#attend(HostingRole.Candidate);
  }

  /** Does not want to host any more; goes on following. */
  withdraw(): void {
    this.#attend(HostingRole.Follower);
  }

  /** Waits until somebody hosts, as far as the relay has told. Rejects with `relay_closed`. */
  async host(): Promise<Host & { readonly peer: bigint }> {
    for (;;) {
      const { current } = this;
      if (this.#isConfirmed && current?.peer !== undefined) return { epoch: current.epoch, peer: current.peer };
      if (this.#client.status === "closed")
        throw new RelayError("relay_closed", "There is no host: the client has left");
      // oxlint-disable-next-line no-await-in-loop -- one change after the other
      await this.#change();
    }
  }

  /** Opens a connection to whoever hosts now. It stays with that peer when the host changes: see `hostChanged`. */
  async open(options: OpenOptions = {}): Promise<RelayConnection> {
    const { peer } = await this.host();
    options.signal?.throwIfAborted();
    return this.#client.open(peer, options);
  }

  /** As the client's `listen`, for a port that the host serves: refuses connections while this client does not host. */
  listen(options: PortOptions = {}): Listener {
    const listener = new Listener(() => stop());
    const stop = this.#client.onIncoming(options, (connection, isRepeated) => {
      if (!this.isHost) connection.refuse({ debug: "not the host" });
      else if (!isRepeated) listener.offer(connection);
    });
    void this.#client.closed.then(() => listener.close());
    return listener;
  }

  /** Is told nothing any more, and does not host. */
  close(): void {
    this.#attend(HostingRole.None);
  }

  [Symbol.dispose](): void {
    this.close();
  }

  receive(_batch: Uint8Array, view: DataView, offset: number): void {
    if (view.getUint8(offset) !== FrameType.Host || this.#role === HostingRole.None) return;
    const values = decodeFrame(HOST, view, offset);
    if (values) this.#told({ epoch: values.epoch, peer: values.peer === 0n ? undefined : values.peer });
  }

  connected(): void {
    this.#hasAsked = true;
    this.#attend(this.#role);
  }

  interrupted(): void {
    this.#isConfirmed = this.#hasAsked = false;
  }

  refused(_error: RelayError, frame: number): boolean {
    if (frame !== FrameType.Attend) return false;
    // Too many requests at once: said again when there is room for it.
    setTimeout(() => this.#attend(this.#role), 1_000);
    return true;
  }

  ended(error: RelayError): void {
    this.#isConfirmed = false;
    for (const resolve of this.#waiting.splice(0)) resolve(error);
  }

  #attend(role: HostingRole): void {
    this.#role = role;
    if (role === HostingRole.None) this.#isConfirmed = false;
    if (this.#hasAsked) this.#host.say(encodeFrame(ATTEND, { role }));
  }

  #told(host: Host): void {
    const previous = this.#current;
    this.#isConfirmed = true;
    this.#current = host;
    for (const resolve of this.#waiting.splice(0)) resolve();
    if (previous?.epoch === host.epoch) return;
    emit<HostingEvents, "hostChanged">(this, "hostChanged", { ...host, previous });
  }

  #change(): Promise<void> {
    return new Promise((resolve, reject) =>
      this.#waiting.push((error) => {
        if (error) reject(error);
        else resolve();
      }),
    );
  }
}
