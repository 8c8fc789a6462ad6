import { useEffect, useRef, useState } from "preact/hooks";
import { messageOf } from "../api/problem.ts";
import { keptToken, signIn, signedOutBecause } from "../api/session.ts";
import { Logo } from "../parts/icon.tsx";
import { Failure } from "../parts/states.tsx";
import { ThemeSwitch } from "../parts/theme.tsx";

export function SignIn() {
  const [error, setError] = useState<string | null>(signedOutBecause.value);
  const [isBusy, setBusy] = useState(false);
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => field.current?.focus(), []);
  const submit = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    setBusy(true);
    try {
      await signIn(field.current?.value.trim() ?? "");
    } catch (refusal) {
      setError(messageOf(refusal));
      setBusy(false);
      field.current?.select();
    }
  };
  return (
    <main class="sign-in">
      <form class="panel" onSubmit={submit}>
        <header>
          <Logo />
          <h1>edge-relay</h1>
          <ThemeSwitch />
        </header>
        <label for="token">Admin token</label>
        <input
          id="token"
          ref={field}
          type="password"
          defaultValue={keptToken()}
          required
          autocomplete="off"
          spellcheck={false}
          aria-describedby="token-note"
        />
        <p id="token-note" class="muted">
          The relay's <code>ADMIN_TOKEN</code>, or one of its <code>ADMIN_TOKENS</code>. It is kept until this tab is
          closed, and sent to {location.host} only.
        </p>
        {error !== null && <Failure error={error} />}
        <button class="primary" disabled={isBusy}>
          {isBusy ? "Signing in …" : "Sign in"}
        </button>
      </form>
    </main>
  );
}
