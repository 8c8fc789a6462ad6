import { colour } from "../parts/theme.tsx";
import { type Network, type Peer, radiusOf } from "./network.ts";

export interface View {
  readonly width: number;
  readonly height: number;
  /** Pixels per unit of the simulation, and where its middle is. */
  readonly scale: number;
  readonly x: number;
  readonly y: number;
}

export interface Palette {
  readonly open: string;
  readonly waiting: string;
  readonly peer: string;
  readonly busy: string;
  readonly chosen: string;
  readonly text: string;
  readonly ground: string;
}

export function palette(): Palette {
  return {
    open: colour("--series-1"),
    waiting: colour("--line-strong"),
    peer: colour("--series-2"),
    busy: colour("--series-4"),
    chosen: colour("--text"),
    text: colour("--text"),
    ground: colour("--panel"),
  };
}

/** So that everybody is in the picture. */
export function fit({ peers }: Network, width: number, height: number): View {
  const xs = peers.map(({ x = 0 }) => x);
  const ys = peers.map(({ y = 0 }) => y);
  const [left, right] = [Math.min(...xs, -60), Math.max(...xs, 60)];
  const [top, bottom] = [Math.min(...ys, -60), Math.max(...ys, 60)];
  const margin = 36;
  const scale = Math.min((width - 2 * margin) / (right - left), (height - 2 * margin) / (bottom - top), 1.6);
  return {
    width,
    height,
    scale,
    x: width / 2 - ((left + right) / 2) * scale,
    y: height / 2 - ((top + bottom) / 2) * scale,
  };
}

export function draw(
  context: CanvasRenderingContext2D,
  network: Network,
  view: View,
  colours: Palette,
  chosen: Peer | undefined,
): void {
  context.clearRect(0, 0, view.width, view.height);
  drawPairs(context, network, view, colours, chosen);
  const most = Math.max(...network.peers.map(({ bytes }) => bytes), 1);
  for (const peer of network.peers) {
    const [x, y] = placeOf(peer, view);
    context.beginPath();
    context.arc(x, y, radiusOf(peer) * Math.min(1, view.scale + 0.25), 0, 2 * Math.PI);
    context.fillStyle = peer.bytes > most / 4 ? colours.busy : colours.peer;
    context.fill();
    context.lineWidth = peer === chosen ? 3 : 1.25;
    context.strokeStyle = peer === chosen ? colours.chosen : colours.ground;
    context.stroke();
  }
  drawNames(context, network, view, colours, chosen);
}

function drawPairs(
  context: CanvasRenderingContext2D,
  { pairs }: Network,
  view: View,
  colours: Palette,
  chosen: Peer | undefined,
): void {
  const most = Math.max(pairs[0]?.bytes ?? 1, 1);
  for (const { source, target, bytes, isOpen } of pairs) {
    const isChosen = source === chosen || target === chosen;
    context.beginPath();
    context.moveTo(...placeOf(source, view));
    context.lineTo(...placeOf(target, view));
    context.setLineDash(isOpen ? [] : [3, 3]);
    context.strokeStyle = isChosen ? colours.chosen : isOpen ? colours.open : colours.waiting;
    context.globalAlpha = isChosen ? 1 : 0.3 + 0.5 * Math.sqrt(bytes / most);
    context.lineWidth = 0.75 + 2.5 * Math.sqrt(bytes / most);
    context.stroke();
  }
  context.setLineDash([]);
  context.globalAlpha = 1;
}

const NAMED = 40;

/** Names where there is room for them; always that of the one that is pointed at. */
function drawNames(
  context: CanvasRenderingContext2D,
  { peers }: Network,
  view: View,
  colours: Palette,
  chosen: Peer | undefined,
): void {
  context.font = "11px ui-monospace, monospace";
  context.fillStyle = colours.text;
  context.textBaseline = "middle";
  for (const peer of peers.length <= NAMED ? peers : chosen ? [chosen] : []) {
    const [x, y] = placeOf(peer, view);
    context.fillText(peer.id.length > 8 ? `…${peer.id.slice(-6)}` : peer.id, x + radiusOf(peer) + 4, y);
  }
}

export function placeOf({ x = 0, y = 0 }: Peer, view: View): [number, number] {
  return [view.x + x * view.scale, view.y + y * view.scale];
}

const REACH = 14;

export function peerAt({ peers }: Network, view: View, x: number, y: number): Peer | undefined {
  let [nearest, distance]: [Peer | undefined, number] = [undefined, REACH];
  for (const peer of peers) {
    const [px, py] = placeOf(peer, view);
    const found = Math.hypot(px - x, py - y);
    if (found < distance) [nearest, distance] = [peer, found];
  }
  return nearest;
}
