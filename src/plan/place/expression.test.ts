import assert from "node:assert/strict";
import { test } from "node:test";
import { matches, parseExpression, renderExpression } from "./expression.ts";

test("expressions are read as classic Swarm wrote them", () => {
  assert.deepEqual(parseExpression("storage==ssd"), { key: "storage", operator: "==", value: "ssd", isSoft: false });
  assert.deepEqual(parseExpression("node!=~h1"), { key: "node", operator: "!=", value: "h1", isSoft: true });
  assert.deepEqual(parseExpression("operatingsystem==Debian GNU/Linux 12").value, "Debian GNU/Linux 12");
  assert.deepEqual(parseExpression("image==app@sha256:ab").value, "app@sha256:ab");
  assert.equal(renderExpression(parseExpression("com.example.x==~y*")), "com.example.x==y*");
});

for (const [text, reason] of [
  ["storage", /One of operator ==, != is expected/],
  ["storage=ssd", /One of operator ==, != is expected/],
  ["==ssd", /Key '' is invalid/],
  ["a==ssd", /Key 'a' is invalid/],
  ["1a==ssd", /Key '1a' is invalid/],
  ["storage==", /Value '' is invalid/],
  ["storage==~", /Value '' is invalid/],
  ['storage=="ssd"', /Value '"ssd"' is invalid/],
  ["storage==/[/", /regular expression is not understood/],
] as const) {
  test(`${text} is refused`, () => assert.throws(() => parseExpression(text), reason));
}

for (const [text, candidate, expected] of [
  ["node==h1", "h1", true],
  ["node==h1", "h11", false],
  ["node==h*", "h11", true],
  ["node==*1", "h11", true],
  ["node==h.", "h1", false],
  ["node==/h[12]/", "my-h1", true],
  ["node==/^h[12]$/", "h3", false],
  ["node==/(?i)H1/", "h1", true],
  ["node!=h1", "h1", false],
  ["node!=h1", "h2", true],
] as const) {
  test(`${text} and ${candidate}: ${expected}`, () =>
    assert.equal(matches(parseExpression(text), [candidate]), expected));
}

test("of several candidates one is enough; none at all is only good for !=", () => {
  assert.ok(matches(parseExpression("image==app:1"), ["app", "app:1"]));
  assert.ok(!matches(parseExpression("image!=app:1"), ["app", "app:1"]));
  assert.ok(!matches(parseExpression("image==app"), []));
  assert.ok(matches(parseExpression("image!=app"), []));
});
