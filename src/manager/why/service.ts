import type { Service } from "#model/objects.ts";
import { type ModeName, modeName } from "#model/service-mode.ts";
import { finishedTask } from "#plan/restart.ts";
import type { Slot } from "#plan/slots.ts";
import { problemReason } from "./allocation.ts";
import { type Explanation, type Reason, reason } from "./explanation.ts";
import type { Inquiry } from "./inquiry.ts";
import { explainGlobalJob, explainReplicatedJob } from "./job.ts";
import { counted } from "./phrases.ts";
import { explainSlots, slotsByNode, slotsOf } from "./service-slots.ts";
import { isServing } from "./slot.ts";
import { explainUpdate } from "./update.ts";

/** Why a service is as it is: its tasks that do not run, the nodes without one, and its update. */
export function explainService(inquiry: Inquiry, service: Service): Explanation {
  const { id, spec } = service;
  const { summary, reasons } = EXPLAIN[modeName(spec.Mode)](inquiry, service);
  return {
    subject: { kind: "service", id, name: spec.Name },
    summary: `service ${spec.Name}: ${summary}`,
    reasons: [...endpointReasons(service), ...reasons],
  };
}

/** What its tasks wait for before they can even be placed. */
const endpointReasons = ({ problem }: Service): readonly Reason[] =>
  problem === undefined ? [] : [problemReason(problem, "its addresses and ports cannot be given: ")];

type Explained = Pick<Explanation, "summary" | "reasons">;

const EXPLAIN: Readonly<Record<ModeName, (inquiry: Inquiry, service: Service) => Explained>> = {
  replicated: explainReplicated,
  global: explainGlobal,
  "replicated-job": explainReplicatedJob,
  "global-job": explainGlobalJob,
};

function explainReplicated(inquiry: Inquiry, service: Service): Explained {
  const replicas = service.spec.Mode.Replicated?.Replicas ?? 1;
  const slots = slotsOf(inquiry, service).filter((slot) => isFilled(service, slot));
  const running = slots.filter(isServing).length;
  return {
    summary: replicas === 0 ? "scaled to 0, nothing is to run" : `${running} of ${counted(replicas, "task")} running`,
    reasons: [
      ...updateReasons(inquiry, service, slots),
      ...explainSlots(inquiry, service, slots),
      ...scalingReasons(replicas - slots.length),
    ],
  };
}

/** What the orchestrator is about to do: it has as many tasks to make, or to stop where the number is negative. */
function scalingReasons(missing: number): readonly Reason[] {
  if (missing === 0) return [];
  if (missing > 0) return [reason(`${counted(missing, "task")} not made yet: the orchestrator is about to`)];
  return [reason(`${counted(-missing, "task")} too many: the orchestrator is about to act`)];
}

/** Whether the orchestrator counts the slot as one of the replicas: what is on its way out does not fill one. */
const isFilled = (service: Service, slot: Slot): boolean =>
  slot.wanted.length > 0 || finishedTask(service, slot) !== undefined;

function explainGlobal(inquiry: Inquiry, service: Service): Explained {
  const { included, reasons } = slotsByNode(inquiry, service, ({ wanted }) => wanted.length > 0);
  const running = included.filter(isServing).length;
  return {
    summary: `running on ${running} of the ${counted(included.length, "node")} that should run it`,
    reasons: [...updateReasons(inquiry, service, included), ...explainSlots(inquiry, service, included), ...reasons],
  };
}

function updateReasons(inquiry: Inquiry, service: Service, slots: readonly Slot[]): readonly Reason[] {
  const update = explainUpdate(inquiry, service, slots);
  return update === undefined ? [] : [update];
}
