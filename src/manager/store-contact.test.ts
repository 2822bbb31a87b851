import assert from "node:assert/strict";
import { test } from "node:test";
import { failingFast, StoreContact } from "./store-contact.ts";
import { aService, openFixture } from "./testing/fixture.ts";

test("while the store is lost, writes fail soon and say what to do; reads go on", async () => {
  await using fixture = await openFixture();
  const contact = new StoreContact();
  const state = failingFast(fixture.state, contact, fixture.clock);
  const create = (id: string) =>
    state.commit([{ type: "create", object: aService({ id }) }], fixture.signal).then(({ ok }) => ok);
  assert.ok(await create("before"));
  contact.lost();
  const refused = assert.rejects(create("meanwhile"), {
    code: "unavailable",
    message: /does not have a leader.*more than half of the managers.*--force-new-cluster/,
  });
  await fixture.clock.advance(500);
  await refused;
  const inTime = create("in time");
  contact.found(fixture.clock.now());
  assert.ok(await inTime);
  contact.lost();
  assert.equal(state.view.count("service"), 2);
  contact.found(fixture.clock.now());
  assert.ok(await create("after"));
});

test("it counts as there since it was found; a loss is told once", async () => {
  await using fixture = await openFixture();
  const { clock, signal } = fixture;
  const contact = new StoreContact();
  assert.ok(contact.holdsSince(0));
  let losses = 0;
  fixture.spawn(async () => {
    for (;;) {
      await contact.nextLoss(clock, signal);
      losses++;
    }
  });
  for (let round = 1; round <= 2; round++) {
    contact.lost();
    contact.lost();
    await clock.settle();
    assert.deepEqual([losses, contact.holdsSince(clock.now())], [round, false]);
    contact.found(clock.now());
    contact.found(clock.now() + 5);
    assert.deepEqual([contact.holdsSince(clock.now()), contact.holdsSince(clock.now() - 1)], [true, false]);
  }
});
