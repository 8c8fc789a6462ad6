/** How a command ends, for scripts that call it. */
export const Exit = {
  Ok: 0,
  /** It was understood, and could not be done. */
  Failure: 1,
  /** What was typed, or set in the environment, cannot be meant. */
  Usage: 2,
} as const;
export type Exit = (typeof Exit)[keyof typeof Exit];

/** What the operator is told: what was wrong, and what to do. `code` is stable, for scripts. */
export class Failure extends Error {
  readonly code: string;
  readonly exit: Exit;

  constructor(code: string, message: string, exit: Exit = Exit.Failure) {
    super(message);
    this.name = "Failure";
    this.code = code;
    this.exit = exit;
  }
}

export function usage(message: string): Failure {
  return new Failure("usage", message, Exit.Usage);
}
