import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { execute, type Finished } from "#lab/command.ts";
import type { LabHost } from "#lab/host.ts";
import { eventually, openCluster, say, scene, signal } from "./cluster.ts";
import { BuildContext, type Builder, build, buildCommand, imageOn } from "./images-build.ts";

const BUILDERS: readonly Builder[] = ["classic", "buildkit"];
/** A client must know by then that the host of its build is lost. */
const LOSS_MS = 6_000;

test("builds are made on any host, and their images used on all", scene, async (t) => {
  await using cluster = await openCluster({ name: "imgbuild", hosts: 3 });
  const { manager } = cluster;
  const { hosts } = cluster.lab;
  const on = (name: string) => `constraint:node==${name}`;
  const holders = async (image: string): Promise<string> => {
    const found = await Promise.all(hosts.map(async (host) => ((await imageOn(host, image)) === "" ? "" : host.name)));
    return found.filter((name) => name !== "").join(" ");
  };
  const succeed = async (builder: Builder, ...argv: readonly string[]) => {
    const { code, stdout, stderr } = await build(manager, builder, ...argv);
    assert.equal(code, 0, `${builder}: ${stdout}\n${stderr}`);
    return stdout + stderr;
  };
  await eventually("all engines are known", async () => (await say(manager, "info")).match(/Healthy/g)?.length === 3);

  await t.test("where there is room, or where the user says", async () => {
    using context = new BuildContext('FROM busybox\nARG NAME\nRUN echo "$NAME" > /name; env > /env\nLABEL kept=yes\n');
    await say(manager, "create", "--name", "there", "-e", on("h1"), "busybox");
    for (const builder of BUILDERS) {
      await succeed(builder, "--tag", `${builder}:free`, context.path);
      assert.notEqual(await holders(`${builder}:free`), "h1");
      const told = ["--build-arg", on("h2"), "--build-arg", "NAME=ann", "--memory", "64m"];
      await succeed(builder, ...told, "--no-cache", "--tag", `${builder}:there`, context.path);
      assert.equal(await holders(`${builder}:there`), "h2");
      assert.equal(await say(manager, "run", "--rm", `${builder}:there`, "cat", "/name"), "ann");
      assert.doesNotMatch(await say(manager, "run", "--rm", `${builder}:there`, "cat", "/env"), /constraint|h2/);
      const refused = await build(manager, builder, "--build-arg", on("h9"), context.path);
      assert.match(refused.stdout + refused.stderr, /\[node==h9\]/);
      assert.notEqual(refused.code, 0);
    }
  });

  await t.test("a context arrives whole, on any host", async () => {
    using context = new BuildContext("FROM busybox\nCOPY . /in\nRUN sha256sum /in/big > /sum\n");
    context.writeRandom("a-first", 2_000_000);
    context.writeRandom("big", 8_000_000);
    const sum = createHash("sha256")
      .update(readFileSync(join(context.path, "big")))
      .digest("hex");
    for (const builder of BUILDERS) {
      await succeed(builder, "--build-arg", on("h3"), "--tag", `${builder}:big`, context.path);
      assert.match(await say(manager, "run", "--rm", `${builder}:big`, "cat", "/sum"), new RegExp(`^${sum} `));
    }
  });

  await t.test("upon an image that only another host has", async () => {
    using base = new BuildContext("FROM busybox\nCOPY data /data\n");
    for (const builder of BUILDERS) {
      base.writeRandom("data", 2_000_000);
      await succeed("classic", "--build-arg", on("h2"), "--tag", `base:${builder}`, base.path);
      using context = new BuildContext(`ARG TAG\nFROM base:$TAG\nRUN wc -c < /data > /size\n`);
      const where = ["--build-arg", `TAG=${builder}`, "--build-arg", on("h3")];
      await succeed(builder, ...where, "--tag", `upon:${builder}`, context.path);
      assert.deepEqual([await holders(`base:${builder}`), await holders(`upon:${builder}`)], ["h2 h3", "h3"]);
      assert.equal(await say(manager, "run", "--rm", `upon:${builder}`, "cat", "/size"), "2000000");
    }
  });

  await t.test("a context that is an archive", async () => {
    using context = new BuildContext("FROM busybox\nCOPY data /data\n");
    context.writeRandom("data", 1_000_000);
    const archive = join(context.path, "context.tar.gz");
    const packed = ["tar", "-C", context.path, "-czf", archive, "Dockerfile", "data"];
    assert.equal((await execute({ argv: packed }, signal)).code, 0);
    for (const builder of BUILDERS) {
      const argv = buildCommand(manager, builder, ["--build-arg", on("h2"), "--tag", `${builder}:archive`, "-"]);
      const { code, stdout, stderr } = await execute({ argv, input: readFileSync(archive) }, signal);
      assert.equal(code, 0, `${builder}: ${stdout}\n${stderr}`);
      assert.equal(await holders(`${builder}:archive`), "h2");
    }
  });

  const steps = async (host: LabHost): Promise<number> => {
    const { stdout } = await host.exec(["ps", "-eo", "args"], signal);
    return stdout.split("\n").filter((line) => line === "sleep 4321").length;
  };

  await t.test("a client that is interrupted ends its build", async () => {
    using context = new BuildContext("FROM busybox\nRUN sleep 4321\n");
    const host = cluster.lab.host("h3");
    for (const builder of BUILDERS) {
      const [command = "", ...argv] = buildCommand(manager, builder, ["--build-arg", on("h3"), context.path]);
      const client = spawn(command, argv, { stdio: "ignore" });
      const ended = once(client, "exit");
      await eventually("the step runs", async () => (await steps(host)) > 0);
      client.kill("SIGINT");
      await ended;
      await eventually(`the step of the ${builder} builder is ended`, async () => (await steps(host)) === 0);
    }
  });

  await t.test("a client is told when the host of its build is lost", async () => {
    using context = new BuildContext("FROM busybox\nRUN sleep 4321\n");
    const building = BUILDERS.map((builder) => build(manager, builder, "--build-arg", on("h3"), context.path));
    await eventually("both steps run", async () => (await steps(cluster.lab.host("h3"))) > 1);
    let ended: readonly Finished[] = [];
    void Promise.all(building).then((all) => (ended = all));
    await cluster.lab.host("h3").powerOff(signal);
    await eventually("both clients are told", () => ended.length === BUILDERS.length, LOSS_MS);
    for (const { code, stdout, stderr } of ended) {
      assert.notEqual(code, 0);
      assert.match(stdout + stderr, /the connection to the engine of h3 broke off/);
    }
  });
});
