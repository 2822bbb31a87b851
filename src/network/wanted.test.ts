import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type Fact, Wanted } from "./wanted.ts";

const fact = (key: string, value: string): Fact => ({ key, value });

test("a key that several sources want stays until the last takes it back", () => {
  const wanted = new Wanted();
  wanted.set("a", [fact("k", "1")]);
  wanted.set("b", [fact("k", "1")]);
  wanted.set("a", []);
  assert.deepEqual(wanted.get("k"), fact("k", "1"));
  wanted.set("b", []);
  assert.equal(wanted.get("k"), undefined);
});

test("of what sources say differently, the last word holds", () => {
  const wanted = new Wanted();
  wanted.set("a", [fact("k", "1")]);
  wanted.set("b", [fact("k", "2")]);
  assert.equal(wanted.get("k")?.value, "2");
  wanted.set("b", []);
  assert.equal(wanted.get("k")?.value, "1");
});

test("only what is said anew counts as changed", () => {
  const wanted = new Wanted();
  wanted.set("a", [fact("k", "1"), fact("l", "1")]);
  wanted.takeChanged();
  wanted.set("a", [fact("k", "1"), fact("l", "2")]);
  assert.deepEqual([...wanted.takeChanged()], ["l"]);
  assert.equal(wanted.hasChanged, false);
});

const facts = fc.uniqueArray(fc.record({ key: fc.constantFrom("k", "l", "m"), value: fc.constantFrom("1", "2") }), {
  selector: ({ key }) => key,
});
const sayings = fc.array(fc.record({ source: fc.constantFrom("a", "b", "c"), facts }), { maxLength: 20 });

test("every change is told: who follows the changes has what is wanted", () => {
  fc.assert(
    fc.property(sayings, (said) => {
      const wanted = new Wanted();
      const followed = new Map<string, string>();
      for (const { source, facts: own } of said) {
        wanted.set(source, own);
        for (const key of wanted.takeChanged()) {
          const value = wanted.get(key)?.value;
          if (value === undefined) followed.delete(key);
          else followed.set(key, value);
        }
      }
      assert.deepEqual(followed, new Map([...wanted.values()].map(({ key, value }) => [key, value])));
      const lastWords = new Map(said.map(({ source, facts: own }) => [source, own]));
      const keys = new Set([...lastWords.values()].flatMap((own) => own.map(({ key }) => key)));
      assert.deepEqual(new Set(wanted.keys()), keys);
    }),
  );
});
