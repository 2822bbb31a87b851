import type { Network } from "#model/objects.ts";
import { isTerminal } from "#model/task-state.ts";
import { problemReason } from "./allocation.ts";
import type { Explanation, Reason } from "./explanation.ts";
import type { Inquiry } from "./inquiry.ts";
import { mergeFindings } from "./merge.ts";
import { counted, listed } from "./phrases.ts";
import { explainProgress } from "./progress.ts";

/** Who has addresses of a network, and who is left without, and why. */
export function explainNetwork(inquiry: Inquiry, network: Network): Explanation {
  const { id, spec, allocation, problem } = network;
  const where =
    allocation === undefined
      ? "has no subnet yet"
      : `${allocation.range ?? allocation.subnet}, ${use(inquiry, network)}`;
  return {
    subject: { kind: "network", id, name: spec.Name },
    summary: `network ${spec.Name} (${id}): ${where}`,
    reasons: [...(problem === undefined ? [] : [problemReason(problem)]), ...waiting(inquiry, network)],
  };
}

function use({ view }: Inquiry, { id }: Network): string {
  const tasks = [...view.tasksOfNetwork(id)].filter(({ status }) => !isTerminal(status.state)).length;
  const services = [...view.list("service")].filter((service) =>
    service.endpoint?.virtualIPs?.some(({ networkId }) => networkId === id),
  ).length;
  const nodes = [...view.nodesOfNetwork(id)].length;
  const users = [counted(nodes, "node"), counted(services, "service"), counted(tasks, "task")];
  return `with addresses for ${listed(users)}`;
}

/** The tasks of its services that wait for addresses. */
function waiting(inquiry: Inquiry, { id }: Network): readonly Reason[] {
  const services = [...inquiry.view.servicesUsing("network", id)];
  const tasks = services.flatMap((service) => [...inquiry.view.tasksOfService(service.id)]);
  const findings = tasks
    .filter(({ status }) => status.state === "new")
    .map((task) => ({ label: inquiry.label(task), reason: explainProgress(inquiry, task) }));
  return mergeFindings(findings, "task");
}
