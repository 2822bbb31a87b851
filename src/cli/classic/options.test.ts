import assert from "node:assert/strict";
import { test } from "node:test";
import { Command } from "commander";
import { PLACEMENT_FILTERS } from "#plan/place/filters.ts";
import { addJoinOptions, type JoinOptions, readJoinOptions } from "./join-options.ts";
import { addManageOptions, type ManageOptions, readManageOptions } from "./manage-options.ts";

const parse = (add: (command: Command) => Command, args: readonly string[]): Command =>
  add(
    new Command()
      .argument("[discovery]")
      .exitOverride()
      .configureOutput({ writeErr: () => undefined }),
  ).parse([...args], { from: "user" });

function manage(args: readonly string[], env: NodeJS.ProcessEnv = {}): ManageOptions {
  const command = parse(addManageOptions, args);
  return readManageOptions(command.args[0], command.opts(), env);
}

function join(args: readonly string[], env: NodeJS.ProcessEnv = {}): JoinOptions {
  const command = parse(addJoinOptions, args);
  return readJoinOptions(command.args[0], command.opts(), env);
}

const MANAGE_DEFAULTS: ManageOptions = {
  discovery: "h1:2375",
  discoveryOptions: new Map(),
  heartbeatMs: 60_000,
  hosts: ["tcp://127.0.0.1:2375"],
  tls: undefined,
  allowsPlainTcp: false,
  policy: { strategy: "spread", filters: PLACEMENT_FILTERS, overcommit: 0.05 },
  patience: { pingMs: 1_400, failureRetry: 3, refreshMinMs: 30_000, refreshMaxMs: 60_000 },
  election: undefined,
};

for (const { args, env, want } of [
  { args: ["h1:2375"], want: {} },
  { args: [], env: { SWARM_DISCOVERY: "h1:2375" }, want: {} },
  { args: ["etcd://h9"], env: { SWARM_DISCOVERY: "h1:2375" }, want: { discovery: "etcd://h9" } },
  {
    args: ["--strategy", "binpacking", "-f", "port", "--filter", "health", "h1:2375"],
    want: {
      policy: {
        strategy: "binpack" as const,
        filters: [PLACEMENT_FILTERS[1], PLACEMENT_FILTERS[0]],
        overcommit: 0.05,
      },
    },
  },
  { args: ["h1:2375"], env: { SWARM_HOST: "localhost:4000" }, want: { hosts: ["tcp://localhost:4000"] } },
  {
    args: ["-H", "unix:///run/m.sock", "-H", ":4000", "--no-tls", "h1:2375"],
    want: { hosts: ["unix:///run/m.sock", "tcp://:4000"], allowsPlainTcp: true },
  },
  {
    args: ["-H", "0.0.0.0:3376", "--tlsverify", "--tlscacert=a", "--tlscert=c", "--tlskey=k", "h1:2375"],
    want: { hosts: ["tcp://0.0.0.0:3376"], tls: { verify: true, ca: "a", cert: "c", key: "k" } },
  },
  {
    args: ["--cluster-opt", "swarm.overcommit=-0.5", "--discovery-opt", "kv.path=a=b", "h1:2375"],
    want: {
      policy: { ...MANAGE_DEFAULTS.policy, overcommit: -0.5 },
      discoveryOptions: new Map([["kv.path", "a=b"]]),
    },
  },
  {
    args: ["--replication", "--addr", "10.0.0.1:3375", "h1:2375"],
    want: { election: { addr: "10.0.0.1:3375", ttlMs: 20_000 } },
  },
  {
    args: ["--replication", "--replication-ttl", "5s", "h1:2375"],
    env: { SWARM_ADVERTISE: "m1:3375" },
    want: { election: { addr: "m1:3375", ttlMs: 5_000 } },
  },
  {
    args: "--engine-refresh-min-interval 1s --engine-refresh-max-interval 1m30s --engine-failure-retry 5 --heartbeat 1s h1:2375".split(
      " ",
    ),
    want: {
      heartbeatMs: 1_000,
      patience: { pingMs: 1_400, failureRetry: 5, refreshMinMs: 1_000, refreshMaxMs: 90_000 },
    },
  },
]) {
  test(`manage ${args.join(" ")} ${JSON.stringify(env ?? {})}`, () =>
    assert.deepEqual(manage(args, env), { ...MANAGE_DEFAULTS, ...want }));
}

