import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join as joinPath } from "node:path";
import { test } from "node:test";
import { untilServing } from "#lab/serving.ts";
import { docker, openCluster, say, scene, signal } from "./cluster.ts";
import { formManagers, restartManager, untilNodes } from "./managers.ts";

test("managers keep the swarm's state in an etcd that their users run", scene, async () => {
  await using cluster = await openCluster({ name: "mforeign", hosts: 3, formed: false });
  const { hosts } = cluster.lab;
  const [first, second, third] = hosts;
  assert.ok(first && second && third);
  const url = `http://${first.address}:2379`;
  const urls = [
    `--listen-client-urls=${url}`,
    `--advertise-client-urls=${url}`,
    "--listen-peer-urls=http://127.0.0.1:2380",
  ];
  await first.process("etcd").start(["etcd", `--data-dir=${first.data}/etcd`, ...urls], signal);
  for (const { daemon, daemonSocket } of hosts) {
    await daemon.stop(signal);
    await daemon.start([...(daemon.argv ?? []), `--store=etcd://${first.address}/lab`], signal);
    await untilServing(daemon, daemonSocket, signal);
  }
  await formManagers([first, second], []);
  const expected = ["h1 Ready Leader", "h2 Ready Reachable"];
  for (const host of [first, second]) await untilNodes(host, expected);
  await say(second, "service", "create", "--quiet", "--name", "web", "--replicas", "2", "flotilla/demo:1");
  for (const host of [first, second]) {
    assert.equal(await say(host, "service", "ls", "--format", "{{.Name}} {{.Replicas}}"), "web 2/2");
    for (const file of ["etcd", "store.db"]) {
      assert.equal(existsSync(joinPath(host.data, "flotilla", file)), false, "no store of its own");
    }
  }
  assert.match((await docker(third, "swarm", "init")).stderr, /has the state of a swarm: choose another prefix/);
  await restartManager(second);
  await untilNodes(second, expected);
});
