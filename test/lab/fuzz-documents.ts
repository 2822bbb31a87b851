import { type Random, randomInt } from "#base/random.ts";

/** Any JSON value. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** One of the values, by chance. */
export const pick = <T>(random: Random, from: readonly T[]): T => from[randomInt(random, 0, from.length)] as T;
/** Whether it happens that is `percent` likely. */
export const chance = (random: Random, percent: number): boolean => randomInt(random, 0, 100) < percent;

export const LONG = "n".repeat(300);
const deep = (levels: number): Json => (levels === 0 ? 1 : { a: [deep(levels - 1)] });

/** Strings of the kind that ends up in a path, a name, a header or a message. */
export const STRINGS: readonly string[] = [
  "",
  " ",
  LONG,
  "a".repeat(100_000),
  "__proto__",
  "constructor",
  "../../etc/passwd",
  "%00",
  "\u0000",
  "\ud800",
  "ünï-çødé",
  "🐳".repeat(50),
  "null",
  "-1",
  "1e309",
  "{{.Node.ID}}",
  "{{",
  "a\r\nX-Injected: 1",
  "'; DROP TABLE objects; --",
  "$(reboot)",
];

/** Values of every kind where they do not belong. */
export const VALUES: readonly Json[] = [
  ...STRINGS,
  null,
  true,
  false,
  0,
  -1,
  0.5,
  1e21,
  -1e308,
  2 ** 63,
  Number.MAX_SAFE_INTEGER + 2,
  [],
  {},
  [null],
  [[]],
  [{}],
  { a: { b: { c: null } } },
  deep(40),
  Array.from({ length: 1_000 }, (_, i) => i),
];

const SERVICE: Json = {
  Name: "fuzzed",
  Labels: { a: "b" },
  TaskTemplate: {
    ContainerSpec: {
      Image: "busybox:latest",
      Command: ["sleep"],
      Args: ["1000"],
      Env: ["A=b"],
      Hostname: "h",
      User: "0",
      Groups: ["1"],
      Mounts: [{ Type: "tmpfs", Target: "/t", TmpfsOptions: { SizeBytes: 4096, Mode: 511 } }],
      Healthcheck: { Test: ["CMD", "true"], Interval: 1_000_000_000, Retries: 1 },
      Hosts: ["10.0.0.1 other"],
      DNSConfig: { Nameservers: ["10.0.0.1"], Search: ["a"], Options: ["b"] },
      Secrets: [{ File: { Name: "s", UID: "0", GID: "0", Mode: 292 }, SecretID: "x", SecretName: "y" }],
      Sysctls: { "net.core.somaxconn": "1" },
      CapabilityAdd: ["CAP_NET_ADMIN"],
      Ulimits: [{ Name: "nofile", Soft: 1, Hard: 2 }],
      Privileges: { NoNewPrivileges: true, Seccomp: { Mode: "default" } },
      StopGracePeriod: 1_000_000_000,
    },
    Resources: { Limits: { NanoCPUs: 1, MemoryBytes: 1, Pids: 1 }, Reservations: { NanoCPUs: 1, MemoryBytes: 1 } },
    RestartPolicy: { Condition: "any", Delay: 1, MaxAttempts: 1, Window: 1 },
    Placement: {
      Constraints: ["node.hostname==nowhere"],
      Preferences: [{ Spread: { SpreadDescriptor: "node.labels.a" } }],
      MaxReplicas: 1,
      Platforms: [{ Architecture: "amd64", OS: "linux" }],
    },
    LogDriver: { Name: "json-file", Options: { "max-size": "1m" } },
    ForceUpdate: 0,
  },
  Mode: { Replicated: { Replicas: 1 } },
  UpdateConfig: {
    Parallelism: 1,
    Delay: 1,
    FailureAction: "pause",
    Monitor: 1,
    MaxFailureRatio: 0,
    Order: "stop-first",
  },
  RollbackConfig: { Parallelism: 1, Order: "stop-first" },
  EndpointSpec: { Mode: "vip", Ports: [{ Protocol: "tcp", TargetPort: 80, PublishedPort: 0, PublishMode: "host" }] },
};
const SECRET: Json = { Name: "fuzzed", Labels: { a: "b" }, Data: "c2VjcmV0", Templating: { Name: "golang" } };
const SWARM: Json = {
  Name: "default",
  Labels: { a: "b" },
  Orchestration: { TaskHistoryRetentionLimit: 5 },
  Raft: { SnapshotInterval: 10_000, HeartbeatTick: 1, ElectionTick: 10 },
  Dispatcher: { HeartbeatPeriod: 5_000_000_000 },
  CAConfig: { NodeCertExpiry: 7_776_000_000_000_000, ExternalCAs: [{ Protocol: "cfssl", URL: "https://h1" }] },
  EncryptionConfig: { AutoLockManagers: false },
};
/** A right document for each path. */
export const DOCUMENTS: readonly (readonly [path: RegExp, document: Json])[] = [
  [/^\/services/, SERVICE],
  [/^\/(secrets|configs)/, SECRET],
  [/^\/swarm\/unlock/, { UnlockKey: "SWMKEY-1-x" }],
  [/^\/swarm\/join/, { RemoteAddrs: ["127.0.0.1:1"], JoinToken: "SWMTKN-1-x", ListenAddr: "0.0.0.0:2377" }],
  [/^\/swarm/, SWARM],
  [/^\/nodes/, { Role: "worker", Availability: "active", Labels: { a: "b" } }],
  [/^\/networks/, { Name: "fuzzed", Driver: "bridge", IPAM: { Config: [{ Subnet: "10.9.0.0/24" }] }, Labels: {} }],
];

/** Changes one place somewhere in a document. */
export function mutate(random: Random, value: Json): Json {
  if (typeof value !== "object" || value === null || chance(random, 15)) return pick(random, VALUES);
  if (Array.isArray(value)) {
    const items: Json[] = [...(value as readonly Json[])];
    const at = randomInt(random, 0, items.length + 1);
    items[at] = mutate(random, items[at] ?? null);
    return items;
  }
  const entries = Object.entries(value);
  if (entries.length === 0 || chance(random, 10))
    return Object.fromEntries([...entries, [pick(random, STRINGS), pick(random, VALUES)]]);
  const at = randomInt(random, 0, entries.length);
  return Object.fromEntries(entries.map(([key, old], i) => [key, i === at ? mutate(random, old) : old]));
}
