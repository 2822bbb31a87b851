import assert from "node:assert/strict";
import { test } from "node:test";
import { parseGenericResources } from "./generic-resource.ts";

test("counts and named units, in one entry or several", () => {
  const want = [
    { NamedResourceSpec: { Kind: "gpu", Value: "UUID1" } },
    { NamedResourceSpec: { Kind: "gpu", Value: "UUID2" } },
    { DiscreteResourceSpec: { Kind: "ssd", Value: 4 } },
  ];
  assert.deepEqual(parseGenericResources(["gpu=UUID1,gpu=UUID2", "ssd=4"]), want);
  assert.deepEqual(parseGenericResources(["gpu=UUID1", " ssd = 4 ", "gpu=UUID2"]), want);
  assert.deepEqual(parseGenericResources(["gpu=UUID1,gpu=UUID1"]), want.slice(0, 1));
  assert.deepEqual(parseGenericResources([]), []);
});

for (const [list, problem] of [
  [["gpu"], "incorrect term gpu, missing '=' or malformed expression"],
  [["gpu=a=b"], "incorrect term gpu=a=b, missing '=' or malformed expression"],
  [["ssd=-1"], "cannot ask for negative resource ssd"],
  [["gpu=a", "gpu=1"], "mixed discrete and named resources in expression 'gpu=[a 1]'"],
  [["gpu=1", "gpu=2"], "mixed discrete and named resources in expression 'gpu=[1 2]'"],
] as const) {
  test(`${list.join(" ")} is refused`, () => {
    const message = `could not parse GenericResource: ${problem}`;
    assert.throws(() => parseGenericResources(list), { code: "invalid", message });
  });
}
