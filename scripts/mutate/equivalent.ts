/** Mutants that no test can kill, because what they change cannot be seen. Each with the reason. */
export interface Equivalent {
  readonly file: string;
  /** Part of the source line on which it begins. */
  readonly line: string;
  /** What is replaced, with single spaces; needed where a line has several that look alike. */
  readonly original?: string;
  readonly mutants: readonly string[];
  readonly why: string;
}

export const EQUIVALENT: readonly Equivalent[] = [];
