import assert from "node:assert/strict";
import { test } from "node:test";
import type { LabHost } from "#lab/host.ts";
import { untilServing } from "#lab/serving.ts";
import { eventually, openCluster, say, scene, signal } from "./cluster.ts";
import { containers, formManagers, restartManager, untilAnswering } from "./managers.ts";

/** Gives the host another address, and starts its daemon anew with it. */
async function move(host: LabHost, to: string): Promise<void> {
  await host.daemon.stop(signal);
  const [device] = JSON.parse(await host.run(["ip", "-json", "address", "show", "to", host.address], signal));
  await host.run(["ip", "address", "del", `${host.address}/24`, "dev", device.ifname], signal);
  await host.run(["ip", "address", "add", `${to}/24`, "dev", device.ifname], signal);
  const argv = host.daemon.argv?.map((argument) => argument.replace(host.address, to)) ?? [];
  await host.daemon.start(argv, signal);
  await untilServing(host.daemon, host.daemonSocket, signal);
  await untilAnswering(host);
}

test("managers get other addresses, one after the other", scene, async () => {
  await using cluster = await openCluster({ name: "mmove", hosts: 4, formed: false });
  const { hosts } = cluster.lab;
  const [first, second, third, worker] = hosts;
  assert.ok(first && second && third && worker);
  const managers = [first, second, third];
  await formManagers(managers, [worker]);
  await say(first, "service", "create", "--quiet", "--name", "web", "--replicas", "4", "flotilla/demo:1");
  const before = await containers(hosts, "web");
  const addressOf = (host: LabHost, asked: LabHost) =>
    say(asked, "node", "inspect", "--format", "{{.ManagerStatus.Addr}}", host.name);
  for (const [index, host] of managers.entries()) {
    const to = `10.77.0.${101 + index}`;
    await move(host, to);
    for (const asked of managers) {
      await eventually(`${asked.name} knows`, async () => (await addressOf(host, asked)) === `${to}:2377`);
    }
    const roles = ["h1", "h2", "h3"].map((name) => `${name} Ready`);
    await eventually("all managers are there", async () => {
      const lines = (await say(host, "node", "ls", "--format", "{{.Hostname}} {{.Status}} {{.ManagerStatus}}")).split(
        "\n",
      );
      return roles.every((role) => lines.some((line) => line === `${role} Leader` || line === `${role} Reachable`));
    });
  }
  // Nobody has its old address: members that start again find each other by the new ones only.
  for (const host of managers) await restartManager(host);
  await eventually("the worker has followed", async () =>
    (await say(first, "node", "ls", "--format", "{{.Hostname}} {{.Status}}")).includes("h4 Ready"),
  );
  await say(second, "service", "update", "--quiet", "--detach", "--label-add", "a=b", "web");
  assert.deepEqual(await containers(hosts, "web"), before);
});
