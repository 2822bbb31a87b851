import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import fc from "fast-check";
import { FlotillaError } from "#base/errors.ts";
import { type Logger, silentLogger } from "#base/log.ts";
import { ManualClock } from "#base/manual-clock.ts";
import { seededRandom } from "#base/random.ts";
import { CurrentIdentity, type Identity, parseIdentity } from "./identity.ts";
import { createKeyRequest, signNodeCertificate } from "./node-certificate.ts";
import type { CertificateResponse } from "./protocol.ts";
import { Renewal, type RenewalDeps, renewalTime } from "./renewal.ts";
import { type Authority, createRootCA } from "./root-certificate.ts";

const START = Date.UTC(2026, 0, 1);
const HOUR_MS = 3_600_000;
const LIFE_MS = 90 * 24 * HOUR_MS;
const subject = { nodeId: "n1", role: "worker", clusterId: "c1" } as const;

test("the time to renew lies between 50 % and 80 % of a certificate's life, in whole minutes", () => {
  fc.assert(
    fc.property(fc.integer(), fc.integer({ min: HOUR_MS, max: LIFE_MS }), (seed, life) => {
      const at = renewalTime({ notBefore: START, notAfter: START + life }, seededRandom(seed)) - START;
      assert.equal(at % 60_000, 0);
      assert.ok(at > life * 0.5 - 60_000 && at <= life * 0.8);
    }),
  );
});

describe("renewal", () => {
  let root: Authority;
  let first: Identity;

  const sign = async (csr: string, now: number): Promise<CertificateResponse> => {
    const chain = await signNodeCertificate(root, csr, subject, { now, expiryMs: LIFE_MS });
    return { ...subject, chain, trustRoot: root.certificate };
  };

  before(async () => {
    root = await createRootCA(START);
    const { key, csr } = await createKeyRequest();
    first = parseIdentity({ key, ...(await sign(csr, START)) });
  });

  /** Runs a renewal under a clock of its own. `answer` says how each request goes. */
  async function run(
    script: (
      clock: ManualClock,
      deps: { renewal: Renewal; identity: CurrentIdentity; asked: number[] },
    ) => Promise<void>,
    answer: (clock: ManualClock, csr: string, count: number) => Promise<CertificateResponse>,
    log: Logger = silentLogger,
  ): Promise<void> {
    const clock = new ManualClock(START);
    const identity = new CurrentIdentity(first);
    const asked: number[] = [];
    const deps: RenewalDeps = {
      identity,
      clock,
      random: seededRandom(1),
      log,
      request: ({ csr }) => answer(clock, csr, asked.push(clock.now())),
      save: async () => undefined,
    };
    const stop = new AbortController();
    const renewal = new Renewal(deps);
    const running = renewal.run(stop.signal).catch((err: unknown) => {
      if (!stop.signal.aborted) throw err;
    });
    running.catch(() => undefined); // It is awaited below.
    try {
      await script(clock, { renewal, identity, asked });
    } finally {
      stop.abort(new Error("the test is over"));
      await running;
    }
  }

  /** Making keys is real work: lets the event loop turn until something holds. */
  async function until(holds: () => boolean): Promise<void> {
    for (let turn = 0; turn < 100_000 && !holds(); turn++) await new Promise((resolve) => setImmediate(resolve));
    assert.ok(holds());
  }

  test("happens in time, with a new key", () =>
    run(
      async (clock, { identity, asked }) => {
        await clock.advance(LIFE_MS * 0.49);
        assert.deepEqual(asked, []);
        await clock.advance(LIFE_MS * 0.32);
        await until(() => identity.current !== first);
        assert.notEqual(identity.current.key, first.key);
        assert.ok(identity.current.notAfter > first.notAfter);
        assert.equal(asked.length, 1);
      },
      (clock, csr) => sign(csr, clock.now()),
    ));

  test("happens at once when asked for", () =>
    run(
      async (_clock, { renewal, identity, asked }) => {
        renewal.renewNow();
        await until(() => identity.current !== first);
        assert.deepEqual(asked, [START]);
      },
      (clock, csr) => sign(csr, clock.now()),
    ));

  test("that fails is tried again within 5 s, then more and more slowly, until it works", () =>
    run(
      async (clock, { renewal, identity, asked }) => {
        renewal.renewNow();
        for (let tries = 1; tries <= 3; tries++) {
          await until(() => asked.length === tries && clock.sleepers === 1);
          await clock.advance(5_000 * 2 ** (tries - 1));
        }
        await until(() => identity.current !== first);
        assert.equal(asked.length, 4);
      },
      async (clock, csr, count) => {
        if (count < 4) throw new FlotillaError("unavailable", "no manager");
        return await sign(csr, clock.now());
      },
    ));

  test("that never works says so when the certificate has expired", async () => {
    const errors: string[] = [];
    const log: Logger = { ...silentLogger, error: (_fields, message) => void errors.push(message) };
    await run(
      async (clock, { renewal, asked }) => {
        await clock.advanceTo(first.notAfter + 1);
        renewal.renewNow();
        await until(() => asked.length >= 1 && errors.length >= 1);
        assert.match(errors[0] ?? "", /expired.*leave and join/);
      },
      () => Promise.reject(new FlotillaError("unavailable", "no manager")),
      log,
    );
  });

  test("ends when the node was removed from the cluster", async () => {
    const removed = new FlotillaError("forbidden", "node n1 was removed from swarm");
    const script = run(
      async (_clock, { renewal, asked }) => {
        renewal.renewNow();
        await until(() => asked.length === 1);
        await new Promise((resolve) => setImmediate(resolve));
      },
      () => Promise.reject(removed),
    );
    await assert.rejects(script, (err) => err === removed);
  });
});
