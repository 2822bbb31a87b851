import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { stat } from "node:fs/promises";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { plainCodec } from "./codec.ts";
import { createOne, never, update } from "./testing/driver.ts";
import { config, service } from "./testing/samples.ts";
import { createFileDatabase } from "./testing/sqlite-database.ts";

/** Forbids this process to make any file larger than `bytes`: writes fail as on a disk without room. */
function limitFiles(bytes: number | "unlimited"): Disposable {
  execFileSync("prlimit", ["--pid", String(process.pid), `--fsize=${bytes}:`]);
  return { [Symbol.dispose]: () => bytes !== "unlimited" && limitFiles("unlimited") };
}

test("commits that find no room are refused whole, and work again when there is room", async () => {
  await using database = await createFileDatabase(plainCodec);
  {
    await using store = await database.open();
    const web = await createOne(store, service("web"));
    const log = (await stat(`${database.path}-wal`)).size;
    const big = config("big", "big", "x".repeat(1_000_000));
    {
      using _full = limitFiles(log + 100_000);
      const results = await Promise.allSettled([
        store.commit([update({ ...web, specVersion: 2 })], never),
        createOne(store, big),
      ]);
      for (const result of results) {
        assert.equal(result.status, "rejected");
        assert.equal(result.reason.code, "unavailable");
        assert.match(result.reason.message, /store\.db cannot/);
      }
      assert.deepEqual(await store.list("config", never), []);
      assert.deepEqual(await store.list("service", never), [web]);
    }
    assert.ok((await store.commit([update({ ...web, specVersion: 3 })], never)).ok);
    await createOne(store, big);
  }
  await using store = await database.open();
  assert.equal((await store.read("service", "web", never))?.specVersion, 3);
  assert.equal((await store.list("config", never)).length, 1);
});

/** Creates one object after the other, and prints the id of each when the store has acknowledged it. */
const WRITER = `
  const [path] = process.argv.slice(1);
  const { openSqliteStore } = await import(${JSON.stringify(import.meta.resolve("./sqlite.ts"))});
  const { plainCodec } = await import(${JSON.stringify(import.meta.resolve("./codec.ts"))});
  const { createOne } = await import(${JSON.stringify(import.meta.resolve("./testing/driver.ts"))});
  const { task } = await import(${JSON.stringify(import.meta.resolve("./testing/samples.ts"))});
  const store = await openSqliteStore(path, plainCodec);
  for (let number = 0; ; number++) {
    await Promise.all(["a", "b"].map((name) => createOne(store, task(name + number)).then(({ id }) => console.log(id))));
  }
`;

test("what was acknowledged outlives a killed process", async () => {
  await using database = await createFileDatabase(plainCodec);
  const child = spawn(process.execPath, ["--input-type=module", "--eval", WRITER, database.path], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const exit = once(child, "exit");
  const acknowledged: string[] = [];
  for await (const id of createInterface(child.stdout)) {
    acknowledged.push(id);
    if (acknowledged.length === 200) child.kill("SIGKILL");
  }
  await exit;
  await using store = await database.open();
  for (const id of acknowledged) assert.ok(await store.read("task", id, never), `${id} is lost`);
});
