/** The HTTP answer to whatever was written, read off the TCP connection. */
export class RawResponse {
  status: number | undefined;
  /** Status line, headers and as much of the body as `content-length` names. */
  text = "";
  /** Resolves with the head and body, or when the connection ends before them. */
  readonly complete: Promise<void>;
  #done!: () => void;
  #bytes = Buffer.alloc(0);
  #isUpgraded = false;
  readonly #changed: () => void;

  constructor(changed: () => void) {
    this.#changed = changed;
    this.complete = new Promise((resolve) => (this.#done = resolve));
  }

  /** The stable code of a problem document; undefined for what is none. */
  get code(): string | undefined {
    const body = this.text.slice(this.text.indexOf("\r\n\r\n") + 4);
    return /"code":"([a-z_]+)"/.exec(body)?.[1];
  }

  header(name: string): string | undefined {
    return new RegExp(`^${name}: (.*)\r$`, "im").exec(this.text)?.[1];
  }

  /** Returns what came behind a 101: bytes of the WebSocket. */
  read(chunk: Buffer): Buffer | undefined {
    if (this.#isUpgraded) return chunk;
    this.#bytes = Buffer.concat([this.#bytes, chunk]);
    this.text = this.#bytes.toString("latin1");
    const head = this.text.indexOf("\r\n\r\n");
    if (head < 0) return undefined;
    this.status = Number(/^HTTP\/1\.1 (\d{3})/.exec(this.text)?.[1]);
    if (this.status === 101) {
      this.#isUpgraded = true;
      const rest = this.#bytes.subarray(head + 4);
      this.text = this.text.slice(0, head + 4);
      this.#finish();
      return rest;
    }
    if (this.#bytes.length >= head + 4 + Number(this.header("content-length") ?? 0)) this.#finish();
    return undefined;
  }

  /** The connection has ended: there will be no more of it. */
  end(): void {
    this.#finish();
  }

  #finish(): void {
    this.#done();
    this.#changed();
  }
}
