import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { eventually } from "../cluster.ts";
import type { RemoteUser } from "./remote-user.ts";

/** `docker-compose` for one of the projects of this folder. */
function project(user: RemoteUser, name: string) {
  const file = fileURLToPath(new URL(`./${name}.yml`, import.meta.url));
  const argv = ["docker-compose", "--no-ansi", "--file", file, "--project-name", name];
  return {
    say: (...rest: readonly string[]) => user.run(...argv, ...rest),
    exec: (...rest: readonly string[]) => user.exec([...argv, ...rest]),
    /** Names and hosts of its containers. */
    hosts: async () => {
      const filter = `label=com.docker.compose.project=${name}`;
      const ids = await user.run("docker", "ps", "--quiet", "--filter", filter);
      const format = "{{.Name}} {{.Node.Name}}";
      const lines = await user.run("docker", "inspect", "--format", format, ...ids.split("\n"));
      return new Map(lines.split("\n").map((line) => line.slice(1).split(" ") as [string, string]));
    },
    /** What is left of it. */
    traces: async () => {
      const filter = `label=com.docker.compose.project=${name}`;
      const kinds = [
        ["ps", "--all"],
        ["network", "ls"],
        ["volume", "ls"],
      ];
      return await Promise.all(kinds.map((kind) => user.run("docker", ...kind, "--quiet", "--filter", filter)));
    },
  };
}

/** A project over all hosts. */
export async function spreadProject(t: TestContext, user: RemoteUser): Promise<void> {
  const shop = project(user, "shop");
  let url = "";
  const visit = (times: number) =>
    eventually(`visit ${times}`, async () => {
      const page = await user.run("curl", "--silent", "--max-time", "5", url);
      return page.startsWith(`visit=${times}\n`) && page;
    });

  await t.test("up: every host has one of three containers, which find each other by name", async () => {
    await shop.say("up", "--detach");
    const hosts = await shop.hosts();
    assert.deepEqual([...hosts.keys()].toSorted(), ["shop_api_1", "shop_store_1", "shop_web_1"]);
    assert.deepEqual([...hosts.values()].toSorted(), ["h1", "h2", "h3"]);
    url = `http://${await shop.say("port", "web", "80")}/`;
    assert.match(await visit(1), /^client=10\.77\.0\.254$/m);
    assert.equal(await shop.say("ps", "--services", "--filter", "status=running"), "store\napi\nweb");
    assert.match(await shop.say("logs", "--no-color", "store"), /Ready to accept connections/);
  });

  await t.test("exec and run: input, output and exit codes", async () => {
    assert.equal(await shop.say("exec", "-T", "api", "redis-cli", "-h", "store", "get", "visits"), "1");
    assert.equal((await shop.exec("exec", "-T", "store", "sh", "-c", "exit 7")).code, 7);
    const once = await shop.exec("run", "--rm", "-T", "api", "sh", "-c", "redis-cli -h store incr visits; exit 3");
    assert.deepEqual([once.stdout, once.code], ["2\n", 3]);
  });

  await t.test("up again changes nothing; scale adds and removes", async () => {
    const ids = async (...services: readonly string[]) =>
      (await shop.say("ps", "--quiet", ...services)).split("\n").toSorted();
    const before = await ids();
    await shop.say("up", "--detach", "--scale", "api=3");
    assert.equal((await ids("api")).length, 3);
    await shop.say("up", "--detach");
    assert.deepEqual(await ids(), before);
  });

  await t.test("a new container goes to where its volume is", async () => {
    const host = (await shop.hosts()).get("shop_store_1");
    await shop.say("restart", "store");
    await visit(3);
    await shop.say("up", "--detach", "--force-recreate", "--no-deps", "store");
    assert.equal((await shop.hosts()).get("shop_store_1"), host);
    await visit(4);
  });

  await t.test("down leaves nothing", async () => {
    await shop.say("down", "--volumes");
    assert.deepEqual(await shop.traces(), ["", "", ""]);
  });
}

/** A project whose containers have to be together. */
export async function nearProject(t: TestContext, user: RemoteUser): Promise<void> {
  const near = project(user, "near");

  await t.test("containers that belong together are on one host", async () => {
    await near.say("up", "--detach");
    assert.equal(new Set((await near.hosts()).values()).size, 1);
    for (const name of ["web", "shop"]) {
      assert.match(await near.say("exec", "-T", "asker", "wget", "-q", "-O", "-", `http://${name}/`), /runs version 1/);
    }
    assert.match(await near.say("exec", "-T", "beside", "wget", "-q", "-O", "-", "http://127.0.0.1/"), /version 1/);
    await near.say("exec", "-T", "web", "touch", "/shared/seen");
    assert.equal(await near.say("exec", "-T", "asker", "ls", "/shared"), "seen");
    assert.match(await user.run("curl", "--silent", `http://${await near.say("port", "web", "80")}/`), /version 1/);
  });

  await t.test("down leaves nothing", async () => {
    await near.say("down", "--volumes", "--timeout", "1");
    assert.deepEqual(await near.traces(), ["", "", ""]);
  });
}
