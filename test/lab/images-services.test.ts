import assert from "node:assert/strict";
import { test } from "node:test";
import type { LabHost } from "#lab/host.ts";
import { docker, eventually, openCluster, say, scene } from "./cluster.ts";
import { BuildContext, build, imageOn } from "./images-build.ts";

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
    const begun = Date.now();
    await run(manager, "--name", "app", "--replicas", "3", "--stop-grace-period", "1s", "app:1");
    const states = await running(manager, "app", 3);
    t.diagnostic(`${Date.now() - begun} ms`);
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

  await t.test("what is loaded can be used on every host", async () => {
    const archive = await docker(manager, "save", "app:1");
    assert.equal(archive.code, 0);
    await say(manager, "service", "rm", "app");
  });
});
