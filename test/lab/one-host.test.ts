import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { execute } from "#lab/command.ts";
import type { LabHost } from "#lab/host.ts";
import { docker, eventually, openCluster, say, scene, signal } from "./cluster.ts";
import { formManagers } from "./managers.ts";

const SLEEPER = ["busybox"] as const;

/** Starts a container that does nothing, and says where. */
async function start(on: LabHost, ...options: readonly string[]): Promise<string> {
  const id = await say(on, "run", "--detach", "--entrypoint", "sleep", ...options, ...SLEEPER, "1000");
  return await hostOf(on, id);
}

const hostOf = (on: LabHost, container: string): Promise<string> =>
  say(on, "inspect", "--format", "{{.Node.Name}}", container);

const refusal = async (on: LabHost, ...argv: readonly string[]): Promise<string> => {
  const { code, stderr } = await docker(on, ...argv);
  assert.notEqual(code, 0, `docker ${argv.join(" ")} was not refused`);
  return stderr;
};

test("the hosts of a swarm are one Docker host", { ...scene, timeout: 300_000 }, async (t) => {
  await using cluster = await openCluster({ name: "onehost", hosts: 3 });
  const { manager } = cluster;
  const run = (...options: readonly string[]) => start(manager, ...options);
  await eventually("all engines are known", async () => {
    const hosts = await Promise.all(["h1", "h2", "h3"].map((name) => run("--rm", "-e", `constraint:node==${name}`)));
    return hosts.join(" ") === "h1 h2 h3";
  });
  await say(manager, "rm", "--force", ...(await say(manager, "ps", "--quiet")).split("\n"));

  await t.test("containers are spread, and listed as those of one host", async () => {
    const hosts = [await run("--name", "aa"), await run("--name", "bb"), await run("--name", "cc")];
    assert.deepEqual(hosts.toSorted(), ["h1", "h2", "h3"]);
    assert.equal(await say(manager, "ps", "--format", "{{.Names}}"), "cc\nbb\naa");
    assert.equal(await say(manager, "ps", "--last", "1", "--format", "{{.Names}}"), "cc");
    assert.equal(
      await say(manager, "ps", "--filter", "since=aa", "--filter", "before=cc", "--format", "{{.Names}}"),
      "bb",
    );
    const [, host = ""] = /\b(h\d)\/bb\b/.exec(await say(manager, "ps", "--no-trunc")) ?? [];
    assert.equal(host, hosts[1]);
    assert.equal(await say(manager, "ps", "--filter", `node=${host}`, "--format", "{{.Names}}"), "bb");
  });

  await t.test("a name is there once, whichever host has it", async () => {
    const taken = await refusal(manager, "run", "--name", "aa", ...SLEEPER);
    assert.match(taken, /The container name "\/aa" is already in use by container "[0-9a-f]{64}" on h\d\./);
    assert.match(await refusal(manager, "rename", "bb", "aa"), /is already in use/);
    await say(manager, "rename", "bb", "b2");
    assert.match(await refusal(manager, "start", "bb"), /No such container: bb/);
    await say(manager, "rm", "--force", "b2");
    await say(manager, "rm", "--force", "aa");
    await run("--name", "aa");
  });

  await t.test("what users say of the place counts", async () => {
    assert.equal(await run("--name", "db", "-e", "constraint:node==h2"), "h2");
    assert.equal(await run("-e", "affinity:container==db"), "h2");
    assert.notEqual(await run("-e", "affinity:container!=db"), "h2");
    assert.equal(await run("--label", 'com.docker.swarm.constraints=["node==h3"]'), "h3");
    assert.equal(
      await run("-e", "constraint:node==~h9", "-e", "constraint:node==/h[23]/", "-e", "constraint:node!=h3"),
      "h2",
    );
    assert.equal(await run("--volumes-from", "db"), "h2");
    assert.equal(await run("--network", "container:db"), "h2");
    assert.match(await refusal(manager, "run", "-e", "constraint:node==h9", ...SLEEPER), /\[node==h9\]/);
    assert.match(
      await refusal(manager, "run", "-e", "constraint:node=h1", ...SLEEPER),
      /One of operator ==, != is expected/,
    );
    assert.match(await refusal(manager, "run", "--memory", "1000g", ...SLEEPER), /no resources available/);
    assert.doesNotMatch(await say(manager, "exec", "db", "env"), /constraint/);
  });

  await t.test("a port of the hosts is given once on each", async () => {
    for (const name of ["p1", "p2", "p3"]) await run("--name", name, "--publish", "81:80");
    const why = await refusal(manager, "run", "--publish", "81:80", ...SLEEPER);
    assert.match(why, /port 81\/tcp is taken by p\d on h1, p\d on h2, p\d on h3/);
    await say(manager, "rm", "--force", "p2");
    await run("--name", "p2", "--publish", "81:80");
    assert.match(await say(manager, "port", "p2"), /80\/tcp -> 10\.77\.\d+\.\d+:81/);
  });

  await t.test("a named volume keeps its host", async () => {
    const first = await run("--name", "v1", "--volume", "data:/data", "-e", "constraint:node==h3");
    await say(manager, "rm", "--force", "v1");
    for (const name of ["v2", "v3"]) assert.equal(await run("--name", name, "--volume", "data:/data"), first);
    assert.equal(await say(manager, "volume", "ls", "--quiet", "--filter", "name=data"), "data");
    assert.equal(await say(manager, "volume", "inspect", "--format", "{{.Name}}", "data"), "data");
    assert.match(await refusal(manager, "volume", "rm", "data"), /volume is in use/);
    await say(manager, "rm", "--force", "v2", "v3");
    await say(manager, "volume", "rm", "data");
    assert.match(await refusal(manager, "volume", "inspect", "data"), /no such volume/i);
  });

  await t.test("every command on a container works wherever it is", async () => {
    await run("--name", "far", "-e", "constraint:node==h3");
    const id = await say(manager, "inspect", "--format", "{{.Id}}", "far");
    for (const reference of ["far", id, id.slice(0, 12), id.slice(0, 7), "h3/far"]) {
      assert.equal(await say(manager, "exec", reference, "echo", "hi"), "hi", reference);
    }
    assert.match(await say(manager, "top", "far"), /sleep 1000/);
    assert.match(await say(manager, "stats", "--no-stream", "--format", "{{.Name}}", "far"), /^far$/);
    await say(manager, "exec", "far", "touch", "/new");
    assert.match(await say(manager, "diff", "far"), /A \/new/);
    await say(manager, "pause", "far");
    assert.equal(await say(manager, "ps", "--filter", "status=paused", "--format", "{{.Names}}"), "far");
    await say(manager, "unpause", "far");
    await say(manager, "update", "--memory", "64m", "--memory-swap", "64m", "far");
    assert.equal(await say(manager, "inspect", "--format", "{{.HostConfig.Memory}}", "far"), "67108864");
    await say(manager, "stop", "--time", "0", "far");
    await say(manager, "start", "far");
    await say(manager, "restart", "--time", "0", "far");
    const waiting = say(manager, "wait", "far");
    await say(manager, "kill", "far");
    assert.equal(await waiting, "137");
    await say(manager, "commit", "far", "far:1");
    const copy = await say(manager, "create", "far:1");
    assert.equal(await hostOf(manager, copy), "h3", "only this host has the image");
    await say(manager, "rm", "far");
    assert.match(await refusal(manager, "logs", "far"), /No such container: far/);
    assert.equal(await say(manager, "images", "--format", "{{.Repository}}:{{.Tag}}", "far"), "far:1");
    assert.equal(await say(manager, "history", "--quiet", "far:1").then((ids) => ids.split("\n").length > 1), true);
    await say(manager, "tag", "far:1", "far:2");
    await say(manager, "rmi", "far:1");
    assert.match(await refusal(manager, "rmi", "far:2"), /is using its referenced image|must be forced/);
    assert.equal(
      await hostOf(manager, await say(manager, "create", "--name", "copied", "-e", "constraint:node==h1", "far:2")),
      "h1",
    );
    await say(manager, "rm", "--force", copy, "copied");
    await say(manager, "rmi", "far:2");
    assert.equal(await say(manager, "images", "--quiet", "far"), "");
  });

  await t.test("input, output and exit codes cross the cluster", async () => {
    const there = ["run", "--rm", "-e", "constraint:node==h2", "--entrypoint", "sh"];
    const argv = ["docker", "--host", `unix://${manager.daemonSocket}`];
    const piped = await execute(
      { argv: [...argv, ...there, "--interactive", ...SLEEPER, "-c", "cat; echo err >&2; exit 7"], input: "input\n" },
      signal,
    );
    assert.deepEqual([piped.code, piped.stdout, piped.stderr], [7, "input\n", "err\n"]);
    const large = await docker(manager, ...there, ...SLEEPER, "-c", "head -c 8000000 /dev/zero | tr '\\0' x");
    assert.equal(large.stdout.length, 8_000_000);
    await run("--name", "files", "-e", "constraint:node==h2");
    const archive = await docker(manager, "cp", "files:/bin/busybox", "-");
    assert.ok(archive.code === 0 && archive.stdout.length > 500_000);
  });

  await t.test("containers join the cluster's networks wherever they are", async () => {
    await say(manager, "network", "create", "--driver", "overlay", "--attachable", "wide");
    for (const host of ["h1", "h2"]) {
      await run("--name", `on-${host}`, "--network", "wide", "-e", `constraint:node==${host}`);
    }
    await eventually("they find each other by name", async () => {
      const { code } = await docker(manager, "exec", "on-h2", "ping", "-c", "1", "-w", "2", "on-h1");
      return code === 0;
    });
    await run("--name", "late", "-e", "constraint:node==h3");
    await say(manager, "network", "connect", "wide", "late");
    await eventually(
      "it is reached",
      async () => (await docker(manager, "exec", "on-h1", "ping", "-c", "1", "-w", "2", "late")).code === 0,
    );
    await say(manager, "network", "disconnect", "wide", "late");
    await say(manager, "rm", "--force", "on-h1", "on-h2", "late");
    await eventually("the network is free", async () => (await docker(manager, "network", "rm", "wide")).code === 0);
  });

  await t.test("events of all hosts are told", async () => {
    const since = String(Math.floor(Date.now() / 1_000) - 1);
    for (const host of ["h1", "h2", "h3"]) await run("--name", `event-${host}`, "-e", `constraint:node==${host}`);
    const until = String(Math.ceil(Date.now() / 1_000) + 1);
    const format = "{{.Actor.Attributes.name}}";
    const told = await say(
      manager,
      "events",
      "--since",
      since,
      "--until",
      until,
      "--filter",
      "event=start",
      "--format",
      format,
    );
    const names = told.split("\n").filter((name) => name.startsWith("event-"));
    assert.deepEqual(names, ["event-h1", "event-h2", "event-h3"]);
  });

  await t.test("a client that names a node uses it alone", async () => {
    const config = join(manager.data, "docker-h2");
    await mkdir(config, { recursive: true });
    await writeFile(join(config, "config.json"), JSON.stringify({ HttpHeaders: { "X-Flotilla-Node": "h2" } }));
    const there = (...argv: readonly string[]) => say(manager, "--config", config, ...argv);
    assert.equal(await there("info", "--format", "{{.Name}}"), "h2");
    await there("run", "--detach", "--name", "only-h2", "--entrypoint", "sleep", ...SLEEPER, "1000");
    assert.equal(await hostOf(manager, "only-h2"), "h2");
    assert.equal(await there("exec", "only-h2", "echo", "hi"), "hi");
    assert.doesNotMatch(await there("ps", "--format", "{{.Names}}"), /event-h1/);
    await there("rm", "--force", "only-h2");
  });

  await t.test("tasks are among the containers", async () => {
    await say(
      manager,
      "service",
      "create",
      "--quiet",
      "--detach",
      "--name",
      "web",
      "--mode",
      "global",
      ...SLEEPER,
      "sleep",
      "1000",
    );
    await eventually(
      "three tasks run",
      async () => (await say(manager, "ps", "--quiet", "--filter", "is-task=true")).split("\n").length === 3,
    );
    const [name = ""] = (await say(manager, "ps", "--filter", "is-task=true", "--format", "{{.Names}}")).split("\n");
    assert.equal(await say(manager, "exec", name, "echo", "hi"), "hi");
    assert.equal(await say(manager, "inspect", "--format", "{{.Node.Name}}", "web.h2"), "h2", "by service and host");
    await say(manager, "service", "rm", "web");
  });

  await t.test("a host that hangs, or is lost, holds nobody up", async () => {
    await run("--name", "gone", "-e", "constraint:node==h3");
    const logs = docker(manager, "logs", "--follow", "gone");
    await cluster.lab.host("h3").powerOff(signal);
    await eventually("the list is whole but for the lost host", async () => {
      const names = await say(manager, "ps", "--format", "{{.Names}}");
      return names.includes("event-h2") && !names.includes("event-h3");
    });
    assert.match(await say(manager, "ps", "--all", "--filter", "name=gone"), /Host Down/);
    assert.notEqual((await logs).code, undefined);
    assert.match(await refusal(manager, "exec", "gone", "true"), /node h3/);
    assert.match(await refusal(manager, "run", "-e", "constraint:node==h3", ...SLEEPER), /node==h3/);
    assert.notEqual(await run(), "h3");
  });
});

