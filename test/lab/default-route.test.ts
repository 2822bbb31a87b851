import assert from "node:assert/strict";
import { test } from "node:test";
import { bridgeNetwork } from "#agent/bridge-network.ts";
import { defaultRouteSetter } from "#agent/default-route.ts";
import { gatewayToSet, taskPlaces } from "#agent/task-places.ts";
import { network, task } from "#agent/testing/builders.ts";
import { systemClock } from "#base/clock.ts";
import { containerBody } from "#engine/container-body.ts";
import { createDockerEngine } from "#engine/docker-engine.ts";
import { labImages, loadImages } from "#lab/images.ts";
import { Lab } from "#lab/lab.ts";
import { missing, PREREQUISITES } from "#lab/prerequisites.ts";

const skip = (process.getuid?.() !== 0 && "needs root") || (missing(PREREQUISITES).length > 0 && "lacks packages");
const { signal } = new AbortController();

/** The engine's own choice would be the one whose name comes first. */
const NETWORKS = [
  network("1", { name: "aaa", internal: true }),
  network("2", { name: "mmm" }),
  network("3", { name: "zzz", ingress: true }),
];

test("a task's default route goes by the network that leads out", { skip, timeout: 120_000 }, async () => {
  await using lab = await Lab.start({ name: `g${process.pid}`, hosts: 1, temporary: true }, signal);
  await loadImages(lab.hosts, await labImages(signal), signal);
  const host = lab.host("h1");
  using engine = createDockerEngine({ url: `unix://${host.engineSocket}`, clock: systemClock });
  const ids = new Map<string, string>();
  for (const each of NETWORKS) ids.set(each.id, await engine.createNetwork(bridgeNetwork(each, "c1"), signal));

  const places = NETWORKS.map(({ id }, index) => ({ networkId: id, address: `10.0.${index + 1}.9` }));
  const container = { Image: "busybox:latest", Command: ["sleep", "1000"] };
  const it = task("t1", container, { networks: places });
  const networks = taskPlaces(it, (id) => NETWORKS.find((each) => each.id === id));
  const body = containerBody(it, { id: "n1" }, { clusterId: "c1", files: new Map(), networks });
  const id = await engine.createContainer("t1", body, signal);
  for (const { networkId, settings } of networks.slice(1)) {
    await engine.connectNetwork(ids.get(networkId) ?? "", id, settings, signal);
  }
  await engine.startContainer(id, signal);

  const setDefaultRoute = defaultRouteSetter((argv) => host.run(argv, signal));
  const started = await engine.inspectContainer(id, signal);
  const addresses = started?.networks.map(({ name, address }) => `${name} ${address}`);
  assert.deepEqual(addresses, ["aaa 10.0.1.9", "mmm 10.0.2.9", "zzz 10.0.3.9"]);
  const inside = (...argv: readonly string[]) =>
    host.run(["nsenter", `--net=/proc/${started?.pid}/ns/net`, "--", ...argv], signal);
  const route = async () => (await inside("ip", "-4", "route", "show", "default")).trim();
  assert.match(await route(), /^default via 10\.0\.1\.2 dev eth\d$/);
  const gateway = gatewayToSet(networks);
  assert.equal(gateway, "10.0.3.2");
  for (let turn = 1; turn <= 2; turn++) await setDefaultRoute(started?.pid ?? 0, gateway ?? "", signal);
  assert.match(await route(), /^default via 10\.0\.3\.2 dev eth\d$/);
  const links = await inside("ip", "-o", "link");
  for (const address of ["02:42:0a:00:01:09", "02:42:0a:00:02:09", "02:42:0a:00:03:09"])
    assert.ok(links.includes(address));

  await assert.rejects(setDefaultRoute(started?.pid ?? 0, "192.0.2.1", signal), {
    code: "internal",
    message: /192\.0\.2\.1 not set: .*(gateway|unreachable)/,
  });
  await engine.removeContainer(id, signal);
  await assert.rejects(setDefaultRoute(started?.pid ?? 0, "10.0.3.2", signal), { code: "internal" });
});
