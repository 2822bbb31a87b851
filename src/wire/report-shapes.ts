import { TASK_STATES } from "#model/task-state.ts";
import { listOf, mapOf, number, oneOf, optional, record, text } from "./shape.ts";

const ports = listOf(
  record({
    Protocol: oneOf(["tcp", "udp", "sctp"]),
    TargetPort: number,
    PublishedPort: optional(number),
    PublishMode: oneOf(["ingress", "host"]),
  }),
);

const genericResource = record({
  NamedResourceSpec: optional(record({ Kind: text, Value: text })),
  DiscreteResourceSpec: optional(record({ Kind: text, Value: number })),
});

/** `NodeDescription`, as an agent sends it. */
export const nodeDescription = record({
  Hostname: text,
  Platform: record({ Architecture: text, OS: text }),
  Resources: record({ NanoCPUs: number, MemoryBytes: number, GenericResources: optional(listOf(genericResource)) }),
  Engine: record({
    EngineVersion: text,
    Labels: optional(mapOf(text)),
    Plugins: listOf(record({ Type: text, Name: text })),
  }),
  TLSInfo: optional(record({ TrustRoot: text, CertIssuerSubject: text, CertIssuerPublicKey: text })),
  ReservedByContainers: optional(record({ NanoCPUs: number, MemoryBytes: number })),
  Routes: optional(listOf(text)),
  DataPathAddr: optional(text),
});

/** `StatusUpdate`, as an agent sends it. */
export const statusUpdate = record({
  taskId: text,
  status: record({
    state: oneOf(Object.keys(TASK_STATES)),
    timestamp: number,
    appliedAt: optional(number),
    message: text,
    err: optional(text),
    container: optional(record({ containerId: text, pid: number, exitCode: number })),
    ports: optional(ports),
  }),
});