test("every manager shows the same host", { ...scene, timeout: 300_000 }, async () => {
  await using cluster = await openCluster({ name: "onemany", hosts: 4, formed: false });
  const [first, second, third, worker] = cluster.lab.hosts;
  assert.ok(first && second && third && worker);
  const managers = [first, second, third];
  await formManagers(managers, [worker]);
  const names = managers.map((_, index) => `on-h${index + 1}`);
  await eventually("a container is created on each host through the manager of another", async () => {
    for (const [index, name] of names.entries()) {
      const through = managers[(index + 1) % managers.length] ?? first;
      if ((await docker(through, "inspect", name)).code === 0) continue;
      await start(through, "--name", name, "-e", `constraint:node==h${index + 1}`);
    }
    return true;
  });
  for (const host of managers) {
    for (const name of names)
      assert.equal(await say(host, "exec", name, "echo", "hi"), "hi", `${name} by ${host.name}`);
    assert.match(await refusal(host, "run", "--name", "on-h1", ...SLEEPER), /already in use/);
    const seen = (await say(host, "ps", "--format", "{{.Names}}")).split("\n").toSorted();
    assert.deepEqual(seen, names);
  }
  const rivals = await Promise.all(
    managers.map((host) => docker(host, "run", "--detach", "--name", "rival", ...SLEEPER, "sleep", "1000")),
  );
  assert.equal(rivals.filter(({ code }) => code === 0).length, 1, "of three at once one gets the name");
  await say(third, "rm", "--force", "rival");
  await say(second, "rm", "--force", "on-h1");
  assert.match(await refusal(third, "inspect", "on-h1"), /No such (?:object|container)/);
  assert.equal(await say(worker, "ps", "--quiet"), "", "a worker shows its own");
});
