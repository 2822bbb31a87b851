import assert from "node:assert/strict";
import { test } from "node:test";
import { systemClock } from "#base/clock.ts";
import { execute } from "#lab/command.ts";
import type { LabHost } from "#lab/host.ts";
import { Background, type Place } from "./background.ts";
import { eventually, say, signal } from "./cluster.ts";
import {
  askFrom,
  askInside,
  callersIn,
  containerOf,
  containersOf,
  createProbe,
  hostsIn,
  NEXT_PROBE,
  openProbeCluster,
  PROBE,
  probeScene,
  tasksIn,
  untilAnswering,
} from "./probe.ts";
import { create, refusal, taskRows, untilRunning } from "./task-rows.ts";

const CLIENT = "10.77.0.254";
const UDP_PROGRAM = new URL("./udp-program.ts", import.meta.url).pathname;
const FLOW_PROGRAM = new URL("./udp-flow-program.ts", import.meta.url).pathname;
const IDLE_PROGRAM = new URL("./idle-program.ts", import.meta.url).pathname;

interface PortJson {
  readonly PublishedPort: number;
  readonly TargetPort: number;
}

test("a published port is answered by all tasks, on every host", { ...probeScene, timeout: 300_000 }, async (t) => {
  await using cluster = await openProbeCluster({ name: "mesh", hosts: 3 });
  const { lab, manager } = cluster;
  await createProbe(manager, "web", "--publish", "8080:80", "--publish", "5353:5353/udp", "--replicas", "4");

  for (const { address } of lab.hosts) await untilAnswering(lab, `http://${address}:8080/`, 4);

  /** Sends datagrams to the mesh; the tasks that answered and the callers that they saw. */
  const askByUdp = async (place: Place, address: string, port: number) => {
    const argv = place.enter([process.execPath, UDP_PROGRAM, address, String(port), "60"]);
    const { stdout, stderr, code } = await execute({ argv }, signal);
    assert.equal(code, 0, stderr);
    const answers = stdout
      .trim()
      .split("\n")
      .map((line) => line.split(" "));
    return {
      tasks: new Set(answers.map(([task]) => task)),
      callers: [...new Set(answers.map(([, caller]) => caller))],
    };
  };

  await t.test(
    "a client outside is answered by all tasks through every host, and seen by its own address",
    async () => {
      for (const host of lab.hosts) {
        const answers = await askFrom(lab, `http://${host.address}:8080/`);
        assert.equal(tasksIn(answers).length, 4, host.name);
        assert.deepEqual(hostsIn(answers), ["h1", "h2", "h3"]);
        assert.deepEqual(callersIn(answers), [CLIENT]);
      }
    },
  );

  await t.test("the same for datagrams", async () => {
    for (const host of lab.hosts) {
      const { tasks, callers } = await askByUdp(lab, host.address, 5353);
      assert.equal(tasks.size, 4, host.name);
      assert.deepEqual(callers, [CLIENT]);
    }
  });

  await t.test("a host is a client too, of itself and of the others", async () => {
    for (const from of lab.hosts) {
      for (const to of lab.hosts) {
        const answers = await askFrom(from, `http://${to.address}:8080/`, 40);
        assert.equal(answers.length, 40, `${from.name} asks ${to.name}`);
        if (from !== to) assert.deepEqual(callersIn(answers), [from.address]);
      }
      assert.equal((await askFrom(from, "http://127.0.0.1:8080/", 20)).length, 20, `${from.name} asks itself`);
    }
  });

  await t.test("a container is one too, of its own host and of the others", async () => {
    await say(manager, "network", "create", "--driver=overlay", "app");
    await createProbe(manager, "ask", "--network", "app", "--mode", "global");
    const asker = await containerOf(cluster, "ask", "h2");
    for (const host of lab.hosts) {
      assert.equal((await askInside(asker, `http://${host.address}:8080/`, 40)).length, 40, host.name);
    }
    const web = await containerOf(cluster, "web");
    for (const host of lab.hosts) assert.equal((await askInside(web, `http://${host.address}:8080/`, 20)).length, 20);
  });

  await t.test("ports that nobody names are found for them, and stay", async () => {
    await createProbe(manager, "any", "--publish", "80", "--replicas", "2");
    const ports = async () =>
      JSON.parse(await say(manager, "service", "inspect", "--format", "{{json .Endpoint.Ports}}", "any")) as PortJson[];
    const [port] = await ports();
    assert.ok(port && port.PublishedPort >= 30_000 && port.PublishedPort <= 32_767);
    for (const host of lab.hosts) {
      const answers = await askFrom(lab, `http://${host.address}:${port.PublishedPort}/`, 40);
      assert.equal(tasksIn(answers).length, 2);
    }
    await say(manager, "service", "update", "--quiet", "--label-add", "a=b", "any");
    assert.deepEqual(await ports(), [port]);
    await say(manager, "service", "rm", "any");
  });

  await t.test("ports change while a service runs; one that is taken is refused", async () => {
    await say(manager, "service", "update", "--quiet", "--publish-add", "8081:80", "web");
    for (const host of lab.hosts) assert.equal((await askFrom(lab, `http://${host.address}:8081/`, 10)).length, 10);
    assert.match(
      await refusal(manager, "service", "create", "--publish", "8081:80", PROBE),
      /port '8081' is already in use by service 'web'/,
    );
    await say(manager, "service", "update", "--quiet", "--publish-rm", "80", "--publish-add", "8080:80", "web");
    await eventually("8081 is closed", async () =>
      askFrom(lab, `http://${lab.hosts[1]?.address}:8081/`, 1).then(
        () => false,
        () => true,
      ),
    );
    await untilRunning(manager, "web", 4);
  });

  await t.test("a port of the host is that of the task there, beside the mesh", async () => {
    const publish = "mode=host,published=9090,target=80";
    // On another network besides, on which the engine publishes its port, while answers leave by that of the mesh.
    const options = ["--publish", publish, "--publish", "9091:80", "--network", "app", "--mode", "global"];
    await createProbe(manager, "edge", ...options);
    for (const host of lab.hosts) {
      assert.deepEqual(hostsIn(await askFrom(lab, `http://${host.address}:9090/`, 10)), [host.name]);
      assert.deepEqual(hostsIn(await askFrom(lab, `http://${host.address}:9091/`)), ["h1", "h2", "h3"]);
    }
    const [row] = await taskRows(manager, "edge");
    assert.match(row?.Ports ?? "", /\*:9090->80\/tcp/);
    await say(manager, "service", "rm", "edge");
  });

  await t.test("an idle connection outlives whatever happens to others", async () => {
    await createProbe(manager, "still", "--publish", "8090:80");
    using idle = new Background(lab, [process.execPath, IDLE_PROGRAM, lab.host("h3").address, "8090"]);
    await idle.began();
    await createProbe(manager, "passing", "--publish", "8091:80", "--network", "app", "--replicas", "3");
    await say(manager, "service", "scale", "still=3");
    await say(manager, "service", "rm", "passing");
    await say(manager, "service", "update", "--quiet", "--force", "web");
    await lab.host("h3").daemon.restart(signal);
    await eventually(
      "h3 is back",
      async () => (await say(manager, "node", "inspect", "--format", "{{.Status.State}}", "h3")) === "ready",
    );
    const [before, after] = (await idle.finish()).trim().split("\n");
    assert.ok(before);
    assert.equal(after, before, "the same task has answered");
    await say(manager, "service", "rm", "still");
  });

  await t.test("a connection goes on when hosts have lost track of it, whoever speaks first", async () => {
    await createProbe(manager, "kept", "--publish", "8092:80", "--replicas", "4");
    const keepIdle = async (host: LabHost) => {
      const idle = new Background(lab, [process.execPath, IDLE_PROGRAM, host.address, "8092"]);
      await idle.began();
      return idle;
    };
    const expectSameTask = async (idle: Background) => {
      const [before, after] = (await idle.finish()).trim().split("\n");
      assert.ok(before);
      assert.equal(after, before, "the same task has answered");
    };
    const loseTrack = (host: LabHost) => host.run(["conntrack", "--flush"], signal);

    const idle = await Promise.all(lab.hosts.map(keepIdle));
    await Promise.all(lab.hosts.map(loseTrack));
    await Promise.all(idle.map(expectSameTask));

    const tasks = await containersOf(cluster, "kept");
    const onAll = (command: string) => Promise.all(tasks.map(({ host, id }) => host.docker([command, id], signal)));
    for (const entry of lab.hosts) {
      const asking = await keepIdle(entry);
      await onAll("pause");
      const answered = expectSameTask(asking);
      await systemClock.sleep(500, signal); // the question is with the server by then
      await loseTrack(entry);
      await onAll("unpause");
      await answered;
    }
  });

  await t.test("a container of a published service reaches what is outside", async () => {
    for (const task of await containersOf(cluster, "kept")) await task.run("ping", "-c", "1", "-W", "5", CLIENT);
    await say(manager, "service", "rm", "kept");
  });

  await t.test("datagrams from one port do not stick to a task that is gone", async () => {
    await createProbe(manager, "dgram", "--publish", "5354:5353/udp");
    using flow = new Background(lab, [process.execPath, FLOW_PROGRAM, lab.host("h2").address, "5354"]);
    await flow.began();
    await say(manager, "service", "update", "--quiet", "--image", NEXT_PROBE, "dgram");
    const [first, second, silence] = (await flow.finish()).trim().split("\n");
    t.diagnostic(`longest silence of a flow whose task was replaced: ${silence} ms`);
    assert.deepEqual([first, second], ["1", "2"]);
    await say(manager, "service", "rm", "dgram");
  });

  await t.test("a port is free again when its service is gone", async () => {
    await say(manager, "service", "rm", "web");
    await create(manager, "next", "--publish", "8080:80", PROBE);
    await untilRunning(manager, "next", 1);
    for (const host of lab.hosts)
      await eventually("it answers", async () => (await askFrom(lab, `http://${host.address}:8080/`, 1)).length === 1);
  });
});
