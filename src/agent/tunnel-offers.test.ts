import assert from "node:assert/strict";
import { type Duplex, duplexPair } from "node:stream";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { FlotillaError } from "#base/errors.ts";
import { silentLogger } from "#base/log.ts";
import { ManualClock } from "#base/manual-clock.ts";
import { seededRandom } from "#base/random.ts";
import { closed } from "#base/splice.ts";
import { writeTarget } from "#wire/tunnel.ts";
import { offerTunnels } from "./tunnel-offers.ts";

/** An agent, and the managers' ends of what it offers. */
function openAgent() {
  const clock = new ManualClock(1_000);
  const stop = new AbortController();
  const offered: Duplex[] = [];
  const opened: [string, Duplex][] = [];
  const its = { refuses: false, tries: 0 };
  const life = new AbortController();
  const deps = {
    clock,
    life: life.signal,
    random: seededRandom(1),
    log: silentLogger,
    async openTarget(target: string) {
      if (target === "daemon") throw new FlotillaError("unavailable", "not now");
      const [near, far] = duplexPair();
      opened.push([target, far]);
      return near;
    },
  };
  const dial = async () => {
    its.tries++;
    if (its.refuses) throw new FlotillaError("unavailable", "no");
    const [near, far] = duplexPair();
    offered.push(far);
    return near;
  };
  const running = offerTunnels(deps, dial, stop.signal).catch((err: unknown) => {
    if (!stop.signal.aborted) throw err;
  });
  const end = async () => {
    stop.abort(new Error("the session is over"));
    await running;
  };
  return { clock, offered, opened, its, end, die: () => life.abort(new Error("the agent stops")) };
}

test("some tunnels wait; one that is used leads to its target, and is replaced", async () => {
  const agent = openAgent();
  await agent.clock.settle();
  assert.equal(agent.offered.length, 4);
  const tunnel = agent.offered[1] ?? assert.fail();
  writeTarget(tunnel, "engine");
  tunnel.end("a request");
  await agent.clock.settle();
  assert.equal(agent.offered.length, 5);
  const [[target, service] = assert.fail()] = agent.opened;
  assert.deepEqual([target, await text(service)], ["engine", "a request"]);
  await agent.end();
  service.end("an answer");
  assert.equal(await text(tunnel), "an answer", "what is in use outlives the session");
  for (const spare of agent.offered.slice(2)) await text(spare);
});

test("an agent that stops ends the tunnels in use", async () => {
  const agent = openAgent();
  await agent.clock.settle();
  const tunnel = agent.offered[0] ?? assert.fail();
  writeTarget(tunnel, "engine");
  await agent.clock.settle();
  const [[, service] = assert.fail()] = agent.opened;
  await agent.end();
  agent.die();
  assert.deepEqual([await text(tunnel), await text(service)], ["", ""]);
});

test("a service that is not there ends its tunnel", async () => {
  const agent = openAgent();
  await agent.clock.settle();
  const tunnel = agent.offered[0] ?? assert.fail();
  writeTarget(tunnel, "daemon");
  await text(tunnel);
  await agent.end();
});

test("a manager that takes no tunnels is asked more and more seldom", async () => {
  const agent = openAgent();
  agent.its.refuses = true;
  await agent.clock.settle();
  for (const tunnel of agent.offered) {
    tunnel.end();
    await closed(tunnel.resume()).catch(() => undefined);
  }
  await agent.clock.advance(1_000);
  const soon = agent.its.tries;
  await agent.clock.advance(60_000);
  const later = agent.its.tries - soon;
  assert.ok(soon >= 8 && later < 20 * soon, `${soon} tries in the first second, ${later} in a minute`);
  await agent.end();
});
