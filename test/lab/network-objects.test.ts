import assert from "node:assert/strict";
import { test } from "node:test";
import { docker, eventually, openCluster, say, scene, signal } from "./cluster.ts";
import { create, refusal, SLEEPER, untilRunning } from "./task-rows.ts";

interface NetworkJson {
  readonly Name: string;
  readonly Id: string;
  readonly Scope: string;
  readonly Driver: string;
  readonly Internal: boolean;
  readonly Attachable: boolean;
  readonly Ingress: boolean;
  readonly IPAM: { readonly Config: readonly Record<string, string>[] | null };
  readonly Options: Readonly<Record<string, string>> | null;
  readonly Labels: Readonly<Record<string, string>> | null;
  readonly Containers: Readonly<Record<string, { readonly Name: string; readonly IPv4Address: string }>> | null;
  readonly Peers?: readonly { readonly Name: string; readonly IP: string }[];
}

test("networks are made, shown and removed as Docker's are", scene, async (t) => {
  await using cluster = await openCluster({ name: "nets", hosts: 2 });
  const { lab, manager } = cluster;
  const [worker] = cluster.workers;
  assert.ok(worker);
  const inspect = async (name: string, host = manager): Promise<NetworkJson> => {
    const [found] = JSON.parse(await say(host, "network", "inspect", name)) as NetworkJson[];
    assert.ok(found);
    return found;
  };

  await t.test("a swarm begins with its ingress network", async () => {
    const ingress = await inspect("ingress");
    assert.deepEqual(
      [ingress.Scope, ingress.Driver, ingress.Ingress, ingress.IPAM.Config?.[0]?.["Subnet"]],
      ["swarm", "overlay", true, "10.0.0.0/24"],
    );
  });

  await t.test("a network has all options that it was made with", async () => {
    const addresses = ["--subnet=10.55.0.0/24", "--gateway=10.55.0.254", "--ip-range=10.55.0.64/26"];
    const others = ["--internal", "--attachable", "--label=tier=back", "--opt=com.docker.network.driver.mtu=1400"];
    await say(manager, "network", "create", "--driver=overlay", ...addresses, ...others, "full");
    const full = await eventually("it has its addresses", async () => {
      const found = await inspect("full");
      return (found.IPAM.Config?.length ?? 0) > 0 && found;
    });
    assert.deepEqual(
      { scope: full.Scope, internal: full.Internal, attachable: full.Attachable, ingress: full.Ingress },
      { scope: "swarm", internal: true, attachable: true, ingress: false },
    );
    assert.deepEqual(full.IPAM.Config, [{ Subnet: "10.55.0.0/24", IPRange: "10.55.0.64/26", Gateway: "10.55.0.254" }]);
    assert.deepEqual(full.Labels, { tier: "back" });
    assert.equal(full.Options?.["com.docker.network.driver.mtu"], "1400");
    assert.match(full.Options?.["com.docker.network.driver.overlay.vxlanid_list"] ?? "", /^\d+$/);
  });

  await t.test("networks without a subnet get one of their own each", async () => {
    for (const name of ["one", "two"]) await say(manager, "network", "create", "--driver=overlay", name);
    const subnets = async () => {
      const found = await Promise.all(["ingress", "full", "one", "two"].map((name) => inspect(name)));
      return found.map((network) => network.IPAM.Config?.[0]?.["Subnet"]);
    };
    await eventually("all have one", async () => (await subnets()).every((subnet) => subnet !== undefined));
    assert.equal(new Set(await subnets()).size, 4);
  });

  await t.test("lists and filters", async () => {
    const names = async (...options: readonly string[]) =>
      (await say(manager, "network", "ls", "--format", "{{.Name}}", ...options)).split("\n").toSorted();
    assert.deepEqual(await names("--filter", "scope=swarm"), ["full", "ingress", "one", "two"]);
    assert.deepEqual(await names("--filter", "driver=overlay", "--filter", "label=tier=back"), ["full"]);
    assert.ok((await names()).includes("bridge"), "the node's own networks are listed too");
  });

  await t.test("what cannot be is refused with Docker's words", async () => {
    const refused: readonly [readonly string[], RegExp][] = [
      [["create", "--driver=overlay", "one"], /network with name one already exists/],
      [["create", "--driver=overlay", "--subnet=10.55.0.0/25", "x"], /overlap/i],
      [["create", "--driver=overlay", "--subnet=10.9.0.0/99", "x"], /invalid/i],
      [["create", "--driver=overlay", "--ingress", "x"], /ingress/i],
      [["rm", "nope"], /network nope not found/],
      [["inspect", "nope"], /network nope not found/i],
    ];
    for (const [argv, complaint] of refused) assert.match(await refusal(manager, "network", ...argv), complaint);
    assert.match(await refusal(worker, "network", "create", "--driver=overlay", "x"), /not a swarm manager|manager/i);
  });

  await t.test("a network is shown with its containers and peers on the nodes that use it", async () => {
    await create(manager, "sleep", "--network", "one", "--mode", "global", ...SLEEPER);
    await untilRunning(manager, "sleep", 2);
    for (const host of lab.hosts) {
      const seen = await eventually(`${host.name} shows its container`, async () => {
        const found = await inspect("one", host);
        return Object.values(found.Containers ?? {}).some(({ Name }) => Name.startsWith("sleep.")) && found;
      });
      assert.deepEqual(
        seen.Peers?.map(({ IP }) => IP).toSorted(),
        lab.hosts.map(({ address }) => address),
      );
    }
  });

  await t.test("a network in use stays; one that is not goes, and its bridges with it", async () => {
    assert.match(await refusal(manager, "network", "rm", "one"), /in use by service/);
    await say(manager, "service", "rm", "sleep");
    await eventually("one is removed", async () => (await docker(manager, "network", "rm", "one")).code === 0);
    const isLeft = async () => {
      const shown = await Promise.all(lab.hosts.map((host) => host.run(["ip", "-o", "link"], signal)));
      return shown.some((links) => /fl-(br|vx)/.test(links));
    };
    await eventually("no bridge and no tunnel is left", async () => !(await isLeft()));
    const plain = await Promise.all(
      lab.hosts.map((host) => host.docker(["network", "ls", "--format", "{{.Name}}"], signal)),
    );
    for (const names of plain) assert.deepEqual(names.trim().split("\n").toSorted(), ["bridge", "host", "none"]);
  });

  await t.test("a pool that collides with a host's own routes is refused with that reason", async () => {
    await worker.run(["ip", "route", "add", "10.66.0.0/16", "dev", "lo"], signal);
    await say(manager, "network", "create", "--driver=overlay", "--subnet=10.66.1.0/24", "clash");
    await create(manager, "clash", "--network", "clash", "--constraint", "node.role==worker", ...SLEEPER);
    await eventually("the task says so", async () =>
      /10\.66\./.test(await say(manager, "service", "ps", "--no-trunc", "--format", "{{.Error}}", "clash")),
    );
    await say(manager, "service", "rm", "clash");
  });

  await t.test("a network that is full says so, and which", async () => {
    await say(manager, "network", "create", "--driver=overlay", "--subnet=10.56.0.0/29", "small");
    await create(manager, "crowd", "--network", "small", "--replicas", "8", ...SLEEPER);
    const why = async () => {
      const argv = [new URL("../../bin/flotilla", import.meta.url).pathname, "why", "crowd"];
      return manager.run(argv, signal);
    };
    await eventually("why names the network", async () =>
      /small.*10\.56\.0\.0\/29|10\.56\.0\.0\/29.*small/s.test(await why()),
    );
    await say(manager, "service", "scale", "--detach", "crowd=1");
    await untilRunning(manager, "crowd", 1);
    await say(manager, "service", "rm", "crowd");
  });
});
