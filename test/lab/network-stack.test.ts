import assert from "node:assert/strict";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { execute } from "#lab/command.ts";
import { docker, eventually, say, signal } from "./cluster.ts";
import {
  askFrom,
  askInside,
  callersIn,
  containerOf,
  containersOf,
  dig,
  openProbeCluster,
  probeScene,
  tasksIn,
  unreachable,
} from "./probe.ts";
import { inside, runningRows, untilRunning } from "./task-rows.ts";

const COMPOSE_FILE = fileURLToPath(new URL("./stacks/shop.yml", import.meta.url));
const SECOND = `
services:
  web:
    image: flotilla/probe:1
    networks: [front]
    ports: ["8181:80"]
networks:
  front:
    attachable: true
`;

test("an ordinary compose file is a stack", { ...probeScene, timeout: 300_000 }, async (t) => {
  await using cluster = await openProbeCluster({ name: "stack", hosts: 3 });
  const { lab, manager } = cluster;

  const deploy = async (release: string) => {
    const argv = [
      "docker",
      "--host",
      `unix://${manager.daemonSocket}`,
      "stack",
      "deploy",
      "--compose-file",
      COMPOSE_FILE,
    ];
    return execute({ argv: [...argv, "shop"], env: { RELEASE: release } }, signal);
  };

  await t.test("what it calls external has to exist", async () => {
    const { code, stderr } = await deploy("1");
    assert.notEqual(code, 0);
    assert.match(stderr, /network "shared" is declared as external, but could not be found/);
    await say(manager, "network", "create", "--driver=overlay", "--attachable", "shared");
    assert.match((await deploy("1")).stderr, /secret not found: given/);
    const secret = ["docker", "--host", `unix://${manager.daemonSocket}`, "secret", "create", "given", "-"];
    assert.equal((await execute({ argv: secret, input: "handed over" }, signal)).code, 0);
  });

  await t.test("it is deployed, and listed", async () => {
    const { code, stderr } = await deploy("1");
    assert.equal(code, 0, stderr);
    await untilRunning(manager, "shop_web", 2);
    await untilRunning(manager, "shop_api", 3);
    await untilRunning(manager, "shop_store", 1);
    assert.equal(await say(manager, "stack", "ls", "--format", "{{.Name}} {{.Services}}"), "shop 4");
    const services = (
      await say(manager, "stack", "services", "--format", "{{.Name}} {{.Mode}} {{.Replicas}}", "shop")
    ).split("\n");
    assert.deepEqual(
      services.toSorted().map((line) => line.replace(/ \(.*/, "")),
      ["shop_api global 3/3", "shop_once replicated job 0/1", "shop_store replicated 1/1", "shop_web replicated 2/2"],
    );
    const tasks = await say(manager, "stack", "ps", "--format", "{{.Name}}", "shop");
    assert.equal(tasks.split("\n").filter((name) => name.startsWith("shop_web.")).length, 2);
    assert.match(await say(manager, "service", "logs", "--raw", "shop_once"), /not-a-real-token\nmigrated/);
  });

  await t.test("its services reach each other by their short names, as far as they share networks", async () => {
    const web = await containerOf(cluster, "shop_web");
    const api = await containerOf(cluster, "shop_api", web.host.name);
    await eventually("all of api answers web", async () => tasksIn(await askInside(web, "http://api/")).length === 3);
    assert.equal((await askInside(api, "http://www/", 1)).length, 1);
    assert.equal((await askInside(api, "http://shop.example/", 1)).length, 1);
    assert.deepEqual(tasksIn(await askInside(api, "http://store/", 2)), ["store"]);
    assert.deepEqual(await dig(web, "store"), []);
    assert.notEqual(await unreachable(web, "http://store/"), undefined);
  });

  await t.test("it answers on every host, and on the port of a host where a task is", async () => {
    for (const { address } of lab.hosts) {
      const answers = await askFrom(lab, `http://${address}:8080/`);
      assert.equal(tasksIn(answers).length, 2);
      assert.deepEqual(callersIn(answers), ["10.77.0.254"]);
    }
    const [web] = await containersOf(cluster, "shop_web");
    assert.equal((await askFrom(lab, `http://${web?.host.address}:9080/`, 1)).length, 1);
  });

  await t.test("its tasks have their configs, secrets and volumes", async () => {
    const web = await containerOf(cluster, "shop_web");
    assert.equal(await inside(web.host, "shop_web", "cat /etc/motd /run/secrets/token"), "welcome\nnot-a-real-token");
    assert.equal(
      await inside(web.host, "shop_web", "cat /run/secrets/key; stat -c %a /run/secrets/key"),
      "handed over400",
    );
    assert.equal(await inside(manager, "shop_store", "touch /data/kept && mount | grep -c ' /scratch '"), "1");
  });

  await t.test("a second deployment changes what is different, and nothing else", async () => {
    const before = await say(manager, "service", "ps", "--quiet", "shop_store");
    const { code, stderr } = await deploy("2");
    assert.equal(code, 0, stderr);
    await eventually(
      "web is of the next release",
      async () => {
        const rows = await runningRows(manager, "shop_web");
        return rows.length === 2 && rows.every(({ Image }) => Image === "flotilla/probe:2");
      },
      40_000,
    );
    assert.equal(await say(manager, "service", "ps", "--quiet", "shop_store"), before);
  });

  await t.test("two stacks do not reach each other", async () => {
    const argv = [
      "docker",
      "--host",
      `unix://${manager.daemonSocket}`,
      "stack",
      "deploy",
      "--compose-file",
      "-",
      "second",
    ];
    const { code, stderr } = await execute({ argv, input: SECOND }, signal);
    assert.equal(code, 0, stderr);
    await untilRunning(manager, "second_web", 1);
    const stranger = await containerOf(cluster, "second_web");
    const api = await containerOf(cluster, "shop_api", stranger.host.name);
    assert.deepEqual(await dig(stranger, "api"), []);
    assert.deepEqual(await dig(stranger, "shop_api"), []);
    assert.deepEqual(await dig(stranger, "web"), await dig(stranger, "second_web"));
    for (const network of ["shop_front", "shop_back"]) {
      const target = `http://${await api.address(network)}/`;
      assert.notEqual(await unreachable(stranger, target), undefined, network);
    }
    await say(manager, "stack", "rm", "second");
  });

  await t.test("it is removed whole, and what it did not make stays", async () => {
    await say(manager, "stack", "rm", "shop");
    await eventually("nothing of it is left", async () => {
      const left = ["network", "secret", "config", "service"].map(async (kind) =>
        say(manager, kind, "ls", "--quiet", "--filter", "label=com.docker.stack.namespace=shop"),
      );
      return (await Promise.all(left)).every((ids) => ids === "");
    });
    assert.equal((await docker(manager, "network", "inspect", "shared")).code, 0);
    assert.equal((await docker(manager, "secret", "inspect", "given")).code, 0);
    assert.equal(await say(manager, "stack", "ls", "--format", "{{.Name}}"), "");
  });
});
