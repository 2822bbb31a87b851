import assert from "node:assert/strict";
import { test } from "node:test";
import type { StoreObject } from "#model/objects.ts";
import type { Operation } from "#model/operation.ts";
import type { Conflict } from "#store/store.ts";
import { type CreateDatabase, check, create, createAll, createOne, never, remove, update } from "./driver.ts";
import { config, named, network, node, secret, service, task } from "./samples.ts";

const OUTDATED = 1_000_000;

interface Case {
  readonly name: string;
  /** Operations on the stored services `web` and `db`, the stored secret `key` and the stored node `n1`. */
  readonly operations: (stored: Stored) => readonly Operation[];
  /** The reason, and the place of the operation that it is about. */
  readonly refused?: readonly [Conflict["reason"], number];
}

const store = () => ({ web: service("web"), db: service("db"), key: secret("key"), n1: node("n1") });
type Stored = ReturnType<typeof store>;

const CASES: readonly Case[] = [
  {
    name: "the id of a creation is taken",
    operations: ({ web }) => [create(named(web, "new"))],
    refused: ["exists", 0],
  },
  {
    name: "a name is taken, in other letters",
    operations: () => [create(service("w2", { spec: service("WEB").spec }))],
    refused: ["name", 0],
  },
  { name: "a renamed object takes a name", operations: ({ web }) => [update(named(web, "DB"))], refused: ["name", 0] },
  {
    name: "two creations take one name",
    operations: () => [create(secret("a", "same")), create(secret("b", "Same"))],
    refused: ["name", 1],
  },
  { name: "an update finds nothing", operations: () => [update(service("none"), 1)], refused: ["missing", 0] },
  { name: "a deletion finds nothing", operations: () => [remove(service("none"))], refused: ["missing", 0] },
  { name: "a check finds nothing", operations: () => [check(service("none"))], refused: ["missing", 0] },
  { name: "an update is outdated", operations: ({ web }) => [update(web, OUTDATED)], refused: ["sequence", 0] },
  {
    name: "a deletion is outdated",
    operations: ({ web }) => [remove({ ...web, version: OUTDATED })],
    refused: ["sequence", 0],
  },
  {
    name: "a check is outdated, behind good operations",
    operations: ({ web, db }) => [update(web), create(task("t")), check({ ...db, version: OUTDATED })],
    refused: ["sequence", 2],
  },
  { name: "an update keeps its name", operations: ({ web }) => [update({ ...web, specVersion: 2 })] },
  { name: "a checked object is written", operations: ({ web }) => [update(web), check(web)] },
  {
    name: "a deletion frees its name",
    operations: ({ web }) => [remove(web), create(service("w2", { spec: web.spec }))],
  },
  {
    name: "a freed name is taken before",
    operations: ({ web }) => [create(service("w2", { spec: web.spec })), remove(web)],
  },
  {
    name: "a renamed object frees its name",
    operations: ({ web }) => [update(named(web, "new")), create(service("w2", { spec: web.spec }))],
  },
  { name: "names are swapped", operations: ({ web, db }) => [update(named(web, "db")), update(named(db, "web"))] },
  {
    name: "kinds do not share names",
    operations: () => [create(secret("a", "web")), create(config("a", "web")), create(network("a", "web"))],
  },
  { name: "hostnames are not unique", operations: () => [create(node("n2", "n1"))] },
];

/** Every reason to refuse a commit, and that a refused commit leaves no trace. */
export function conflictContract(createDatabase: CreateDatabase): void {
  for (const { name, operations, refused } of CASES) {
    test(`${refused ? `refused (${refused[0]})` : "accepted"}: ${name}`, async () => {
      await using database = await createDatabase();
      await using opened = await database.open();
      const before = store();
      const [web, db, key, n1] = await createAll<StoreObject>(opened, [before.web, before.db, before.key, before.n1]);
      const wanted = operations({ web, db, key, n1 } as Stored);
      const result = await opened.commit(wanted, never);
      if (refused === undefined) return assert.ok(result.ok, JSON.stringify(result));
      assert.deepEqual(result, { ok: false, conflict: { operation: wanted[refused[1]], reason: refused[0] } });
      assert.deepEqual(await opened.list("service", never), [web, db]);
      assert.deepEqual(await opened.list("secret", never), [key]);
      assert.deepEqual(await opened.list("task", never), []);
    });
  }

  test("a name can be used again after a deletion, and after a rename", async () => {
    await using database = await createDatabase();
    await using opened = await database.open();
    const first = await createOne(opened, service("a", { spec: service("web").spec }));
    assert.ok((await opened.commit([remove(first)], never)).ok);
    const second = await createOne(opened, service("b", { spec: service("web").spec }));
    assert.ok((await opened.commit([update(named(second, "old"))], never)).ok);
    await createOne(opened, service("c", { spec: service("Web").spec }));
    const taken = await opened.commit([create(service("d", { spec: service("OLD").spec }))], never);
    assert.equal(taken.ok ? "ok" : taken.conflict.reason, "name");
  });
}
