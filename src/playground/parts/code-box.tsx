import { useState } from "preact/hooks";

/** Code to take along. */
export function CodeBox({ code }: { readonly code: string }) {
  const [copied, setCopied] = useState("");
  const copy = async (): Promise<void> => {
    try {
      await navigator.clipboard.writeText(code);
      setCopied("Copied");
    } catch {
      setCopied("This browser does not let the page copy; select the code instead");
    }
    setTimeout(() => setCopied(""), 2_000);
  };
  return (
    <section class="panel code" aria-labelledby="code-title">
      <div class="row">
        <h2 id="code-title">What you just did, as code</h2>
        <span class="muted" role="status">
          {copied}
        </span>
        <button type="button" onClick={() => void copy()}>
          Copy
        </button>
      </div>
      {/* Focusable, because it scrolls sideways and a keyboard must get there. */}
      <pre tabIndex={0} aria-label="Code">
        <code>{code}</code>
      </pre>
    </section>
  );
}