for (const { args, message } of [
  { args: [], message: /discovery required to manage a cluster/ },
  { args: ["--strategy", "best", "a:1"], message: /strategy best is not supported/ },
  { args: ["--filter", "mood", "a:1"], message: /filter mood is not supported/ },
  { args: ["-H", "0.0.0.0:1", "a:1"], message: /refusing to serve tcp:\/\/0\.0\.0\.0:1 without TLS.*--no-tls/ },
  { args: ["-H", "nonsense://", "a:1"], message: /is not understood/ },
  { args: ["--tlsverify", "a:1"], message: /TLS needs --tlscacert/ },
  { args: ["--tlscert", "c", "a:1"], message: /--tlscert goes with/ },
  { args: ["--heartbeat", "999ms", "a:1"], message: /--heartbeat should be at least one second/ },
  { args: ["--engine-refresh-min-interval", "0s", "a:1"], message: /min refresh interval should be a positive number/ },
  {
    args: ["--engine-refresh-min-interval", "2m", "a:1"],
    message: /max refresh interval cannot be less than min refresh interval/,
  },
  { args: ["--engine-failure-retry", "0", "a:1"], message: /invalid failure retry count/ },
  {
    args: ["--cluster-opt", "swarm.overcommit=-2", "a:1"],
    message: /swarm\.overcommit should be larger than -1, -2\.000000 is invalid/,
  },
  { args: ["--cluster-opt", "mesos.user=x", "a:1"], message: /cluster option mesos\.user is not supported/ },
  { args: ["--replication", "a:1"], message: /--advertise address must be provided when using --replication/ },
  { args: ["--replication", "--addr", "m1", "a:1"], message: /--advertise should be of the form/ },
  {
    args: ["--replication", "--replication-ttl", "0s", "--addr", "m1:1", "a:1"],
    message: /--replication-ttl should be a positive number/,
  },
  { args: ["--cluster-driver", "mesos", "a:1"], message: /cluster driver mesos is not supported/ },
]) {
  test(`manage ${args.join(" ")} is refused`, () => assert.throws(() => manage(args), { code: "invalid", message }));
}

for (const args of [["--heartbeat", "often", "a:1"], ["--cluster-opt", "x", "a:1"], ["--no-such-flag"]]) {
  test(`manage ${args.join(" ")} is no command line`, () =>
    assert.throws(() => manage(args), { name: "CommanderError" }));
}

test("join is told the engine's address, and how often to say it", () => {
  const registration = { addr: "h1:2375", heartbeatMs: 60_000, ttlMs: 180_000, delayMs: 0 };
  const defaults = { discovery: "etcd://h9", discoveryOptions: new Map(), registration };
  assert.deepEqual(join(["--advertise", "h1:2375", "etcd://h9"]), defaults);
  assert.deepEqual(join(["--addr", "h1:2375", "etcd://h9"]), defaults);
  assert.deepEqual(join([], { SWARM_DISCOVERY: "etcd://h9", SWARM_ADVERTISE: "h1:2375" }), defaults);
  assert.deepEqual(
    join(["--addr", "[fd00::1]:1", "--heartbeat", "2s", "--ttl", "5s", "--delay", "1s", "etcd://h9"]).registration,
    { addr: "[fd00::1]:1", heartbeatMs: 2_000, ttlMs: 5_000, delayMs: 1_000 },
  );
});

for (const { args, message } of [
  { args: ["--addr", "h1:1"], message: /discovery required to join a cluster/ },
  { args: ["x"], message: /missing mandatory --advertise flag/ },
  { args: ["--addr", "h1", "x"], message: /--advertise should be of the form ip:port or hostname:port/ },
  { args: ["--addr", "http://h1:1", "x"], message: /--advertise should be of the form/ },
  { args: ["--addr", "h1:1", "--delay=-1s", "x"], message: /--delay should not be a negative number/ },
  { args: ["--addr", "h1:1", "--heartbeat", "0s", "x"], message: /--heartbeat should be at least one second/ },
  { args: ["--addr", "h1:1", "--ttl", "60s", "x"], message: /--ttl must be strictly superior to the heartbeat value/ },
]) {
  test(`join ${args.join(" ")} is refused`, () => assert.throws(() => join(args), { code: "invalid", message }));
}
