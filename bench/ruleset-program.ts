/**
 * Gives a data plane a network with so many services, and then changes of single endpoints; prints `RulesetTimes`.
 * `ruleset-program.ts SERVICES`. Changes the network of the namespace that it runs in: see `ruleset.ts`.
 */
import { execFileSync } from "node:child_process";
import { systemClock } from "#base/clock.ts";
import { formatIpv4 } from "#base/ipv4.ts";
import { silentLogger } from "#base/log.ts";
import type { NodeEndpoint, NodeNetwork, NodeService } from "#model/node-network.ts";
import { createLinuxDataPlane } from "#network/linux-data-plane.ts";
import { bridgeName } from "#network/names.ts";
import type { RulesetTimes } from "./ruleset.ts";
import { milliseconds } from "./statistics.ts";

const SERVICES = Number(process.argv[2]);
const ENDPOINTS = 10;
const CHANGES = 40;
const VNI = 4097;
const HOST = "192.0.2.1";
const OWN = "10.1.0.2";
const PEERS = [1, 2].map((n) => ({ nodeId: `node${n}`, host: `192.0.2.${n + 1}`, address: `10.1.0.${n + 2}` }));
/** 10.1.1.0: virtual addresses; 10.1.64.0: endpoints. */
const FIRST_VIRTUAL = 0x0a_01_01_00;
const FIRST_ENDPOINT = 0x0a_01_40_00;

const ID = "bench";
const network: NodeNetwork = {
  kind: "node-network",
  id: ID,
  name: "bench",
  internal: false,
  ingress: false,
  attachable: false,
  subnet: "10.1.0.0/16",
  vni: VNI,
  mtu: 1450,
  dataPathPort: 4789,
  address: OWN,
  host: HOST,
  peers: PEERS,
};

function endpointOf(service: number, n: number, serving: boolean): NodeEndpoint {
  const number = service * ENDPOINTS + n;
  const peer = PEERS[number % PEERS.length];
  if (peer === undefined) throw new Error("a network has peers");
  return {
    taskId: `task${number}`,
    name: `service${service}.${n}.task${number}`,
    nodeId: peer.nodeId,
    host: peer.host,
    addresses: { [ID]: formatIpv4(FIRST_ENDPOINT + number) },
    serving,
  };
}

/** A service; its first endpoint serves or not. */
const serviceOf = (n: number, isWhole: boolean): NodeService => ({
  kind: "node-service",
  id: `service${n}`,
  name: `service${n}`,
  networks: [{ networkId: ID, virtualIP: formatIpv4(FIRST_VIRTUAL + n), aliases: [] }],
  ports: [],
  endpoints: Array.from({ length: ENDPOINTS }, (_, index) => endpointOf(n, index, index > 0 || isWhole)),
});

const ip = (...argv: readonly string[]) => execFileSync("ip", argv);
ip("link", "set", "lo", "up");
ip("link", "add", "eth0", "type", "bridge");
ip("addr", "add", `${HOST}/24`, "dev", "eth0");
ip("link", "set", "eth0", "up");
ip("link", "add", bridgeName(VNI), "type", "bridge");
ip("addr", "add", `${OWN}/16`, "dev", bridgeName(VNI));
ip("link", "set", bridgeName(VNI), "up");

const stop = new AbortController();
const plane = createLinuxDataPlane({ clock: systemClock, log: silentLogger, resolversFor: () => undefined });
const running = plane.run(stop.signal);
const services = Array.from({ length: SERVICES }, (_, n) => serviceOf(n, true));
const fromNothing = await milliseconds(async () => {
  plane.reset([network, ...services]);
  await plane.settled(stop.signal);
});
const changes: number[] = [];
for (let change = 0; change < CHANGES; change++) {
  // Each of some services loses an endpoint, and then gets it back.
  const object = serviceOf((change >> 1) % SERVICES, change % 2 === 1);
  changes.push(
    await milliseconds(async () => {
      plane.change([{ type: "update", object }]);
      await plane.settled(stop.signal);
    }),
  );
}
stop.abort(new Error("measured"));
await running.catch(() => undefined);
await plane[Symbol.asyncDispose]();
process.stdout.write(JSON.stringify({ fromNothing, changes } satisfies RulesetTimes));
process.exit(0);
