import assert from "node:assert/strict";
import { mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { ManualClock } from "#base/manual-clock.ts";
import { HostResolvers, parseResolvConf } from "./host-resolvers.ts";

test("name servers are read in their order, comments and nonsense are not", () => {
  const text = [
    "# nameserver 1.1.1.1",
    "; nameserver 1.1.1.2",
    "search example.com",
    "nameserver 10.9.0.1",
    "nameserver\t10.9.0.2 # the second",
    "nameserver fe80::1%eth0",
    "nameserver dns.example.com",
    "nameserver",
    "options ndots:2",
  ].join("\n");
  assert.deepEqual(parseResolvConf(text), ["10.9.0.1", "10.9.0.2", "fe80::1%eth0"]);
});

test("a changed file is seen within a second, a missing one names nobody", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "resolvers-"));
  t.after(() => rm(folder, { recursive: true }));
  const path = join(folder, "resolv.conf");
  const clock = new ManualClock();
  const resolvers = new HostResolvers(clock, path);
  assert.deepEqual(await resolvers.list(), []);

  await writeFile(path, "nameserver 10.9.0.1\n");
  assert.deepEqual(await resolvers.list(), []);
  await clock.advance(1_000);
  assert.deepEqual(await resolvers.list(), ["10.9.0.1"]);

  await writeFile(`${path}.new`, "nameserver 10.9.0.2\n");
  await rename(`${path}.new`, path);
  await clock.advance(1_000);
  assert.deepEqual(await resolvers.list(), ["10.9.0.2"]);
});
