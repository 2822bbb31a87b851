import assert from "node:assert/strict";
import { test } from "node:test";
import { eventually, say } from "./cluster.ts";
import {
  containerOf,
  containersOf,
  createProbe,
  dig,
  openProbeCluster,
  probeScene,
  untilNamed,
  virtualIP,
} from "./probe.ts";

test("names are found from every task, on every host", probeScene, async (t) => {
  await using cluster = await openProbeCluster({ name: "names", hosts: 3 });
  const { manager } = cluster;
  for (const network of ["app", "side"]) await say(manager, "network", "create", "--driver=overlay", network);
  await createProbe(manager, "api", "--network", "name=app,alias=backend", "--replicas", "3");
  await createProbe(manager, "ask", "--network", "app", "--mode", "global");
  await createProbe(manager, "other", "--network", "side");
  await createProbe(manager, "both", "--network", "app", "--network", "side");
  const askers = await containersOf(cluster, "ask");
  const tasks = await containersOf(cluster, "api");
  const addresses = (await Promise.all(tasks.map((task) => task.address("app")))).toSorted();
  const vip = await virtualIP(manager, "api", "app");

  await t.test("a service has one address, its tasks have their own", async () => {
    assert.equal(new Set([...addresses, vip]).size, 4);
    for (const asker of askers) {
      await untilNamed(asker, "tasks.api", 3);
      for (const name of ["api", "API", "backend", "api.app"]) assert.deepEqual(await dig(asker, name), [vip], name);
      for (const name of ["tasks.api", "tasks.backend"]) assert.deepEqual(await dig(asker, name), addresses, name);
      assert.match(await asker.run("getent", "hosts", "api"), new RegExp(`^${vip} `));
    }
  });

  await t.test("a task is found by the name of its container, and by its address", async () => {
    const [asker] = askers;
    assert.ok(asker);
    for (const task of tasks) {
      const address = await task.address("app");
      const name = (await task.host.docker(["inspect", "--format", "{{.Name}}", task.id], AbortSignal.timeout(5_000)))
        .trim()
        .slice(1);
      assert.deepEqual(await dig(asker, name), [address]);
      assert.deepEqual(await dig(asker, "-x", address), [`${name}.app.`]);
    }
  });

  await t.test("answers are short-lived, and the same over TCP; there is no IPv6", async () => {
    const [asker] = askers;
    assert.ok(asker);
    const answer = await asker.run("dig", "+noall", "+answer", "api");
    const ttl = Number(answer.split(/\s+/)[1]);
    assert.ok(ttl <= 5, answer);
    assert.deepEqual(await dig(asker, "+tcp", "tasks.api"), addresses);
    assert.match(await asker.run("dig", "AAAA", "api"), /status: NOERROR.*ANSWER: 0/s);
  });

  await t.test("names are those of the asker's networks", async () => {
    const other = await containerOf(cluster, "other");
    const both = await containerOf(cluster, "both");
    assert.deepEqual(await dig(other, "api"), []);
    assert.deepEqual(await dig(other, "tasks.api"), []);
    assert.deepEqual(await dig(both, "api"), [vip]);
    assert.deepEqual(await dig(both, "other"), [await virtualIP(manager, "other", "side")]);
    assert.deepEqual(await dig(other, "both"), [await virtualIP(manager, "both", "side")]);
  });

  await t.test("round robin by name: the service's name has its tasks' addresses", async () => {
    await say(manager, "service", "update", "--quiet", "--endpoint-mode", "dnsrr", "api");
    assert.equal(await virtualIP(manager, "api", "app"), "");
    const now = await Promise.all((await containersOf(cluster, "api")).map((task) => task.address("app")));
    for (const asker of askers) {
      await eventually("the name has all addresses", async () => isSame(await dig(asker, "api"), now.toSorted()));
    }
    await say(manager, "service", "update", "--quiet", "--endpoint-mode", "vip", "api");
    for (const asker of askers) {
      await eventually("the name has one address again", async () =>
        isSame(await dig(asker, "api"), [await virtualIP(manager, "api", "app")]),
      );
    }
  });

  await t.test("what is not healthy is not found", async () => {
    const check = ["--health-cmd", "test -e /well", "--health-interval", "200ms", "--health-retries", "1"];
    const lasting = ["--health-start-period", "1h", "--stop-grace-period", "1s"];
    await createProbe(manager, "patient", "--detach", "--network", "app", "--replicas", "2", ...check, ...lasting);
    const containers = await eventually("both have containers", async () => {
      const found = await containersOf(cluster, "patient");
      return found.length === 2 && found;
    });
    const [first] = containers;
    const [asker] = askers;
    assert.ok(first && asker);
    assert.deepEqual(await dig(asker, "tasks.patient"), []);
    await first.run("touch", "/well");
    assert.deepEqual(await untilNamed(asker, "tasks.patient", 1), [await first.address("app")]);
    await first.run("rm", "/well");
    await eventually(
      "the sick one is gone",
      async () => !(await dig(asker, "tasks.patient")).includes(await first.address("app").catch(() => "gone")),
    );
    await say(manager, "service", "rm", "patient");
  });

  await t.test("a name goes with its service, on every host", async () => {
    await say(manager, "service", "rm", "api");
    for (const asker of askers)
      await eventually("nobody knows api", async () => (await dig(asker, "api", "tasks.api")).length === 0);
  });
});

const isSame = (a: readonly string[], b: readonly string[]): boolean => a.join(" ") === b.join(" ");
