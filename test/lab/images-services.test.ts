import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { LabHost } from "#lab/host.ts";
import { docker, eventually, openCluster, say, scene, signal } from "./cluster.ts";
import { BuildContext, build, buildLines, imageOn } from "./images-build.ts";

const VERSION = `FROM busybox:latest
COPY data /data
RUN echo "$(wc -c < /data) bytes" > /size
CMD ["sleep", "1000"]
`;

const run = (on: LabHost, ...argv: readonly string[]) => say(on, "service", "create", "--quiet", "--detach", ...argv);

const tasksOf = async (on: LabHost, service: string): Promise<readonly string[]> => {
  const format = "{{.Node}} {{.Image}} {{.CurrentState}}";
  return (await say(on, "service", "ps", "--filter", "desired-state=running", "--format", format, service)).split("\n");
};

const running = (on: LabHost, service: string, tasks: number) =>
  eventually(`${tasks} tasks of ${service} run`, async () => {
    const states = await tasksOf(on, service);
    return states.length === tasks && states.every((state) => state.includes("Running")) && states;
  });

test("services run images that no registry has, on every host", scene, async (t) => {
  await using cluster = await openCluster({ name: "imgsvc", hosts: 3 });
  const { manager } = cluster;
  const { hosts } = cluster.lab;
  const idsOf = (image: string) => Promise.all(hosts.map((host) => imageOn(host, image)));
  using context = new BuildContext(VERSION);
  context.writeRandom("data", 3_000_000);

  await t.test("a build is used by a service's tasks wherever they are", async () => {
    const built = await build(manager, "classic", "--tag", "app:1", context.path);
    assert.equal(built.code, 0, built.stderr);
    await run(manager, "--name", "app", "--replicas", "3", "--stop-grace-period", "1s", "app:1");
    const states = await running(manager, "app", 3);
    assert.deepEqual(states.map((state) => state.slice(0, 2)).toSorted(), ["h1", "h2", "h3"]);
    assert.equal(new Set(await idsOf("app:1")).size, 1);
  });

  await t.test("the same name, built anew, means the new image everywhere", async () => {
    context.writeRandom("data", 2_000_000);
    const [before] = await idsOf("app:1");
    const built = await build(manager, "classic", "--tag", "app:1", context.path);
    assert.equal(built.code, 0, built.stderr);
    const [after, ...others] = await idsOf("app:1");
    assert.notEqual(after, before);
    assert.deepEqual(others, [after, after]);
    await say(manager, "service", "update", "--quiet", "--force", "app");
    const ids = (await say(manager, "ps", "--quiet", "--filter", "name=app")).split("\n");
    for (const id of ids) assert.equal(await say(manager, "exec", id, "cat", "/size"), "2000000 bytes");
  });

  await t.test("layers that a host has are not sent to it again", async () => {
    using change = new BuildContext("FROM app:1\nRUN echo again > /again\n");
    const [before] = await idsOf("app:1");
    const lines = await buildLines(manager, change, "app:1");
    const copying = lines.filter(({ status }) => status?.startsWith("Copying"));
    const totals = copying.map(({ progressDetail }) => progressDetail?.total ?? Infinity);
    assert.ok(totals.length > 0 && Math.max(...totals) < 100_000, `${totals.join(" ")} of more than 3,000,000 bytes`);
    const ids = await idsOf("app:1");
    assert.deepEqual([new Set(ids).size, ids.includes(before ?? "")], [1, false]);
    assert.equal(await say(manager, "run", "--rm", "app:1", "cat", "/again"), "again");
  });

  await t.test("damaged data are refused; what is loaded is used on every host", async () => {
    const archive = join(context.path, "app.tar");
    await say(manager, "save", "--output", archive, "app:1");
    await say(manager, "service", "rm", "app");
    await eventually("nothing uses the image", async () => (await say(manager, "ps", "--all", "--quiet")) === "");
    await say(manager, "rmi", "app:1");
    await say(manager, "image", "prune", "--force");
    const whole = readFileSync(archive);
    const damaged = Buffer.from(whole);
    const at = whole.indexOf(readFileSync(join(context.path, "data")).subarray(0, 100));
    damaged[at] = (damaged[at] ?? 0) ^ 1;
    writeFileSync(archive, damaged);
    const refused = await docker(manager, "load", "--input", archive);
    assert.notEqual(refused.code, 0);
    assert.deepEqual([refused.stderr.includes("invalid diffID"), await idsOf("app:1")], [true, ["", "", ""]]);
    writeFileSync(archive, whole);
    assert.match(await say(manager, "load", "--input", archive), /^Loaded image: app:1$/m);
    await run(manager, "--name", "again", "--mode", "global", "--stop-grace-period", "1s", "app:1");
    await running(manager, "again", 3);
    assert.equal(new Set(await idsOf("app:1")).size, 1);
    await say(manager, "service", "rm", "again");
  });

  await t.test("a host that was away while a name got another image is brought up to date", async () => {
    const host = cluster.lab.host("h3");
    await host.powerOff(signal);
    await eventually("it is down", async () => (await say(manager, "node", "ls")).includes("Down"));
    const [before] = await idsOf("app:1");
    using change = new BuildContext("FROM app:1\nRUN echo late > /late\n");
    const lines = await buildLines(manager, change, "app:1");
    assert.deepEqual(
      lines.find(({ id }) => id === "h3")?.status,
      "May have an older app:1 until it is back: it is down",
    );
    await host.powerOn(signal);
    const ids = await eventually("all have the new one", async () => {
      const found = await idsOf("app:1");
      return found.every((id) => id !== "" && id !== before) && found;
    });
    assert.equal(new Set(ids).size, 1);
  });
});
