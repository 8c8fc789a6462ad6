/** To a room that is known by name: also one in which nobody is just now. */
import { go } from "../routing/location.ts";
import { roomHash } from "../routing/route.ts";

export function OpenRoom({ app }: { app?: number }) {
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    const values = new FormData(event.currentTarget as HTMLFormElement);
    const room = String(values.get("room") ?? "").trim();
    const id = app ?? Number(values.get("app"));
    go(roomHash({ app: id, room: room === "" ? undefined : room }));
  };
  return (
    <form class="open-room" onSubmit={submit} aria-label="Open a room by name">
      {app === undefined && (
        <input name="app" aria-label="App id" placeholder="App id" inputMode="numeric" pattern="[0-9]+" required />
      )}
      <input
        name="room"
        aria-label="Room, or nothing for the app's own"
        placeholder="Room"
        pattern="[A-Za-z0-9][A-Za-z0-9._~\-]{0,63}"
      />
      <button>Open</button>
    </form>
  );
}
