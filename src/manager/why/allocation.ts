import type { Task } from "#model/objects.ts";
import { partsOfProblem } from "#plan/allocate/problems.ts";
import { type Reason, reason } from "./explanation.ts";
import type { Inquiry } from "./inquiry.ts";

/** What a task without addresses waits for. */
export function explainAllocation({ view }: Inquiry, { serviceId, status }: Task): Reason {
  const service = serviceId === undefined ? undefined : view.get("service", serviceId);
  const problem = service?.problem ?? status.err;
  return problem === undefined
    ? reason("waiting for its addresses, which the allocator is about to give")
    : problemReason(problem, "waiting for its addresses: ");
}

/** What the allocator wrote on an object. */
export function problemReason(problem: string, before = ""): Reason {
  const { text, advice } = partsOfProblem(problem);
  return reason(`${before}${text}`, advice);
}
