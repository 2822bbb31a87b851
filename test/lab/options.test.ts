import assert from "node:assert/strict";
import { test } from "node:test";
import { eventually, openCluster, say, scene, signal } from "./cluster.ts";
import { create, inside, inspectContainer, SLEEPER, taskRows, untilError, untilRunning } from "./task-rows.ts";

const ON_H2 = ["--constraint", "node.hostname==h2"];
const MEBI = 1024 * 1024;

/** Options of `docker service create`, and where Docker's swarm puts them in the container. */
const OPTIONS: readonly { option: readonly string[]; at: string; is: unknown }[] = [
  { option: ["--env", "N={{.Node.Hostname}}"], at: "Config.Env.0", is: "N=h2" },
  { option: ["--hostname", "{{.Service.Name}}-{{.Task.Slot}}"], at: "Config.Hostname", is: "opt-1" },
  { option: ["--user", "7:8"], at: "Config.User", is: "7:8" },
  { option: ["--workdir", "/tmp"], at: "Config.WorkingDir", is: "/tmp" },
  { option: ["--tty"], at: "Config.Tty", is: true },
  { option: ["--stop-signal", "SIGINT"], at: "Config.StopSignal", is: "SIGINT" },
  { option: ["--container-label", "color=blue"], at: "Config.Labels.color", is: "blue" },
  {
    option: ["--container-label", "com.docker.swarm.service.name=x"],
    at: "Config.Labels.com.docker.swarm.service.name",
    is: "opt",
  },
  { option: ["--health-cmd", "true"], at: "Config.Healthcheck.Test", is: ["CMD-SHELL", "true"] },
  { option: ["--health-interval", "500ms"], at: "Config.Healthcheck.Interval", is: 500_000_000 },
  { option: ["--group", "9"], at: "HostConfig.GroupAdd", is: ["9"] },
  { option: ["--read-only"], at: "HostConfig.ReadonlyRootfs", is: true },
  { option: ["--init"], at: "HostConfig.Init", is: true },
  { option: ["--limit-memory", "64m"], at: "HostConfig.Memory", is: 64 * MEBI },
  { option: ["--reserve-memory", "8m"], at: "HostConfig.MemoryReservation", is: 0 },
  { option: ["--limit-cpu", ".5"], at: "HostConfig.NanoCpus", is: 500_000_000 },
  { option: ["--limit-pids", "50"], at: "HostConfig.PidsLimit", is: 50 },
  { option: ["--cap-add", "NET_ADMIN"], at: "HostConfig.CapAdd", is: ["CAP_NET_ADMIN"] },
  { option: ["--cap-drop", "CHOWN"], at: "HostConfig.CapDrop", is: ["CAP_CHOWN"] },
  { option: ["--ulimit", "nofile=100:200"], at: "HostConfig.Ulimits", is: [{ Name: "nofile", Hard: 200, Soft: 100 }] },
  { option: ["--sysctl", "net.core.somaxconn=77"], at: "HostConfig.Sysctls", is: { "net.core.somaxconn": "77" } },
  { option: ["--host", "two:192.0.2.7"], at: "HostConfig.ExtraHosts", is: ["two:192.0.2.7"] },
  { option: ["--dns", "192.0.2.1"], at: "HostConfig.Dns", is: ["192.0.2.1"] },
  { option: ["--dns-search", "a.test"], at: "HostConfig.DnsSearch", is: ["a.test"] },
  { option: ["--dns-option", "ndots:1"], at: "HostConfig.DnsOptions", is: ["ndots:1"] },
  { option: ["--log-driver", "json-file"], at: "HostConfig.LogConfig.Type", is: "json-file" },
  { option: ["--log-opt", "max-size=1m"], at: "HostConfig.LogConfig.Config", is: { "max-size": "1m" } },
  {
    option: ["--publish", "mode=host,published=8081,target=80"],
    at: "HostConfig.PortBindings",
    is: { "80/tcp": [{ HostIp: "", HostPort: "8081" }] },
  },
];

