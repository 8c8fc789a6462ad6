/** A request that was refused, or never answered. `message` is for the operator: the relay's own `detail` where there is one. */
export class ApiProblem extends Error {
  override readonly name = "ApiProblem";
  /** 0: no answer. */
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

export async function readProblem(response: Response): Promise<ApiProblem> {
  const text = await response.text();
  try {
    const { code, detail, title } = JSON.parse(text) as { code?: string; detail?: string; title?: string };
    return new ApiProblem(
      response.status,
      code ?? "unknown",
      detail ?? title ?? `the relay answered ${response.status}`,
    );
  } catch {
    return new ApiProblem(response.status, "unknown", `the relay answered ${response.status} without saying why`);
  }
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
