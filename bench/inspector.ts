/** workerd's inspector (Chrome DevTools Protocol), as far as a CPU profile needs it. */

export interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number;
    readonly children?: readonly number[];
    readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
  }[];
  /** Of nodes. */
  readonly samples: readonly number[];
  /** µs before each sample. */
  readonly timeDeltas: readonly number[];
}

const LISTEN_MS = 5_000;

interface Answer {
  readonly id?: number;
  readonly result?: unknown;
  readonly error?: { readonly message: string };
}

export class Inspector {
  readonly #socket: WebSocket;
  readonly #waiting = new Map<number, (answer: Answer) => void>();
  #last = 0;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.addEventListener("message", ({ data }) => {
      const answer = JSON.parse(String(data)) as Answer;
      if (answer.id === undefined) return; // an event
      this.#waiting.get(answer.id)?.(answer);
      this.#waiting.delete(answer.id);
    });
  }

  /** To the first worker that the process lists. */
  static async connect(port: number): Promise<Inspector> {
    const target = await findTarget(port);
    const socket = new WebSocket(target.webSocketDebuggerUrl);
    await new Promise((resolve, reject) => {
      socket.addEventListener("open", resolve, { once: true });
      socket.addEventListener("error", () => reject(new Error("The inspector does not answer")), { once: true });
    });
    return new Inspector(socket);
  }

  async startProfile(samplingUs: number): Promise<void> {
    await this.#call("Profiler.enable");
    await this.#call("Profiler.setSamplingInterval", { interval: samplingUs });
    await this.#call("Profiler.start");
  }

  async stopProfile(): Promise<CpuProfile> {
    const { profile } = (await this.#call("Profiler.stop")) as { readonly profile: CpuProfile };
    return profile;
  }

  close(): void {
    this.#socket.close();
  }

  async #call(method: string, params: Readonly<Record<string, unknown>> = {}): Promise<unknown> {
    const id = ++this.#last;
    const answered = new Promise<Answer>((resolve) => this.#waiting.set(id, resolve));
    this.#socket.send(JSON.stringify({ id, method, params }));
    const { result, error } = await answered;
    if (error) throw new Error(`${method}: ${error.message}`);
    return result;
  }
}

/** The inspector may begin to listen after the worker does. */
async function findTarget(port: number): Promise<{ readonly webSocketDebuggerUrl: string }> {
  for (const deadline = Date.now() + LISTEN_MS; ;) {
    try {
      const response = await fetch(`http://127.0.0.1:${port}/json`);
      const [target] = (await response.json()) as { readonly webSocketDebuggerUrl: string }[];
      if (target) return target;
    } catch (error) {
      if (Date.now() > deadline) throw error;
    }
    if (Date.now() > deadline) throw new Error("The inspector lists no worker");
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
