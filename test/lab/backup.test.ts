import assert from "node:assert/strict";
import { rename, stat } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { run } from "#lab/command.ts";
import type { LabHost } from "#lab/host.ts";
import { eventually, openCluster, say, scene, signal } from "./cluster.ts";
import { formManagers, join as joinAs, untilNodes } from "./managers.ts";
import { create, untilRunning } from "./task-rows.ts";

const FLOTILLA = fileURLToPath(new URL("../../bin/flotilla", import.meta.url));

/** Runs our own command line against a host's daemon. */
const flotilla = (host: LabHost, ...argv: readonly string[]): Promise<string> =>
  run({ argv: [FLOTILLA, ...argv, "-H", `unix://${host.daemonSocket}`] }, signal);

/** The containers of a host's tasks, by the engine's own account: `id started-at` each. */
async function containersOn(host: LabHost): Promise<readonly string[]> {
  const filter = "label=com.docker.swarm.service.name";
  const ids = (await host.docker(["ps", "--quiet", "--no-trunc", "--filter", filter], signal))
    .split("\n")
    .filter(Boolean);
  if (ids.length === 0) return [];
  const format = "{{.Id}} {{.State.StartedAt}}";
  return (await host.docker(["inspect", "--format", format, ...ids], signal)).trim().split("\n").toSorted();
}

/** The daemon starts again without anything that it knew. */
async function loseDataRoot(host: LabHost): Promise<void> {
  await host.daemon.kill(signal);
  await rename(join(host.data, "flotilla"), join(host.data, "flotilla-lost"));
  await host.startDaemon(["-l", "debug"], signal);
}

test("a cluster that has lost its manager's disk comes back from its backup", scene, async (t) => {
  await using cluster = await openCluster({ name: "backup", hosts: 4 });
  const { lab, manager, workers } = cluster;
  const [h2, h3, spare] = workers;
  assert.ok(h2 && h3 && spare);
  // The fourth host is the one that the cluster moves to.
  await say(spare, "swarm", "leave");
  await say(manager, "node", "rm", "--force", "h4");
  await say(manager, "network", "create", "--driver", "overlay", "net");
  await say(manager, "config", "create", "motd", fileURLToPath(new URL("stacks/motd.txt", import.meta.url)));
  await create(manager, "web", "--replicas", "6", "--network", "net", "--publish", "8080:80", "flotilla/demo:1");
  await untilRunning(manager, "web", 6);
  const hosts = [manager, h2, h3];
  const running = async () => (await Promise.all(hosts.map(containersOn))).flat();
  const before = await running();
  const file = join(manager.data, "backup.tar");

  await t.test("a running manager writes it, and services go on", async () => {
    assert.match(await flotilla(manager, "backup", file), /^Backup of swarm \S+ at revision \d+: \d+ objects in /);
    assert.equal((await stat(file)).mode & 0o777, 0o600);
    assert.deepEqual(await running(), before);
  });

  const ready = (host: LabHost, count: number) =>
    eventually(`${count} nodes are ready`, async () => {
      const states = (await say(host, "node", "ls", "--format", "{{.Status}}")).split("\n");
      return states.filter((state) => state === "Ready").length === count;
    });

  await t.test("a member of a swarm refuses to be restored", async () => {
    await assert.rejects(() => flotilla(manager, "restore", file), /already part of a swarm/);
  });

  await t.test("restored on the same host, it finds its containers where it left them", async () => {
    await loseDataRoot(manager);
    assert.match(await flotilla(manager, "restore", file), /only manager/);
    await ready(manager, 3);
    await untilRunning(manager, "web", 6);
    assert.deepEqual(await running(), before, "no container was touched");
    assert.equal((await say(manager, "service", "ps", "--quiet", "web")).split("\n").length, 6, "no task was replaced");
    assert.equal(await say(manager, "config", "ls", "--format", "{{.Name}}"), "motd");
    for (const { address } of hosts) {
      await eventually(`port 8080 of ${address} is answered`, () =>
        lab.run(["curl", "--silent", "--fail", "--max-time", "5", `http://${address}:8080/`], signal),
      );
    }
    await say(manager, "service", "scale", "--detach", "web=7");
    await untilRunning(manager, "web", 7);
    await say(manager, "service", "scale", "--detach", "web=6");
    await untilRunning(manager, "web", 6);
  });

  await t.test("restored on a host with another address, workers are told where it is", async () => {
    const onWorkers = async () => [...(await containersOn(h2)), ...(await containersOn(h3))];
    const kept = await onWorkers();
    await flotilla(manager, "backup", file);
    await manager.powerOff(signal);
    await flotilla(spare, "restore", file, "--advertise-addr", spare.address);
    for (const host of [h2, h3]) {
      assert.match(await flotilla(host, "reconnect", spare.address), /connected to its swarm again/);
    }
    await ready(spare, 3);
    await untilRunning(spare, "web", 6);
    const now = await onWorkers();
    for (const container of kept) assert.ok(now.includes(container), "workers' containers are untouched");
    const addr = await say(spare, "node", "inspect", "--format", "{{.ManagerStatus.Addr}}", "self");
    assert.equal(addr, `${spare.address}:2377`);
    const token = await say(spare, "swarm", "join-token", "--quiet", "worker");
    await say(h3, "swarm", "leave");
    await say(h3, "swarm", "join", "--token", token, `${spare.address}:2377`);
  });
});

