import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { test } from "node:test";
import { setTimeout } from "node:timers/promises";
import { FlotillaError } from "#base/errors.ts";
import { startTestApi } from "./test-server.ts";

const TAR = { "Content-Type": "application/x-tar" };

test("a manager gives a backup; who is none says so", async () => {
  await using api = await startTestApi();
  const reply = await api.get("/flotilla/backup");
  assert.deepEqual(
    [reply.status, reply.headers["content-type"], reply.text],
    [200, "application/x-tar", "backup of 0.1.0"],
  );
  api.membership.manager = new FlotillaError("unavailable", "This node is not a swarm manager.");
  const refused = await api.get("/flotilla/backup");
  assert.deepEqual([refused.status, refused.json], [503, { message: "This node is not a swarm manager." }]);
});

test("an archive is restored with the addresses and the key of the request", async () => {
  await using api = await startTestApi();
  const path = "/flotilla/restore?advertise=10.0.0.5&dataPath=eth1";
  const reply = await api.call("POST", path, "the archive", { ...TAR, "X-Flotilla-Unlock-Key": "SWMKEY-1-x" });
  assert.deepEqual([reply.status, reply.json], [200, { NodeID: "restored-node" }]);
  const request = {
    ListenAddr: "0.0.0.0:2377",
    AdvertiseAddr: "10.0.0.5",
    DataPathAddr: "eth1",
    UnlockKey: "SWMKEY-1-x",
  };
  assert.deepEqual(api.membership.calls, [["restore", "the archive", request]]);
});

test("a refusal leaves the connection open until its client has sent all", async () => {
  await using api = await startTestApi();
  api.membership.restoreRefusal = new FlotillaError("unavailable", "This node is already part of a swarm.");
  const client = connect(api.path);
  const head = "Host: docker\r\nConnection: close\r\nContent-Type: application/x-tar\r\nContent-Length: 6\r\n";
  client.write(`POST /flotilla/restore HTTP/1.1\r\n${head}\r\nhalf`);
  const [answer] = (await once(client, "data")) as [Buffer];
  assert.match(answer.toString(), /^HTTP\/1\.1 503 [^]*This node is already part of a swarm/);
  const closed = once(client.resume(), "close");
  await setTimeout(20);
  assert.ok(!client.readableEnded);
  client.write("of");
  await closed;
});

test("what is not sent as an archive is refused", async () => {
  await using api = await startTestApi();
  const reply = await api.call("POST", "/flotilla/restore", {});
  assert.equal(reply.status, 400);
  assert.deepEqual(api.membership.calls, []);
});

test("a worker is told of a manager", async () => {
  await using api = await startTestApi();
  assert.equal((await api.call("POST", "/flotilla/reconnect?addr=10.0.0.5%3A2377")).status, 200);
  assert.deepEqual(api.membership.calls, [["reconnect", "10.0.0.5:2377"]]);
});
