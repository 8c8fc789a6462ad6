/** What this peer says, and what it hears. */
import { useEffect, useMemo, useState } from "preact/hooks";
import type { Deed } from "../code-sample.ts";
import { MAX_FILE } from "../exchange.ts";
import type { PlaygroundPeer } from "../peer.ts";
import type { Received } from "../received.ts";
import { bytes } from "./text.ts";

interface Props {
  readonly peer: PlaygroundPeer;
  readonly onDeed: (deed: Deed) => void;
}

export function SendBox({ peer, onDeed }: Props) {
  const [text, setText] = useState(`Hello from ${peer.options.name}`);
  const [isReliable, setReliable] = useState(true);
  const [problem, setProblem] = useState("");
  const { name } = peer.options;
  const send = (event: Event): void => {
    event.preventDefault();
    if (text === "") return;
    peer.sendText(text, isReliable);
    onDeed({ kind: "text", text, isReliable });
  };
  const sendFile = (input: HTMLInputElement): void => {
    const file = input.files?.[0];
    if (!file) return;
    setProblem(file.size > MAX_FILE ? `The playground takes files of at most ${bytes(MAX_FILE)}.` : "");
    if (file.size > MAX_FILE) return;
    onDeed({ kind: "file", name: file.name });
    void peer.sendFile(file).then(() => (input.value = ""));
  };
  return (
    <form class="send" aria-label={`Send as ${name}`} onSubmit={send}>
      <div class="row">
        <input
          class="grow"
          aria-label={`Text of ${name}`}
          value={text}
          maxLength={1_000}
          onInput={(event) => setText(event.currentTarget.value)}
        />
        <button type="submit">Send</button>
      </div>
      <div class="row">
        <label class="check">
          <input type="checkbox" checked={isReliable} onChange={(event) => setReliable(event.currentTarget.checked)} />
          Reliable
        </label>
        <label class="button file">
          Send a file
          <input
            type="file"
            class="hidden-input"
            aria-label={`File of ${name}`}
            onChange={(event) => sendFile(event.currentTarget)}
          />
        </label>
        <span class="problem" role="status">
          {problem}
        </span>
      </div>
    </form>
  );
}

export function Inbox({ peer }: { readonly peer: PlaygroundPeer }) {
  const received = peer.received.value;
  const progress = peer.progress.value;
  return (
    <div class="inbox">
      <h3>Messages</h3>
      {progress !== undefined && <progress aria-label="File that is arriving" max={1} value={progress} />}
      {received.length === 0 && <p class="muted">Nothing yet. Send something from either peer.</p>}
      <ul aria-label={`Messages of ${peer.options.name}`}>
        {received.toReversed().map((one) => (
          <li key={one.id} class={one.isOwn ? "own" : "theirs"}>
            <span class="muted">{one.isOwn ? "sent" : "got"}</span>
            {one.kind === "text" ? <Text one={one} /> : <FileLine one={one} />}
          </li>
        ))}
      </ul>
    </div>
  );
}

function Text({ one }: { readonly one: Extract<Received, { kind: "text" }> }) {
  return (
    <span>
      {one.text}
      {!one.isReliable && <span class="muted"> (unreliable)</span>}
    </span>
  );
}

function FileLine({ one }: { readonly one: Extract<Received, { kind: "file" }> }) {
  const url = useMemo(() => (one.isOwn ? undefined : URL.createObjectURL(new Blob([one.bytes]))), [one]);
  useEffect(() => () => void (url && URL.revokeObjectURL(url)), [url]);
  return (
    <span class="file-line">
      {url ? (
        <a href={url} download={one.name}>
          {one.name}
        </a>
      ) : (
        one.name
      )}{" "}
      <span class="muted">{bytes(one.size)}</span> {!one.isSame && <strong class="bad">damaged</strong>}
      <code class="hash" data-hash={one.hash}>
        SHA-256 {one.hash.slice(0, 16)}…{one.hash.slice(-8)}
      </code>
    </span>
  );
}
