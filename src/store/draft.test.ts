import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { creation, deletion, replacement } from "./change.ts";
import { Draft } from "./draft.ts";
import { judge } from "./judge.ts";
import { ObjectTable } from "./object-table.ts";
import { create, remove, update } from "./testing/driver.ts";
import { named, secret, service } from "./testing/samples.ts";

const IDS = ["1", "2", "3"];
const NAMES = ["a", "b", "c"];

test("a draft shows what a table shows once the changes are made", () => {
  const write = fc.record({ id: fc.constantFrom(...IDS), name: fc.constantFrom(...NAMES), remove: fc.boolean() });
  const commits = fc.array(fc.array(write, { maxLength: 3 }), { maxLength: 12 });
  fc.assert(
    fc.property(commits, fc.nat(6), (writes, before) => {
      const base = new ObjectTable();
      const table = new ObjectTable();
      const draft = new Draft(base);
      for (const [index, commit] of writes.entries()) {
        const operations = new Map(
          commit.map(({ id, name, remove: removes }) => {
            const old = table.get("service", id);
            const object = named(service(id), name);
            return [id, old === undefined ? create(object) : removes ? remove(old) : update(object, old.version)];
          }),
        );
        const verdict = judge([...operations.values()], table, index + 1);
        if (!verdict.ok) continue;
        for (const change of verdict.changes) {
          table.apply(change);
          if (index < before) base.apply(change);
          else draft.apply(change);
        }
      }
      for (const id of IDS) assert.equal(draft.get("service", id), table.get("service", id));
      for (const name of NAMES) assert.equal(draft.holder("service", name), table.holder("service", name));
    }),
  );
});

test("the table below a draft does not change", () => {
  const base = new ObjectTable();
  const [kept, gone] = [secret("kept"), secret("gone")];
  for (const object of [kept, gone]) base.apply(creation(object));
  const draft = new Draft(base);
  draft.apply(deletion(gone));
  draft.apply(replacement(kept, secret("kept", "renamed")));
  assert.deepEqual([...base.list("secret")], [kept, gone]);
  assert.deepEqual(
    ["kept", "gone", "renamed"].map((name) => base.holder("secret", name)),
    ["kept", "gone", undefined],
  );
  assert.deepEqual(
    ["kept", "gone", "renamed"].map((name) => draft.holder("secret", name)),
    [undefined, undefined, "kept"],
  );
});
