import assert from "node:assert/strict";
import { test } from "node:test";
import { renderExpression } from "./expression.ts";
import { extractWishes, policyOf } from "./wish.ts";

test("what is meant for the cluster leaves the environment, and is kept in labels", () => {
  const env = [
    "PATH=/bin",
    "constraint:node==h1",
    "affinity:container==~web*",
    "constraint:zone!=b",
    "reschedule:on-node-failure",
    "URL=constraint:node==h9",
    "other:x==y",
  ];
  const { wishes, env: kept, labels } = extractWishes(env, { app: "shop" });
  assert.deepEqual(kept, ["PATH=/bin", "URL=constraint:node==h9", "other:x==y"]);
  assert.deepEqual(wishes.constraints.map(renderExpression), ["node==h1", "zone!=b"]);
  assert.deepEqual(wishes.affinities.map(renderExpression), ["container==web*"]);
  assert.equal(wishes.affinities[0]?.isSoft, true);
  assert.equal(wishes.reschedule, "on-node-failure");
  assert.deepEqual(labels, {
    app: "shop",
    "com.docker.swarm.constraints": '["node==h1","zone!=b"]',
    "com.docker.swarm.affinities": '["container==~web*"]',
    "com.docker.swarm.reschedule-policies": '["on-node-failure"]',
  });
});

test("labels say the same, and come first", () => {
  const { wishes, labels } = extractWishes(["constraint:zone==a"], {
    "com.docker.swarm.constraints": '["node==h2"]',
    "com.docker.swarm.whitelists": '["node==h1|h2"]',
  });
  assert.deepEqual(wishes.constraints.map(renderExpression), ["node==h2", "zone==a"]);
  assert.deepEqual(
    wishes.whitelists.map(({ value }) => value),
    ["h1|h2"],
  );
  assert.equal(labels["com.docker.swarm.constraints"], '["node==h2","zone==a"]');
});

test("a container without wishes is left as it is", () => {
  const { wishes, env, labels } = extractWishes(["A=1"], { a: "b" });
  assert.deepEqual([env, labels], [["A=1"], { a: "b" }]);
  assert.deepEqual(wishes, { constraints: [], affinities: [], whitelists: [], reschedule: "off" });
});

test("a label that is no list says nothing; a bad expression or policy is refused", () => {
  const { wishes } = extractWishes([], { "com.docker.swarm.constraints": "node==h1" });
  assert.deepEqual(wishes.constraints, []);
  assert.throws(() => extractWishes(["constraint:node"], {}), /One of operator/);
  assert.throws(() => extractWishes(["reschedule:always"], {}), /invalid reschedule policy: always/);
  assert.throws(() => extractWishes(["reschedule:off", "reschedule:on-node-failure"], {}), /too many/);
});

test("the policy of a container that is there is read from its label, whatever that says", () => {
  const policy = (label: string) => policyOf({ "com.docker.swarm.reschedule-policies": label });
  assert.equal(policy('["on-node-failure"]'), "on-node-failure");
  for (const label of ['["off"]', '["always"]', '["off","on-node-failure"]', "on-node-failure", "[]"]) {
    assert.equal(policy(label), "off", label);
  }
  assert.equal(policyOf({}), "off");
});
