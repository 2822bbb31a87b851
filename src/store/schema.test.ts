import assert from "node:assert/strict";
import { test } from "node:test";
import { parseStored, renderStored, type SchemaStep } from "./schema.ts";

const object = { kind: "config", id: "one", "2{": "brace" };

/** The first renames a field, the second adds one. */
const steps: readonly SchemaStep[] = [
  ({ label, ...rest }) => ({ ...rest, labels: [label] }),
  (older) => ({ ...older, isNew: true }),
];

test("what was rendered is parsed as it was", () => {
  assert.deepEqual(parseStored(renderStored(object)), object);
});

test("an object without a number is of the first schema", () => {
  assert.deepEqual(parseStored(JSON.stringify(object)), object);
  assert.deepEqual(parseStored('{"id":"one","label":"a"}', steps), { id: "one", labels: ["a"], isNew: true });
});

test("an object takes the steps that its schema has not seen, and no other", () => {
  assert.deepEqual(parseStored('1{"id":"one","label":"a"}', steps), { id: "one", label: "a", isNew: true });
  assert.deepEqual(parseStored('2{"id":"one","label":"a"}', steps), { id: "one", label: "a" });
});

test("an object of a newer schema is refused, with what to do", () => {
  const error = {
    code: "precondition",
    message: /^schema 3, this version reads up to 2: use the version that wrote it/,
  };
  assert.throws(() => parseStored('3{"id":"one"}', steps), error);
});

test("what has neither number nor JSON is no object", () => {
  for (const text of ["", "x", "1", "1.5{}", "-{}", "v1{}", "1{", "null"])
    assert.throws(() => parseStored(text), SyntaxError, text);
});