test("a backup that was made under autolock needs the unlock key", scene, async () => {
  await using cluster = await openCluster({ name: "bulock", hosts: 1 });
  const { manager } = cluster;
  await say(manager, "swarm", "update", "--autolock=true");
  const key = await say(manager, "swarm", "unlock-key", "--quiet");
  await create(manager, "web", "flotilla/demo:1");
  await untilRunning(manager, "web", 1);
  const file = join(manager.data, "backup.tar");
  const keyFile = join(manager.data, "key");
  await manager.run(["sh", "-c", `echo '${key}' > ${keyFile}`], signal);
  await flotilla(manager, "backup", file);
  await loseDataRoot(manager);
  await assert.rejects(() => flotilla(manager, "restore", file), /--unlock-key-file/);
  await flotilla(manager, "restore", file, "--unlock-key-file", keyFile);
  await untilRunning(manager, "web", 1);
  await manager.daemon.kill(signal);
  await manager.startDaemon(["-l", "debug"], signal);
  assert.equal(await say(manager, "info", "--format", "{{.Swarm.LocalNodeState}}"), "locked");
});

test("a backup of three managers makes one manager, and the others join it again", scene, async () => {
  await using cluster = await openCluster({ name: "bthree", hosts: 4, formed: false });
  const { hosts } = cluster.lab;
  const [first, second, third, worker] = hosts;
  assert.ok(first && second && third && worker);
  await formManagers([first, second, third], [worker]);
  await create(second, "web", "--mode", "global", "--restart-delay", "100ms", "flotilla/demo:1");
  await untilRunning(second, "web", 4);
  const file = join(third.data, "backup.tar");
  await flotilla(third, "backup", file);
  const kept = [...(await containersOn(third)), ...(await containersOn(worker))];

  // Two are lost with their disks, the third loses its own: there is nobody left who could go on.
  await Promise.all([first.powerOff(signal), second.powerOff(signal)]);
  await loseDataRoot(third);
  await flotilla(third, "restore", file);
  await flotilla(worker, "reconnect", third.address);
  await untilNodes(third, ["h1 Down", "h2 Down", "h3 Ready Leader", "h4 Ready"]);
  assert.deepEqual([...(await containersOn(third)), ...(await containersOn(worker))], kept, "they were taken over");
  await say(third, "node", "rm", "--force", "h1");
  await say(third, "node", "rm", "--force", "h2");
  for (const host of [first, second]) {
    await host.powerOn(signal);
    await say(host, "swarm", "leave", "--force");
    await joinAs(host, third, "manager");
  }
  await untilNodes(third, ["h1 Ready Reachable", "h2 Ready Reachable", "h3 Ready Leader", "h4 Ready"]);
  await untilRunning(first, "web", 4);
});
