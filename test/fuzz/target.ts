import type { Random } from "./random.ts";

/** Something to fuzz. An input is a list of steps, which are plain JSON: they can be kept, read, cut short and mixed. */
export interface Target<Step = unknown> {
  readonly name: string;
  /** A few inputs that get somewhere, to begin with. */
  seeds(): Step[][];
  randomStep(random: Random): Step;
  mutateStep(step: Step, random: Random): Step;
  /** Throws when something is wrong. Must do the same for the same steps. */
  run(steps: readonly Step[], feature: (name: string) => void): void | Promise<void>;
}

const MAX_STEPS = 60;

/** The input with a change or a few. */
export function mutate<Step>(
  target: Target<Step>,
  steps: readonly Step[],
  other: readonly Step[],
  random: Random,
): Step[] {
  let mutated = [...steps];
  for (let changes = 1 + random.below(4); changes > 0; changes--) mutated = change(target, mutated, other, random);
  return mutated.slice(0, MAX_STEPS);
}

function change<Step>(target: Target<Step>, steps: Step[], other: readonly Step[], random: Random): Step[] {
  const at = random.below(steps.length + 1);
  const step = steps[at];
  switch (random.below(7)) {
    case 0:
    case 1:
      return steps.toSpliced(at, 0, target.randomStep(random));
    case 2:
      return steps.toSpliced(at, 1 + random.below(3));
    case 3:
      return step === undefined ? steps : steps.toSpliced(random.below(steps.length + 1), 0, step);
    case 4: {
      const from = random.below(other.length + 1);
      return [...steps.slice(0, at), ...other.slice(from), ...(random.oneIn(2) ? steps.slice(at) : [])];
    }
    default:
      return step === undefined
        ? [...steps, target.randomStep(random)]
        : steps.with(at, target.mutateStep(step, random));
  }
}
