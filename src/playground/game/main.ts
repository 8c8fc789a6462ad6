/**
 * The page around the game: two players in two halves, or one of them in a tab of its own (`?player=1`, `?player=2`).
 * `room` in the URL keeps games apart that use the same app.
 */
import { developmentTicket } from "../tickets.ts";
import { draw } from "./draw.ts";
import { Game } from "./game.ts";
import { ARROWS, Input, type Keys, WASD } from "./input.ts";

const APP = 480;
const PEERS = ["76561197960287940", "76561197960287941"] as const;
const KEYS: readonly Keys[] = [WASD, ARROWS];
const HUD_MS = 250;

const query = new URLSearchParams(location.search);
const room = query.get("room") ?? "game";
const only = ["1", "2"].indexOf(query.get("player") ?? "");

const WORDS = {
  playing: "Playing",
  waiting: "Waits for the other player",
  reconnecting: "No network: dialing",
  away: "The other player is away",
};

async function play(place: HTMLElement, index: 0 | 1): Promise<void> {
  const canvas = find(place, "canvas") as HTMLCanvasElement;
  // Two players at one keyboard have a half of it each; one alone has both.
  const input = new Input(canvas, only < 0 ? KEYS.slice(index, index + 1) : KEYS);
  const game = new Game(index === 0, input, only < 0);
  const show = (): void => {
    draw(canvas, game, performance.now());
    requestAnimationFrame(show);
  };
  show();
  setInterval(() => showHud(place, game), HUD_MS);
  const peer = PEERS[index];
  const ticket = (): Promise<string> => developmentTicket({ app: APP, peer, room });
  try {
    await game.start({ url: location.origin, app: APP, room, ticket, other: BigInt(PEERS[1 - index] ?? "") });
  } catch (error) {
    find(place, ".standing").textContent = error instanceof Error ? error.message : String(error);
  }
}

function showHud(place: HTMLElement, game: Game): void {
  const { net, score, isHost, ship } = game;
  if (!net) return;
  const [host, guest] = score.scores;
  const { roundTrip } = net;
  find(place, ".score").textContent = isHost ? `${host} : ${guest}` : `${guest} : ${host}`;
  find(place, ".ping").textContent = roundTrip === undefined ? "–" : `${roundTrip.toFixed(roundTrip < 10 ? 1 : 0)} ms`;
  const standing = `${WORDS[net.standing]}${game.isDemo ? ", by autopilot" : ""}`;
  if (find(place, ".standing").textContent !== standing) find(place, ".standing").textContent = standing;
  const other = game.other(performance.now());
  place.dataset["own"] = `${Math.round(ship.x)},${Math.round(ship.y)}`;
  place.dataset["other"] = other ? `${Math.round(other.x)},${Math.round(other.y)}` : "";
  place.dataset["standing"] = net.standing;
}

function find(place: HTMLElement, selector: string): HTMLElement {
  const found = place.querySelector<HTMLElement>(selector);
  if (!found) throw new Error(`the page has no ${selector}`);
  return found;
}

for (const place of document.querySelectorAll<HTMLElement>("[data-player]")) {
  const index = place.dataset["player"] === "1" ? 0 : 1;
  const link = place.querySelector("a");
  if (link) link.search = `?${new URLSearchParams({ room, player: String(index + 1) })}`;
  if (only >= 0) document.body.classList.add("alone");
  if (only >= 0 && only !== index) place.remove();
  else void play(place, index);
}
