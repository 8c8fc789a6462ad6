/** Keys and fingers, as the direction that a ship is pushed in. */
import { ARENA, type Point, type Steering } from "./simulation.ts";

export interface Keys {
  readonly up: string;
  readonly left: string;
  readonly down: string;
  readonly right: string;
}

/** Places on the keyboard, not letters: WASD is elsewhere on a French one. */
export const WASD: Keys = { up: "KeyW", left: "KeyA", down: "KeyS", right: "KeyD" };
export const ARROWS: Keys = { up: "ArrowUp", left: "ArrowLeft", down: "ArrowDown", right: "ArrowRight" };

/** Pushes with full power when the finger is this far away. */
const FULL_POWER_AT = 200;

export class Input {
  /** Whether anybody has steered yet. */
  isUsed = false;
  readonly #keys: readonly Keys[];
  readonly #held = new Set<string>();
  #finger: Point | undefined;

  constructor(canvas: HTMLCanvasElement, keys: readonly Keys[]) {
    this.#keys = keys;
    window.addEventListener("keydown", (event) => this.#pressed(event));
    window.addEventListener("keyup", ({ code }) => this.#held.delete(code));
    window.addEventListener("blur", () => this.#held.clear()); // a key that is let go elsewhere is never heard of
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      this.#follow(canvas, event);
    });
    canvas.addEventListener("pointermove", (event) => {
      if (this.#finger) this.#follow(canvas, event);
    });
    const letGo = (): void => (this.#finger = undefined);
    canvas.addEventListener("pointerup", letGo);
    canvas.addEventListener("pointercancel", letGo);
  }

  /** `ship`: the finger pulls it from where it is. */
  steering(ship: Point): Steering {
    if (this.#finger) {
      return limited({ x: (this.#finger.x - ship.x) / FULL_POWER_AT, y: (this.#finger.y - ship.y) / FULL_POWER_AT });
    }
    return limited({
      x: this.#isHeld("right") - this.#isHeld("left"),
      y: this.#isHeld("down") - this.#isHeld("up"),
    });
  }

  #pressed(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey || !this.#isOurs(event.code)) return;
    event.preventDefault(); // arrows would scroll the page
    this.#held.add(event.code);
    this.isUsed = true;
  }

  #follow(canvas: HTMLCanvasElement, { clientX, clientY }: PointerEvent): void {
    const { left, top, width, height } = canvas.getBoundingClientRect();
    this.#finger = { x: ((clientX - left) / width) * ARENA.width, y: ((clientY - top) / height) * ARENA.height };
    this.isUsed = true;
  }

  #isOurs(code: string): boolean {
    return this.#keys.some((keys) => Object.values(keys).includes(code));
  }

  #isHeld(direction: keyof Keys): number {
    return Number(this.#keys.some((keys) => this.#held.has(keys[direction])));
  }
}

/** Nobody pushes harder diagonally. */
export function limited({ x, y }: Point): Steering {
  const length = Math.hypot(x, y);
  return length > 1 ? { x: x / length, y: y / length } : { x, y };
}
