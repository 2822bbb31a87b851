import assert from "node:assert/strict";
import { test } from "node:test";
import { execute } from "#lab/command.ts";
import { Background } from "./background.ts";
import { eventually, say, signal } from "./cluster.ts";
import {
  askInside,
  callersIn,
  containerOf,
  containersOf,
  createProbe,
  dig,
  hostsIn,
  openProbeCluster,
  PROBE,
  ProbeContainer,
  probeScene,
  tasksIn,
  unreachable,
  untilAnswering,
  virtualIP,
} from "./probe.ts";
import { refusal } from "./task-rows.ts";

test("tasks reach services on all hosts, and only on their networks", {
  ...probeScene,
  timeout: 300_000,
}, async (t) => {
  await using cluster = await openProbeCluster({ name: "vip", hosts: 3 });
  const { lab, manager } = cluster;
  await say(manager, "network", "create", "--driver=overlay", "--attachable", "app");
  await say(manager, "network", "create", "--driver=overlay", "--internal", "back");
  await createProbe(manager, "api", "--network", "app", "--replicas", "4");
  await createProbe(manager, "ask", "--network", "app", "--mode", "global");

  for (const asker of await containersOf(cluster, "ask")) await untilAnswering(asker, "http://api/", 4);

  await t.test("a service is answered by tasks on all hosts, which see the caller's own address", async () => {
    for (const asker of await containersOf(cluster, "ask")) {
      const answers = await askInside(asker, "http://api/");
      assert.equal(tasksIn(answers).length, 4, asker.host.name);
      assert.deepEqual(hostsIn(answers), ["h1", "h2", "h3"]);
      assert.deepEqual(callersIn(answers), [await asker.address("app")]);
    }
  });

  await t.test("a task reaches itself through its service", async () => {
    await createProbe(manager, "self", "--network", "app");
    const self = await containerOf(cluster, "self");
    assert.equal((await askInside(self, "http://self/", 5)).length, 5);
    await say(manager, "service", "rm", "self");
  });

  await t.test("tasks reach each other directly, on all hosts", async () => {
    const asker = await containerOf(cluster, "ask", "h1");
    for (const task of await containersOf(cluster, "api")) {
      const [answer] = await askInside(asker, `http://${await task.address("app")}/`, 1);
      assert.equal(answer?.caller, await asker.address("app"));
    }
  });

  await t.test("datagrams are spread and answered as well", async () => {
    const asker = await containerOf(cluster, "ask", "h2");
    const vip = await virtualIP(manager, "api", "app");
    const program = new URL("./udp-program.ts", import.meta.url).pathname;
    const place = await asker.place();
    const argv = place.enter([process.execPath, program, vip, "5353", "60"]);
    const { stdout, code, stderr } = await execute({ argv }, signal);
    assert.equal(code, 0, stderr);
    const answers = stdout
      .trim()
      .split("\n")
      .map((line) => line.split(" "));
    assert.equal(answers.length, 60);
    assert.equal(new Set(answers.map(([task]) => task)).size, 4);
    assert.deepEqual([...new Set(answers.map(([, caller]) => caller))], [await asker.address("app")]);
  });

  await t.test("a container that is no task joins an attachable network, on any node", async () => {
    for (const host of lab.hosts) {
      const name = `guest-${host.name}`;
      const where = ["-e", `constraint:node==${host.name}`];
      const options = ["--name", name, "--hostname", name, "--network", "app", ...where];
      const id = await say(host, "run", "--detach", ...options, PROBE);
      const guest = new ProbeContainer(host, id);
      await untilAnswering(guest, "http://api/", 4);
      const answers = await askInside(guest, "http://api/");
      assert.deepEqual(callersIn(answers), [await guest.address("app")]);
      const asker = await containerOf(cluster, "ask", "h1");
      await eventually(`${name} is found`, async () => (await dig(asker, name)).includes(await guest.address("app")));
      assert.deepEqual(tasksIn(await askInside(asker, `http://${name}/`, 2)), [name]);
    }
    assert.match(await refusal(manager, "run", "--rm", "--network", "back", PROBE, "true"), /not manually attachable/);
    assert.match(await refusal(manager, "network", "rm", "app"), /in use/);
    for (const host of lab.hosts) await say(host, "rm", "--force", `guest-${host.name}`);
    const asker = await containerOf(cluster, "ask", "h1");
    await eventually("the guests are forgotten", async () => (await dig(asker, "guest-h2")).length === 0);
  });

  await t.test("no way leads from one network into another", async () => {
    await createProbe(manager, "hidden", "--network", "back", "--mode", "global");
    const hidden = await containersOf(cluster, "hidden");
    const insider = hidden.find(({ host }) => host.name === "h1");
    const outsider = await containerOf(cluster, "ask", "h1");
    assert.ok(insider);
    const targets = [
      await virtualIP(manager, "hidden", "back"),
      ...(await Promise.all(hidden.map((task) => task.address("back")))),
    ];
    for (const target of targets) {
      assert.equal((await askInside(insider, `http://${target}/`, 1)).length, 1);
      assert.notEqual(await unreachable(outsider, `http://${target}/`), undefined, `app reaches ${target} of back`);
    }
    // Nor does one by hand: through the gateway that the container has, from the inside of both.
    const api = await containerOf(cluster, "api");
    assert.notEqual(await unreachable(insider, `http://${await api.address("app")}/`), undefined);
    assert.notEqual(await unreachable(insider, `http://${await virtualIP(manager, "api", "app")}/`), undefined);
  });

  await t.test("an internal network has no way out; another has one", async () => {
    using server = new Background(lab, ["busybox", "httpd", "-f", "-p", "8088"]);
    const outside = "http://10.77.0.254:8088/";
    const asker = await containerOf(cluster, "ask", "h1");
    await eventually("a task reaches the outside", async () => (await unreachable(asker, outside)) === undefined);
    assert.notEqual(await unreachable(await containerOf(cluster, "hidden", "h1"), outside), undefined);
    assert.equal(server.hasEnded, false);
  });

  await t.test("services join and leave networks while they run", async () => {
    await say(manager, "service", "update", "--quiet", "--network-add", "back", "api");
    const insider = await containerOf(cluster, "hidden", "h2");
    await eventually("api is found on back", async () => (await askInside(insider, "http://api/", 1)).length === 1);
    await say(manager, "service", "update", "--quiet", "--network-rm", "back", "api");
    await eventually("and no more", async () => (await dig(insider, "api")).length === 0);
    const asker = await containerOf(cluster, "ask", "h3");
    assert.equal(tasksIn(await askInside(asker, "http://api/")).length, 4);
  });
});
