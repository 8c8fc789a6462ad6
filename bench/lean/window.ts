/** Nothing is owed: no mark is sent, so no credit comes, and every frame fits. */
import { Window as Counting } from "../../src/relay/flow/window.ts";

export class Window extends Counting {
  override get uncredited(): number {
    return 0;
  }

  override get isWaiting(): boolean {
    return false;
  }

  override get unmarked(): number {
    return 0;
  }

  override sent(): void {}
}
