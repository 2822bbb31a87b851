import assert from "node:assert/strict";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { run } from "#lab/command.ts";
import type { LabHost } from "#lab/host.ts";
import { openCluster, say, scene, signal } from "./cluster.ts";
import { configs, join as joinAs, restartManager, untilNodes } from "./managers.ts";
import { untilRunning } from "./task-rows.ts";

/**
 * Data directories of single managers as earlier versions left them: h1, with certificates for ten years. Each has the
 * secret `password` (`s3cret`), the config `settings`, the node label zone=a, and the services `web` (two tasks,
 * flotilla/demo:2, updated once, with both of them), `everywhere` (global) and `nightly` (a job that is done).
 */
const FROZEN = [
  { name: "before-networks", what: "a version without networks", networks: [] },
  { name: "with-networks", what: "a version for one manager only", networks: ["app", "ingress"] },
] as const;

/** Replaces all that the host's daemon knows. */
async function thaw(host: LabHost, name: string): Promise<void> {
  const root = join(host.data, "flotilla");
  await host.daemon.kill(signal);
  await rm(root, { recursive: true });
  const archive = fileURLToPath(new URL(`../fixtures/data-${name}.tar.gz`, import.meta.url));
  await run({ argv: ["mkdir", "--mode=700", root] }, signal);
  await run(
    { argv: ["tar", "--extract", "--gzip", "--file", archive, "--directory", root, "--no-same-owner"] },
    signal,
  );
  await restartManager(host);
}

const names = async (host: LabHost, kind: string): Promise<readonly string[]> =>
  (await say(host, kind, "ls", "--format", "{{.Name}}")).split("\n").toSorted();

for (const { name, what, networks } of FROZEN) {
  test(`the data directory of ${what} is taken over`, scene, async (t) => {
    await using cluster = await openCluster({ name: "upgrade", hosts: 2, formed: false });
    const [h1, h2] = cluster.lab.hosts;
    assert.ok(h1 && h2);
    await thaw(h1, name);

    await t.test("everything is there", async () => {
      await untilNodes(h1, ["h1 Ready Leader"]);
      assert.deepEqual(await names(h1, "service"), ["everywhere", "nightly", "web"]);
      assert.deepEqual(await names(h1, "secret"), ["password"]);
      assert.deepEqual(await names(h1, "config"), ["settings"]);
      const all = await say(h1, "network", "ls", "--filter", "scope=swarm", "--format", "{{.Name}}");
      assert.deepEqual(all.split("\n").filter(Boolean).toSorted(), networks);
      assert.equal(await say(h1, "node", "inspect", "--format", "{{.Spec.Labels.zone}}", "h1"), "a");
      const format = "{{.Spec.Labels.changed}} {{.PreviousSpec.TaskTemplate.ContainerSpec.Image}}";
      assert.equal(await say(h1, "service", "inspect", "--format", format, "web"), "yes flotilla/demo:1");
    });

    await t.test("its services run, with their secrets", async () => {
      await untilRunning(h1, "web", 2);
      await untilRunning(h1, "everywhere", 1);
      const ids = await h1.docker(["ps", "--quiet", "--filter", "label=com.docker.swarm.service.name=web"], signal);
      const [id = ""] = ids.split("\n");
      assert.equal(await h1.docker(["exec", id, "cat", "/run/secrets/password"], signal), "s3cret");
    });

    await t.test("they can be updated and rolled back", async () => {
      await say(h1, "service", "update", "--quiet", "--label-add", "changed=again", "--env-add", "B=2", "web");
      await say(h1, "service", "rollback", "--quiet", "web");
      assert.equal(await say(h1, "service", "inspect", "--format", "{{.Spec.Labels.changed}}", "web"), "yes");
      await untilRunning(h1, "web", 2);
    });

    await t.test("a second manager joins, and has it all", async () => {
      await joinAs(h2, h1, "manager");
      await untilNodes(h2, ["h1 Ready Leader", "h2 Ready Reachable"]);
      assert.deepEqual(await names(h2, "service"), ["everywhere", "nightly", "web"]);
      assert.deepEqual([...(await configs(h2))], ["settings"]);
      await untilRunning(h2, "everywhere", 2);
      await say(h2, "service", "scale", "web=4");
    });
  });
}
