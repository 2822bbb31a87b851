import { ORPHAN_AFTER_MS } from "#model/defaults.ts";
import type { Node, NodeCertificate, Task } from "#model/objects.ts";
import { isTerminal, isWanted, rank } from "#model/task-state.ts";
import { nodeName } from "#plan/cause.ts";
import { type Explanation, type Reason, reason } from "./explanation.ts";
import type { Inquiry } from "./inquiry.ts";
import { mergeFindings } from "./merge.ts";
import { unavailability } from "./node-state.ts";
import { counted, deadline } from "./phrases.ts";
import { explainProgress } from "./progress.ts";

/** Why a node is as it is, and what that means for its tasks. */
export function explainNode(inquiry: Inquiry, node: Node): Explanation {
  const tasks = tasksOn(inquiry, node);
  const running = tasks.wanted.filter(({ status }) => status.state === "running").length;
  const obstacle = unavailability(node, inquiry.now);
  const name = nodeName(node);
  const state = obstacle?.text ?? `ready, ${counted(running, "task")} running`;
  return {
    subject: { kind: "node", id: node.id, name },
    summary: `node ${name} (${node.id}): ${state}`,
    reasons: [
      ...(obstacle === undefined ? [] : [reason(consequence(inquiry, node, tasks), obstacle.advise(name))]),
      ...taskReasons(inquiry, node, tasks.wanted),
      ...roleReasons(node, name),
      ...certificateReasons(node.certificate, name),
    ],
  };
}

/** The node's tasks that have not ended, by whether the managers want them alive. */
interface NodeTasks {
  readonly wanted: readonly Task[];
  readonly leaving: readonly Task[];
}

function tasksOn({ view }: Inquiry, { id }: Node): NodeTasks {
  const alive = [...view.tasksOfNode(id)].filter(({ status }) => !isTerminal(status.state));
  return {
    wanted: alive.filter(({ desired }) => isWanted(desired)),
    leaving: alive.filter(({ desired, status }) => !isWanted(desired) && rank(status.state) >= rank("assigned")),
  };
}

/** What its state means for its tasks. */
function consequence({ now }: Inquiry, { status, spec }: Node, { wanted, leaving }: NodeTasks): string {
  const kept = counted(wanted.length, "task");
  switch (status.state) {
    case "down": {
      const end = status.since + ORPHAN_AFTER_MS;
      const until = end > now ? `, and given up at ${deadline(end, now)} if it is not back` : "";
      const lost =
        leaving.length === 0
          ? "nothing of it is waited for"
          : `${counted(leaving.length, "task")} replaced or stopped${until}`;
      return wanted.length === 0 ? lost : `${lost}; ${kept} waiting for it to come back`;
    }
    case "unknown":
    case "disconnected":
      return `${kept} kept: they go on as they are meanwhile`;
    case "ready":
      if (spec.Availability === "pause") return `${kept} kept, and no new ones come`;
      return leaving.length + wanted.length === 0
        ? "its tasks have left, and no new ones come"
        : `${counted(leaving.length + wanted.length, "task")} still to leave, and no new ones come`;
  }
}

/** What its tasks wait for, while the node itself is there. */
function taskReasons(inquiry: Inquiry, { status }: Node, wanted: readonly Task[]): readonly Reason[] {
  if (status.state !== "ready") return [];
  const waiting = wanted.filter((task) => task.status.state !== "running" || task.status.err);
  const findings = waiting.map((task) => ({ label: inquiry.label(task), reason: explainProgress(inquiry, task) }));
  return mergeFindings(findings, "task");
}

function roleReasons({ role, spec, manager }: Node, name: string): readonly Reason[] {
  const reasons: Reason[] = [];
  if (role !== spec.Role)
    reasons.push(reason(`still a ${role}, to become a ${spec.Role}: its certificate is being renewed`));
  if (manager !== undefined && manager.reachability !== "reachable") {
    reasons.push(
      reason(
        `as a manager it is ${manager.reachability}`,
        `look at the flotilla daemon on ${name}, and at ${manager.addr}`,
      ),
    );
  }
  return reasons;
}

function certificateReasons({ state, err }: NodeCertificate, name: string): readonly Reason[] {
  const detail = err ? `: ${err}` : "";
  switch (state) {
    case "issued":
      return [];
    case "pending":
      return [reason(`its certificate has not been issued yet${detail}`)];
    case "renew":
      return [reason("its certificate is to be renewed, which it does at its next contact")];
    case "rotate":
      return [reason("its certificate is to be renewed, since the swarm's root changes (docker swarm ca --rotate)")];
    case "failed":
      return [
        reason(
          `its certificate could not be issued${detail}`,
          `look at the external CA, if there is one; then restart the daemon on ${name}`,
        ),
      ];
  }
}
