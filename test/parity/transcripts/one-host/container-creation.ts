import { api, docker, type Step, transcript } from "../../transcript.ts";

/** What every engine and every host has: busybox, doing nothing. */
export const IDLE = { Image: "busybox", Cmd: ["sleep", "1000"], StopSignal: "SIGKILL" };

/** Creates a container, which later steps know by `$name`. */
export const create = (name: string, document: object = {}, query = ""): Step =>
  api(`POST /containers/create?name=${name}${query}`, { body: { ...IDLE, ...document }, capture: { [name]: "Id" } });

export const start = (name: string): Step => api(`POST /containers/${name}/start`);

export const run = (name: string, document: object = {}): readonly Step[] => [create(name, document), start(name)];

export const remove = (...names: readonly string[]): readonly Step[] =>
  names.map((name) => api(`DELETE /containers/${name}?force=1&v=1`));

const host = (HostConfig: object) => ({ HostConfig });

/** Creates a container, shows all of it, and removes it. */
const declare = (name: string, document: object): readonly Step[] => [
  create(name, document),
  api(`GET /containers/${name}/json`),
  ...remove(name),
];

/** Every family of options, in the container that becomes of it. */
export const containerOptions = transcript("container options", [
  ...declare("plain", {}),
  ...declare("process", {
    Entrypoint: ["sh", "-c"],
    Cmd: ["echo"],
    Env: ["ONE=1", "TWO=two words", "EMPTY="],
    User: "0:0",
    WorkingDir: "/tmp",
    Hostname: "inside",
    Domainname: "example.test",
    Labels: { one: "1", "two.three": "" },
    Tty: true,
    OpenStdin: true,
    StdinOnce: true,
    StopTimeout: 3,
  }),
  ...declare("demo", { Image: "flotilla/demo:1", Cmd: null }),
  ...declare("health", {
    Healthcheck: { Test: ["CMD-SHELL", "true"], Interval: 1e9, Timeout: 2e9, Retries: 3, StartPeriod: 4e9 },
  }),
  ...declare(
    "resources",
    host({
      Memory: 67108864,
      MemoryReservation: 33554432,
      MemorySwap: 134217728,
      NanoCpus: 500000000,
      CpuShares: 512,
      PidsLimit: 99,
      ShmSize: 1048576,
      Ulimits: [{ Name: "nofile", Soft: 100, Hard: 200 }],
      OomScoreAdj: 100,
    }),
  ),
  ...declare(
    "security",
    host({
      CapAdd: ["NET_ADMIN"],
      CapDrop: ["CHOWN"],
      ReadonlyRootfs: true,
      Init: true,
      SecurityOpt: ["no-new-privileges"],
      Sysctls: { "net.core.somaxconn": "77" },
      GroupAdd: ["99"],
    }),
  ),
  ...declare("binds", host({ Binds: ["/tmp:/host:ro"], Tmpfs: { "/scratch": "size=1m" } })),
  ...declare("bindings", host({ Binds: ["bound:/bound"] })),
  ...declare(
    "mounts",
    host({
      Mounts: [{ Type: "volume", Source: "mounted", Target: "/mounted", VolumeOptions: { Labels: { a: "b" } } }],
    }),
  ),
  api("DELETE /volumes/bound"),
  api("DELETE /volumes/mounted"),
  ...declare("publishing", {
    ExposedPorts: { "80/tcp": {}, "53/udp": {} },
    HostConfig: {
      PortBindings: { "80/tcp": [{ HostPort: "8081" }], "53/udp": [{ HostIp: "127.0.0.1", HostPort: "" }] },
    },
  }),
  ...declare(
    "network",
    host({
      NetworkMode: "none",
      Dns: ["192.0.2.53"],
      DnsSearch: ["example.test"],
      DnsOptions: ["ndots:2"],
      ExtraHosts: ["one:192.0.2.1"],
    }),
  ),
  ...declare(
    "restarting",
    host({
      RestartPolicy: { Name: "on-failure", MaximumRetryCount: 3 },
      LogConfig: { Type: "json-file", Config: { "max-size": "1m" } },
    }),
  ),
  api("POST /containers/create", { body: IDLE, capture: { unnamed: "Id" } }),
  ...remove("$unnamed"),
  create("older", {}),
  api("GET /containers/older/json?size=1"),
  api("GET /containers/$older/json"),
  api("GET /containers/$older:12/json"),
  api("GET /containers/$older:20/json"),
  api("GET /v1.24/containers/older/json"),
  api("HEAD /containers/older/json"),
  ...remove("older"),
  api("POST /v1.24/containers/create?name=older", { body: IDLE }),
  ...remove("older"),
  api("POST /containers/create?name=%2Fslashed", { body: IDLE }),
  api("GET /containers/slashed/json"),
  ...remove("/slashed"),
]);