test("what a service asks for is what its container gets", scene, async (t) => {
  await using cluster = await openCluster({ name: "opt", hosts: 2 });
  const { manager, lab } = cluster;
  const h2 = lab.host("h2");

  await t.test("every option arrives at the engine as Docker's swarm sends it", async () => {
    const mounts = [
      "--mount",
      "type=bind,source=/etc,target=/hostetc,readonly",
      "--mount",
      "type=volume,source=v-{{.Task.Slot}},target=/data,volume-label=a=b",
      "--mount",
      "type=tmpfs,target=/scratch,tmpfs-size=1m,tmpfs-mode=700",
    ];
    await create(manager, "opt", ...ON_H2, ...OPTIONS.flatMap(({ option }) => option), ...mounts, ...SLEEPER);
    const [row] = await untilRunning(manager, "opt", 1);
    assert.equal(row?.Ports, "*:8081->80/tcp");
    const container = await inspectContainer(h2, "opt");
    for (const { option, at, is } of OPTIONS) assert.deepEqual(look(container, at), is, option.join(" "));
    assert.equal(look(container, "HostConfig.RestartPolicy.Name"), "no");
    assert.equal(look(container, "Config.Labels.com.docker.swarm.task.name"), `opt.1.${row?.ID}`);
    assert.equal(look(container, "Name"), `/opt.1.${row?.ID}`);

    const seen = await inside(
      h2,
      "opt",
      "id -G; hostname; ls -d /hostetc/hostname; touch /data/x && echo wrote; touch /x 2>&1 || true",
    );
    assert.deepEqual(seen.split("\n"), [
      "0 9",
      "opt-1",
      "/hostetc/hostname",
      "wrote",
      "touch: /x: Read-only file system",
    ]);
    assert.match(await inside(h2, "opt", "grep ' /scratch ' /proc/mounts"), /size=1024k,mode=700/);
    assert.equal(await h2.docker(["volume", "inspect", "--format", "{{.Labels.a}}", "v-1"], signal), "b\n");
    await say(manager, "service", "rm", "opt");
  });

  await t.test("a named volume outlives its service, an anonymous one does not", async () => {
    const volumes = async () =>
      (await h2.docker(["volume", "ls", "--quiet"], signal)).split("\n").filter((name) => name !== "");
    await eventually("only v-1 is left", async () => (await volumes()).join() === "v-1");
    await create(manager, "anon", ...ON_H2, "--mount", "type=volume,target=/data", ...SLEEPER);
    await untilRunning(manager, "anon", 1);
    assert.equal((await volumes()).length, 2);
    await say(manager, "service", "rm", "anon");
    await eventually("the anonymous one is gone", async () => (await volumes()).length === 1);
  });

  await t.test("a task on the host's network has the host's name and addresses", async () => {
    await create(manager, "net", ...ON_H2, "--network", "host", ...SLEEPER);
    await untilRunning(manager, "net", 1);
    assert.match(await inside(h2, "net", "cat /proc/net/fib_trie"), new RegExp(`-- ${h2.address}\\n`));
    await say(manager, "service", "rm", "net");
  });

  await t.test("a port that the engine chooses is told in the PORTS column", async () => {
    await create(manager, "dyn", ...ON_H2, "--publish", "mode=host,target=80", "flotilla/demo:1");
    const [row] = await untilRunning(manager, "dyn", 1);
    assert.match(row?.Ports ?? "", /^\*:\d+->80\/tcp$/);
    const port = /\d+/.exec(row?.Ports ?? "")?.[0];
    const page = await eventually("it answers", () =>
      lab.run(["curl", "--silent", "--fail", `http://${h2.address}:${port}/`], signal),
    );
    assert.match(page, /runs version 1/);
    await say(manager, "service", "rm", "dyn");
  });

  await t.test("a task gets its stop signal, and its grace", async () => {
    const script = "trap 'echo asked; sleep 1; echo done; exit 0' USR1; while :; do sleep 0.1; done";
    await create(
      manager,
      "polite",
      "--stop-signal",
      "USR1",
      "--stop-grace-period",
      "20s",
      "busybox",
      "sh",
      "-c",
      script,
    );
    await untilRunning(manager, "polite", 1);
    await say(manager, "service", "update", "--detach", "--force", "polite");
    const old = await eventually("the old one has ended", async () =>
      (await taskRows(manager, "polite")).find((row) => row.CurrentState.startsWith("Shutdown")),
    );
    assert.equal(await say(manager, "service", "logs", "--raw", old.ID), "asked\ndone");
    await say(manager, "service", "rm", "polite");
  });

  await t.test("what the engine refuses is the task's ERROR", async () => {
    const refused: readonly [string, readonly string[], string][] = [
      ["nobind", ["--mount", "type=bind,source=/nope,target=/x"], "bind source path does not exist: /nope"],
      [
        "relative",
        ["--mount", "type=bind,source=rel,target=/x"],
        "invalid bind mount source, must be an absolute path: rel",
      ],
      ["target", ["--mount", "type=volume,source=v,target=rel"], "invalid mount target, must be an absolute path: rel"],
      ["cap", ["--cap-add", "NOPE"], "unknown capability"],
    ];
    for (const [name, options] of refused)
      await create(manager, name, "--restart-condition", "none", ...options, ...SLEEPER);
    for (const [name, , why] of refused) {
      const row = await untilError(manager, name, why);
      assert.match(row.CurrentState, /^(?:Rejected|Failed)/, name);
    }
    await create(manager, "nolog", "--log-driver", "nope", ...SLEEPER);
    assert.match((await untilError(manager, "nolog", "missing plugin on 2 nodes")).CurrentState, /^Pending/);
    await create(manager, "nocmd", "--restart-condition", "none", "busybox", "/no/such/command");
    assert.match((await untilError(manager, "nocmd", "/no/such/command")).CurrentState, /^Failed/);
  });
});

/** The value at a path of names; a name may have dots in it. */
function look(value: unknown, path: string): unknown {
  if (path === "") return value;
  if (typeof value !== "object" || value === null) return undefined;
  const names = Object.keys(value).filter((key) => path === key || path.startsWith(`${key}.`));
  const name = names.toSorted((a, b) => b.length - a.length)[0];
  return name === undefined ? undefined : look((value as Record<string, unknown>)[name], path.slice(name.length + 1));
}
