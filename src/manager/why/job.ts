import type { Service } from "#model/objects.ts";
import type { Slot } from "#plan/slots.ts";
import { type Explanation, reason } from "./explanation.ts";
import type { Inquiry } from "./inquiry.ts";
import { counted } from "./phrases.ts";
import { explainSlots, slotsByNode, slotsOf } from "./service-slots.ts";
import { isServing } from "./slot.ts";

type Explained = Pick<Explanation, "summary" | "reasons">;

/** Why a replicated job has not completed as often as it should. */
export function explainReplicatedJob(inquiry: Inquiry, service: Service): Explained {
  const { MaxConcurrent = 1, TotalCompletions = MaxConcurrent } = service.spec.Mode.ReplicatedJob ?? {};
  const slots = slotsOf(inquiry, service);
  const open = slots.filter((slot) => !isCompleted(slot));
  const waiting = TotalCompletions - slots.length;
  const turn = `${counted(waiting, "task")} not begun: at most ${MaxConcurrent} may run at once (--max-concurrent)`;
  return {
    summary: `${slots.length - open.length} of ${counted(TotalCompletions, "task")} done${runningNow(open)}`,
    reasons: [...explainSlots(inquiry, service, open), ...(waiting > 0 ? [reason(turn)] : [])],
  };
}

/** Why a job that runs once per node is not done on each of them. */
export function explainGlobalJob(inquiry: Inquiry, service: Service): Explained {
  const { included, reasons } = slotsByNode(inquiry, service, isCompleted);
  const open = included.filter((slot) => !isCompleted(slot));
  return {
    summary: `done on ${included.length - open.length} of ${counted(included.length, "node")}${runningNow(open)}`,
    reasons: [...explainSlots(inquiry, service, open), ...reasons],
  };
}

const isCompleted = (slot: Slot): boolean => slot.tasks.some(({ status }) => status.state === "complete");

function runningNow(open: readonly Slot[]): string {
  const running = open.filter(isServing).length;
  return running > 0 ? `, ${running} running` : "";
}
