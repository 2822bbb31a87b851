import type { Service } from "#model/objects.ts";
import { type ModeName, modeName } from "#model/service-mode.ts";
import type { Slot } from "#plan/slots.ts";
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
  return { subject: { kind: "service", id, name: spec.Name }, summary: `service ${spec.Name}: ${summary}`, reasons };
}

type Explained = Pick<Explanation, "summary" | "reasons">;

const EXPLAIN: Readonly<Record<ModeName, (inquiry: Inquiry, service: Service) => Explained>> = {
  replicated: explainReplicated,
  global: explainGlobal,
  "replicated-job": explainReplicatedJob,
  "global-job": explainGlobalJob,
};

function explainReplicated(inquiry: Inquiry, service: Service): Explained {
  const replicas = service.spec.Mode.Replicated?.Replicas ?? 1;
  const slots = slotsOf(inquiry, service).filter(isInUse);
  const running = slots.filter(isServing).length;
  const missing = replicas - slots.length;
  const unmade = `${counted(missing, "task")} not made yet: the orchestrator is about to`;
  return {
    summary: replicas === 0 ? "scaled to 0, nothing is to run" : `${running} of ${counted(replicas, "task")} running`,
    reasons: [
      ...updateReasons(inquiry, service, slots),
      ...explainSlots(inquiry, service, slots),
      ...(missing > 0 ? [reason(unmade)] : []),
    ],
  };
}

/** What is on its way out after the service was scaled down is not its concern any more. */
const isInUse = ({ wanted, tasks }: Slot): boolean => wanted.length > 0 || tasks.at(-1)?.desired !== "remove";

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
