import assert from "node:assert/strict";
import { test } from "node:test";
import { systemClock } from "#base/clock.ts";
import { containerBody } from "#engine/container-body.ts";
import { engineContract } from "#engine/contract.ts";
import type { Program } from "#engine/contract-subject.ts";
import { createDockerEngine } from "#engine/docker-engine.ts";
import { labImages, loadImages } from "#lab/images.ts";
import { Lab } from "#lab/lab.ts";
import { missing, PREREQUISITES } from "#lab/prerequisites.ts";
import type { Task } from "#model/objects.ts";
import { taskName } from "#model/task-name.ts";

/** What the contract's programs are in a shell. One that must stop when asked keeps its child in the background. */
const LOOP = "while :; do sleep 1000 & wait $!; done";
const SLEEPER = `trap 'exit 0' TERM; ${LOOP}`;
const SCRIPTS: Readonly<Record<Program, string>> = {
  sleeper: SLEEPER,
  failing: "exit 3",
  stubborn: `trap '' TERM; ${LOOP}`,
  healthy: SLEEPER,
  unhealthy: SLEEPER,
  counter: "echo 1; echo 2; printf 3",
  both: "echo out; echo err >&2",
  ready: `trap 'exit 0' TERM; echo ready; ${LOOP}`,
};

const CHECK_EVERY_NS = 50_000_000;
const check = (...test: readonly string[]) => ({ Test: test, Interval: CHECK_EVERY_NS, Retries: 1 });
const CHECKS: Readonly<Partial<Record<Program, object>>> = {
  healthy: { Healthcheck: check("CMD", "true") },
  unhealthy: { Healthcheck: check("CMD-SHELL", "echo sick; exit 1") },
};

const obstacle =
  process.getuid?.() !== 0
    ? "needs root"
    : missing(PREREQUISITES)
        .map((prerequisite) => `needs Debian's package ${prerequisite.package}`)
        .join(", ");

if (obstacle === "") {
  engineContract("Docker", openDocker);
  test("an engine runs what a task's body asks for", { timeout: 120_000 }, runRichTask);
} else {
  test("engine contract: Docker", { skip: process.env["CI"] === undefined && obstacle }, () => {
    throw new Error(`cannot run here: ${obstacle}`);
  });
}

const { signal } = new AbortController();

async function openDocker() {
  await using owned = new AsyncDisposableStack();
  const lab = owned.use(await Lab.start({ name: `e${process.pid}`, hosts: 1, temporary: true }, signal));
  await loadImages(lab.hosts, await labImages(signal), signal);
  const host = lab.host("h1");
  const engine = owned.use(createDockerEngine({ url: `unix://${host.engineSocket}`, clock: systemClock }));
  const kept = owned.move();
  return {
    engine,
    image: "busybox:latest",
    program: (program: Program) => ({
      Image: "busybox:latest",
      Cmd: ["sh", "-c", SCRIPTS[program]],
      ...CHECKS[program],
    }),
    crash: () => host.engine.kill(signal),
    restart: () => host.startEngine([], signal),
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

/** Says, from inside, what the body asked for. */
const LOOK_AROUND = [
  "cat /run/secrets/key",
  "grep two /etc/hosts",
  "grep a.test /etc/resolv.conf",
  "echo $A $HOSTNAME $(pwd) $(id -u):$(id -g) $(ulimit -n) $(cat /proc/sys/net/core/somaxconn)",
  "grep -o ' /scratch tmpfs' /proc/mounts",
  "touch /x 2>&1",
  "touch /data/x && echo wrote",
  "echo more > /run/secrets/key",
].join("; ");

const RICH_TASK: Task = {
  kind: "task",
  id: "task1",
  version: 1,
  createdAt: 0,
  updatedAt: 0,
  specVersion: 1,
  slot: 1,
  nodeId: "node1",
  desired: "running",
  status: { state: "assigned", timestamp: 0, message: "" },
  serviceName: "web",
  serviceLabels: {},
  cause: { kind: "created" },
  endpoint: { ports: [{ Protocol: "tcp", TargetPort: 80, PublishedPort: 18_081, PublishMode: "host" }] },
  spec: {
    ForceUpdate: 0,
    Resources: { Limits: { MemoryBytes: 64 * 1024 * 1024, NanoCPUs: 500_000_000, Pids: 50 } },
    LogDriver: { Name: "local" },
    ContainerSpec: {
      Image: "docker.io/library/busybox",
      Command: ["sh"],
      Args: ["-c", LOOK_AROUND],
      Env: ["A={{.Task.Name}}"],
      Hostname: "{{.Service.Name}}",
      Dir: "/tmp",
      User: "0",
      Groups: ["7"],
      Init: true,
      ReadOnly: true,
      StopSignal: "SIGINT",
      Hosts: ["192.0.2.7 one two"],
      DNSConfig: { Nameservers: ["192.0.2.1"], Search: ["a.test"], Options: ["ndots:1"] },
      Ulimits: [{ Name: "nofile", Soft: 100, Hard: 200 }],
      Sysctls: { "net.core.somaxconn": "77" },
      CapabilityDrop: ["CAP_CHOWN"],
      CapabilityAdd: ["CAP_NET_ADMIN"],
      OomScoreAdj: 5,
      Privileges: { NoNewPrivileges: true, Seccomp: { Mode: "unconfined" }, AppArmor: { Mode: "disabled" } },
      Healthcheck: { Test: ["CMD", "true"], Interval: 1_000_000_000, StartInterval: 1_000_000_000 },
      Mounts: [
        { Type: "tmpfs", Target: "/scratch", TmpfsOptions: { SizeBytes: 4096, Mode: 0o700 } },
        { Type: "volume", Source: "data-{{.Task.Slot}}", Target: "/data", VolumeOptions: { Labels: { a: "b" } } },
      ],
      Secrets: [{ SecretID: "s", SecretName: "key", File: { Name: "key", UID: "0", GID: "0", Mode: 0o444 } }],
    },
  },
};

async function runRichTask(): Promise<void> {
  await using lab = await Lab.start({ name: `r${process.pid}`, hosts: 1, temporary: true }, signal);
  await loadImages(lab.hosts, await labImages(signal), signal);
  const host = lab.host("h1");
  await host.run(["sh", "-c", "echo hush > /run/key"], signal);
  using engine = createDockerEngine({ url: `unix://${host.engineSocket}`, clock: systemClock });
  const files = new Map([["/run/secrets/key", "/run/key"]]);
  const body = containerBody(RICH_TASK, { id: "node1" }, { clusterId: "c", files });
  const id = await engine.createContainer(taskName(RICH_TASK), body, signal);
  await engine.startContainer(id, signal);
  const options = { stdout: true, stderr: true, follow: true, tty: false };
  const output: string[] = [];
  for await (const { data } of engine.logs(id, options, signal)) output.push(new TextDecoder().decode(data).trim());
  assert.deepEqual(output.toSorted(), [
    "/scratch tmpfs",
    "192.0.2.7\ttwo",
    "hush",
    "search a.test",
    "sh: can't create /run/secrets/key: Read-only file system",
    "touch: /x: Read-only file system",
    "web.1.task1 web /tmp 0:0 100 77",
    "wrote",
  ]);
}
