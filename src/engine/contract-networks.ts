import assert from "node:assert/strict";
import { test } from "node:test";
import { FlotillaError } from "#base/errors.ts";
import { type Subject, seen } from "./contract-subject.ts";
import { BRIDGE_NAME_OPTION, GATEWAY_MODE_OPTION } from "./docker-networks.ts";

/** Networks, and containers on them. The subnets are of TEST-NET addresses: no host has them. */
export function networkContract(subject: Subject): void {
  const { signal } = new AbortController();
  const labels = { "contract.networks": "yes" };
  const body = (name: string, subnet: string, gateway: string, bridge: string) => ({
    Name: name,
    Driver: "bridge",
    Labels: labels,
    IPAM: { Config: [{ Subnet: subnet, Gateway: gateway }] },
    Options: { [BRIDGE_NAME_OPTION]: bridge, [GATEWAY_MODE_OPTION]: "nat-unprotected" },
  });
  const FRONT = body("contract-front", "192.0.2.0/25", "192.0.2.9", "ctfront");
  const BACK = body("contract-back", "192.0.2.128/25", "192.0.2.137", "ctback");
  const on = (network: string, address: string) => ({
    HostConfig: { NetworkMode: network },
    NetworkingConfig: { EndpointsConfig: { [network]: { IPAMConfig: { IPv4Address: address } } } },
  });
  const list = () => subject.engine.listNetworks(labels, signal);

  test("creates a network, and finds it by its labels", async () => {
    const id = await subject.engine.createNetwork(FRONT, signal);
    const [found, ...others] = await list();
    assert.deepEqual(others, []);
    assert.deepEqual(found && { ...found, labels }, {
      id,
      name: "contract-front",
      labels,
      subnet: "192.0.2.0/25",
      gateway: "192.0.2.9",
      bridge: "ctfront",
    });
    assert.deepEqual(await subject.engine.listNetworks({ ...labels, "contract.networks": "no" }, signal), []);
  });

  test("refuses the name of a network twice, and its subnet", async () => {
    await assert.rejects(subject.engine.createNetwork({ ...BACK, Name: FRONT.Name }, signal), { code: "exists" });
    const overlapping = { ...FRONT, Name: "contract-other", Options: { [BRIDGE_NAME_OPTION]: "ctother" } };
    await assert.rejects(subject.engine.createNetwork(overlapping, signal), /overlaps/);
    assert.equal((await list()).length, 1);
  });

  test("gives a container the addresses that it asks for, on one network and on more", async () => {
    const backId = await subject.engine.createNetwork(BACK, signal);
    const { id, name } = await subject.create("sleeper", on(FRONT.Name, "192.0.2.20"));
    const places = async () => {
      const { networks } = await subject.inspect(id);
      return networks.map((place) => [place.name, place.address]);
    };
    assert.deepEqual(await places(), [["contract-front", "192.0.2.20"]]);
    await subject.engine.connectNetwork(backId, id, { IPAMConfig: { IPv4Address: "192.0.2.140" } }, signal);
    const both = [
      ["contract-back", "192.0.2.140"],
      ["contract-front", "192.0.2.20"],
    ];
    assert.deepEqual(await places(), both);
    const events = await subject.engine.events({}, signal);
    await subject.engine.startContainer(id, signal);
    await seen(events, "start");
    assert.deepEqual(await places(), both);
    const listed = (await subject.engine.listContainers({}, signal)).find((each) => each.name === name);
    assert.deepEqual(
      listed?.networks.map((place) => [place.name, place.address]),
      both,
    );
    await assert.rejects(subject.engine.removeNetwork(backId, signal), FlotillaError);
    await subject.engine.disconnectNetwork(backId, id, signal);
    await subject.engine.disconnectNetwork(backId, id, signal);
    assert.deepEqual(await places(), [["contract-front", "192.0.2.20"]]);
    await subject.engine.stopContainer(id, 30_000, signal);
    assert.deepEqual(await places(), [["contract-front", "192.0.2.20"]]);
    await subject.engine.startContainer(id, signal);
  });

  test("starts no container with an address that is taken, or on a network that is gone", async () => {
    const rival = await subject.create("sleeper", on(FRONT.Name, "192.0.2.20"));
    await assert.rejects(subject.engine.startContainer(rival.id, signal), /Address already in use/);
    const lost = await subject.create("sleeper", on("contract-lost", "192.0.2.20"));
    await assert.rejects(subject.engine.startContainer(lost.id, signal), { code: "not_found" });
  });

  test("removes a network once no container runs on it; twice is no error", async () => {
    const containers = await subject.engine.listContainers({}, signal);
    for (const network of await list()) {
      for (const { id, networks } of containers) {
        if (networks.some(({ name }) => name === network.name)) await subject.engine.removeContainer(id, signal);
      }
      await subject.engine.removeNetwork(network.id, signal);
      await subject.engine.removeNetwork(network.id, signal);
      await subject.engine.disconnectNetwork(network.id, "no-such-container", signal);
    }
    assert.deepEqual(await list(), []);
  });
}
