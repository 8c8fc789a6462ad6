/** The arena on a canvas, in the colours of the page's theme. */
import type { Game } from "./game.ts";
import { ARENA, type Point, SHIP_RADIUS, SPARK_RADIUS } from "./simulation.ts";

const STILL = matchMedia("(prefers-reduced-motion: reduce)");
const GRID = 100;
const TRAIL_POINTS = 24;

/** Where each ship was in the last pictures, of each canvas. */
interface Trails {
  readonly own: Point[];
  readonly other: Point[];
}
const trails = new WeakMap<HTMLCanvasElement, Trails>();

export function draw(canvas: HTMLCanvasElement, game: Game, now: number): void {
  const context = fitted(canvas);
  if (!context) return;
  const style = getComputedStyle(canvas);
  const colour = (name: string): string => style.getPropertyValue(name).trim();
  context.clearRect(0, 0, ARENA.width, ARENA.height);
  drawGrid(context, colour("--grid"));
  drawSpark(context, game.score.spark, colour("--spark"), STILL.matches ? 0 : Math.sin(now / 160));
  const trail = trails.get(canvas) ?? { own: [], other: [] };
  trails.set(canvas, trail);
  const other = game.other(now);
  if (other) {
    drawTrail(context, trail.other, other, colour(game.isHost ? "--guest" : "--host"));
    drawShip(context, other, colour(game.isHost ? "--guest" : "--host"), false);
  }
  drawTrail(context, trail.own, game.ship, colour(game.isHost ? "--host" : "--guest"));
  drawShip(context, game.ship, colour(game.isHost ? "--host" : "--guest"), true);
}

/** As many pixels as the screen has; drawn in units of the arena. */
function fitted(canvas: HTMLCanvasElement): CanvasRenderingContext2D | null {
  const width = Math.round(canvas.clientWidth * devicePixelRatio);
  const height = Math.round((width * ARENA.height) / ARENA.width);
  if (canvas.width !== width || canvas.height !== height) {
    canvas.width = width;
    canvas.height = height;
  }
  const context = canvas.getContext("2d");
  context?.setTransform(width / ARENA.width, 0, 0, height / ARENA.height, 0, 0);
  return context;
}

function drawGrid(context: CanvasRenderingContext2D, colour: string): void {
  context.strokeStyle = colour;
  context.lineWidth = 2;
  context.beginPath();
  for (let x = GRID; x < ARENA.width; x += GRID) line(context, x, 0, x, ARENA.height);
  for (let y = GRID; y < ARENA.height; y += GRID) line(context, 0, y, ARENA.width, y);
  context.stroke();
}

function line(context: CanvasRenderingContext2D, x1: number, y1: number, x2: number, y2: number): void {
  context.moveTo(x1, y1);
  context.lineTo(x2, y2);
}

function drawSpark(context: CanvasRenderingContext2D, { x, y }: Point, colour: string, pulse: number): void {
  context.fillStyle = colour;
  context.globalAlpha = 0.25;
  disc(context, x, y, SPARK_RADIUS * (1.9 + 0.3 * pulse));
  context.globalAlpha = 1;
  disc(context, x, y, SPARK_RADIUS);
}

/** Fades with age. */
function drawTrail(context: CanvasRenderingContext2D, trail: Point[], place: Point, colour: string): void {
  trail.push(place);
  if (trail.length > TRAIL_POINTS) trail.shift();
  if (STILL.matches) return;
  context.strokeStyle = colour;
  context.lineWidth = 14;
  for (const [i, to] of trail.entries()) {
    const from = trail[i - 1];
    if (!from) continue;
    context.globalAlpha = (0.35 * i) / TRAIL_POINTS;
    context.beginPath();
    line(context, from.x, from.y, to.x, to.y);
    context.stroke();
  }
  context.globalAlpha = 1;
}

/** One's own is filled, the other one is a ring: not told apart by colour alone. */
function drawShip(context: CanvasRenderingContext2D, { x, y }: Point, colour: string, isOwn: boolean): void {
  context.fillStyle = context.strokeStyle = colour;
  context.lineWidth = 10;
  context.beginPath();
  context.arc(x, y, SHIP_RADIUS - (isOwn ? 0 : 5), 0, 2 * Math.PI);
  if (isOwn) context.fill();
  else context.stroke();
}

function disc(context: CanvasRenderingContext2D, x: number, y: number, radius: number): void {
  context.beginPath();
  context.arc(x, y, radius, 0, 2 * Math.PI);
  context.fill();
}
