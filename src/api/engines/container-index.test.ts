import assert from "node:assert/strict";
import { test } from "node:test";
import { ContainerIndex } from "./container-index.ts";

const ID = { a: "a".repeat(64), b: `${"ab".padEnd(12, "0")}${"b".repeat(52)}`, c: "c".repeat(64) };
const summary = (id: string, ...names: string[]) => ({ Id: id, Names: names.map((name) => `/${name}`) });

test("containers are found by id, short id, the beginning of an id, and name", () => {
  const index = new ContainerIndex();
  index.replace("n1", [summary(ID.a, "web"), summary(ID.b, "db", "web/alias")]);
  index.replace("n2", [summary(ID.c, "queue")]);
  for (const reference of [ID.c, ID.c.slice(0, 12), "c", "queue", "/queue"]) {
    assert.equal(index.resolve(reference)?.nodeId, "n2", reference);
  }
  assert.equal(index.resolve("web/alias")?.id, ID.b);
  assert.equal(index.resolve("queue", "n1"), undefined);
  assert.equal(index.resolve("nobody"), undefined);
  assert.throws(() => index.resolve("a"), /Multiple IDs found with provided prefix: a/);
});

test("a name comes before the beginning of an id, and one that several have must be made clear", () => {
  const index = new ContainerIndex();
  index.replace("n1", [summary(ID.a, "c")]);
  index.replace("n2", [summary(ID.c, "web")]);
  assert.equal(index.resolve("c")?.id, ID.a);
  index.put("n1", summary(ID.b, "web"));
  assert.throws(() => index.resolve("web"), /2 containers are called web: name one by its id, c{12} or ab0{10}/);
  assert.equal(index.resolve("web", "n1")?.id, ID.b);
});

test("what is renamed, removed or on a host that left is not found under its old name", () => {
  const index = new ContainerIndex();
  index.replace("n1", [summary(ID.a, "web"), summary(ID.b, "db")]);
  index.put("n1", summary(ID.a, "front"));
  assert.equal(index.resolve("web"), undefined);
  assert.equal(index.resolve("front")?.id, ID.a);
  index.remove("n1", ID.a);
  assert.deepEqual([index.resolve("front"), index.resolve(ID.a)], [undefined, undefined]);
  index.replace("n1", []);
  assert.deepEqual([...index.all(), ...index.ofNode("n1")], []);
  index.put("n1", summary(ID.c, "x"));
  index.forget("n1");
  assert.equal(index.resolve("x"), undefined);
});

test("nobody meets a hidden container, though it is there", () => {
  const index = new ContainerIndex(({ id }) => id === ID.a);
  index.replace("n1", [summary(ID.a, "web")]);
  index.replace("n2", [summary(ID.c, "web")]);
  assert.equal(index.resolve("web")?.id, ID.c);
  for (const reference of [ID.a, ID.a.slice(0, 12), "aaa"])
    assert.equal(index.resolve(reference), undefined, reference);
  assert.deepEqual(
    index.named("web").map(({ id }) => id),
    [ID.c],
  );
  assert.deepEqual([[...index.ofNode("n1")].length, index.get(ID.a)?.nodeId], [1, "n1"]);
});

test("who listens is told of each container that comes, changes or goes", () => {
  const index = new ContainerIndex();
  index.put("n1", summary(ID.a, "web"));
  const told: string[] = [];
  {
    using _listening = index.listen((id) => told.push(id));
    index.replace("n1", [summary(ID.b, "db")]);
    index.put("n1", summary(ID.b, "db2"));
    index.remove("n1", ID.c);
  }
  index.remove("n1", ID.b);
  assert.deepEqual(told, [ID.a, ID.b, ID.b]);
});
