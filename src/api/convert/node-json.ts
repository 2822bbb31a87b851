import type { ManagerStatus, Node } from "#model/objects.ts";
import type { NodeDescription } from "#model/spec.ts";
import { type Json, metaJson, unlessEmpty } from "./meta-json.ts";

/** Docker's JSON of a node. Source: fact sheet 1.6. */
export const nodeJson = (node: Node): Json => ({
  ...metaJson(node),
  Spec: {
    Name: unlessEmpty(node.spec.Name),
    Labels: node.spec.Labels,
    Role: node.spec.Role,
    Availability: node.spec.Availability,
  },
  Description: descriptionJson(node.description),
  Status: { State: node.status.state, Message: unlessEmpty(node.status.message), Addr: unlessEmpty(node.status.addr) },
  ManagerStatus: node.manager && managerJson(node.manager),
});

/** Before an agent has described its host, everything is there and empty. */
const descriptionJson = (description: NodeDescription | undefined): Json => ({
  Hostname: unlessEmpty(description?.Hostname),
  Platform: { Architecture: description?.Platform.Architecture, OS: description?.Platform.OS },
  Resources: {
    NanoCPUs: unlessEmpty(description?.Resources.NanoCPUs),
    MemoryBytes: unlessEmpty(description?.Resources.MemoryBytes),
    GenericResources: unlessEmpty(description?.Resources.GenericResources),
  },
  Engine: {
    EngineVersion: unlessEmpty(description?.Engine.EngineVersion),
    Labels: unlessEmpty(description?.Engine.Labels),
    Plugins: unlessEmpty(description?.Engine.Plugins),
  },
  TLSInfo: description?.TLSInfo ?? {},
});

const managerJson = (manager: ManagerStatus): Json => ({
  Leader: unlessEmpty(manager.leader),
  Reachability: manager.reachability,
  Addr: manager.addr,
});
