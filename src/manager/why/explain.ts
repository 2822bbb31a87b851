import { unreachable } from "#base/errors.ts";
import type { Timestamp } from "#model/objects.ts";
import type { View } from "#model/view.ts";
import { explainContainer } from "./container.ts";
import type { Explanation } from "./explanation.ts";
import { findSubject } from "./find-subject.ts";
import { Inquiry } from "./inquiry.ts";
import { explainNetwork } from "./network.ts";
import { explainNode } from "./node.ts";
import { explainService } from "./service.ts";
import { explainTask } from "./task.ts";

/**
 * Why the service, task, node, network or movable container called `name` is as it is, and what to do: see `findSubject`
 * for what a name can be.
 * @throws FlotillaError `not_found`; `invalid` when the name is ambiguous.
 */
export function explain(view: View, name: string, now: Timestamp): Explanation {
  const inquiry = new Inquiry(view, now);
  const subject = findSubject(view, name);
  switch (subject.kind) {
    case "service":
      return explainService(inquiry, subject);
    case "task":
      return explainTask(inquiry, subject);
    case "node":
      return explainNode(inquiry, subject);
    case "network":
      return explainNetwork(inquiry, subject);
    case "container":
      return explainContainer(inquiry, subject);
    default:
      return unreachable(subject);
  }
}