/** Documents that are no containers. */
const MALFORMED: readonly unknown[] = [
  "{",
  "[]",
  '"text"',
  "null",
  "",
  {},
  { Image: "" },
  { Image: 5 },
  { Image: "nothing" },
  { Image: "nothing:1", Cmd: ["true"] },
  { Image: "localhost:5000/nothing/here:1" },
  { Image: "UPPER" },
  { Image: "busybox:" },
  { Image: "sha256:0000000000000000000000000000000000000000000000000000000000000000" },
];

/** What is wrong with an otherwise sound container. A few of these are taken all the same. */
const WRONG: readonly object[] = [
  { Cmd: 5 },
  { Env: "A=b" },
  { Env: ["=b"] },
  { Labels: ["a"] },
  { WorkingDir: "here" },
  { Hostname: "-" },
  { StopSignal: "SIGNONSENSE" },
  { StopTimeout: "x" },
  { ExposedPorts: { x: {} } },
  { Volumes: { here: {} } },
  { Healthcheck: { Test: ["CMD", "true"], Interval: 1 } },
  { Healthcheck: { Test: ["CMD", "true"], Retries: -1 } },
  { HostConfig: "x" },
  host({ Memory: 1 }),
  host({ Memory: 67108864, MemorySwap: 1 }),
  host({ MemoryReservation: 67108864, Memory: 33554432 }),
  host({ NanoCpus: 1e15 }),
  host({ NanoCpus: -1 }),
  host({ NanoCpus: 1e9, CpuQuota: 5000 }),
  host({ CpusetCpus: "x" }),
  host({ CpusetCpus: "4000" }),
  host({ ShmSize: -1 }),
  host({ OomScoreAdj: 5000 }),
  host({ Binds: ["x"] }),
  host({ Binds: ["/tmp:here"] }),
  host({ Binds: ["/tmp:/a", "/tmp:/a"] }),
  host({ Binds: ["/tmp:/a:wrong"] }),
  host({ Mounts: [{ Type: "bind", Source: "/nonexistent", Target: "/x" }] }),
  host({ Mounts: [{ Type: "magic", Target: "/x" }] }),
  host({ Mounts: [{ Type: "volume", Source: "refused" }] }),
  host({ PortBindings: { "80/tcp": [{ HostPort: "x" }] } }),
  host({ PortBindings: { "80/tcp": [{ HostPort: "70000" }] } }),
  host({ PortBindings: { "x/tcp": [{ HostPort: "80" }] } }),
  host({ RestartPolicy: { Name: "maybe" } }),
  host({ RestartPolicy: { Name: "always", MaximumRetryCount: 3 } }),
  host({ RestartPolicy: { Name: "on-failure", MaximumRetryCount: -1 } }),
  host({ AutoRemove: true, RestartPolicy: { Name: "always" } }),
  host({ LogConfig: { Type: "json-file", Config: { nonsense: "1" } } }),
  host({ NetworkMode: "container:nothing" }),
  host({ NetworkMode: "container:" }),
  host({ PidMode: "container:nothing" }),
  host({ PidMode: "nonsense" }),
  host({ IpcMode: "nonsense" }),
  host({ UTSMode: "nonsense" }),
  host({ UsernsMode: "nonsense" }),
  host({ VolumesFrom: ["nothing"] }),
  host({ VolumesFrom: ["taken:wrong"] }),
  host({ Links: ["nothing:alias"] }),
  host({ NetworkMode: "host", Links: ["taken"] }),
  host({ Runtime: "nothing" }),
  host({ SecurityOpt: ["nonsense"] }),
  host({ CapAdd: ["NONSENSE"] }),
  host({ Sysctls: { "kernel.nonsense": "1" }, NetworkMode: "host" }),
  host({ Ulimits: [{ Name: "nonsense", Soft: 1, Hard: 1 }] }),
  host({ Devices: "x" }),
  host({ ExtraHosts: ["one"] }),
  host({ Isolation: "nonsense" }),
  { NetworkingConfig: { EndpointsConfig: { bridge: { IPAMConfig: { IPv4Address: "192.0.2.1" } } } } },
];

const put = (body: unknown, query: string): Step => api(`POST /containers/create?${query}`, { body });

/** What is refused, and how. */
export const containerErrors = transcript("container errors", [
  create("taken"),
  create("taken"),
  put(IDLE, "name=/taken"),
  put(IDLE, "name=-x"),
  put(IDLE, "name=x"),
  put(IDLE, "name=a/b"),
  put(IDLE, "name=a%20b"),
  api("POST /containers/create"),
  api("POST /containers/create", { body: "{}", headers: { "Content-Type": "text/plain" } }),
  ...MALFORMED.map((document, at) => put(document, `name=malformed${at}`)),
  ...WRONG.map((document, at) => put({ ...IDLE, ...document }, `name=wrong${at}`)),
  put(IDLE, "name=platform1&platform=nonsense/x/y/z"),
  put(IDLE, "name=platform2&platform=linux/s390x"),
  ...remove("taken", "missing"),
  docker("ps --all --format {{.Names}}", { unordered: true }),
  api("POST /containers/prune", { unordered: true }),
]);
