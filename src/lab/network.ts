import { readdirSync } from "node:fs";
import { execute, run } from "./command.ts";
import type { LabDefinition } from "./definition.ts";
import { addressOf, CLIENT_NUMBER } from "./subnet.ts";

/** Where iproute2 keeps named network namespaces. */
export const NAMESPACE_DIRECTORY = "/run/netns";

/** The namespace that holds a lab's bridge. It has no route and no link to the outside, so nothing can leave the lab. */
export const labNamespace = (lab: string): string => `${lab}-net`;
export const hostNamespace = (lab: string, host: string): string => `${lab}-${host}`;
export const namespacePath = (namespace: string): string => `${NAMESPACE_DIRECTORY}/${namespace}`;

const BRIDGE = "br0";

/** Runs several `ip` commands, in order, inside a namespace. */
const ip = (namespace: string, commands: readonly string[], signal: AbortSignal): Promise<string> =>
  run({ argv: ["ip", "-n", namespace, "-batch", "-"], input: `${commands.join("\n")}\n` }, signal);

/** Makes the lab's own namespace and the bridge in it, with the address of a client that is none of the hosts. */
export async function createLabNetwork(lab: LabDefinition, signal: AbortSignal): Promise<void> {
  const namespace = labNamespace(lab.name);
  await run({ argv: ["ip", "netns", "add", namespace] }, signal);
  await ip(
    namespace,
    [
      "link set lo up",
      `link add ${BRIDGE} type bridge`,
      `addr add ${addressOf(lab.subnet, CLIENT_NUMBER)}/24 dev ${BRIDGE}`,
      `link set ${BRIDGE} up`,
    ],
    signal,
  );
}

/** A host keeps its MAC when it is powered on again, so that what its neighbours remember holds. */
const macOf = (address: string): string =>
  ["02", "f1", ...address.split(".").map((octet) => Number(octet).toString(16).padStart(2, "0"))].join(":");

/** Makes a host's namespace and plugs it into the lab's bridge: `eth0` in the host, `hN` at the other end. */
export async function createHostNetwork(
  lab: string,
  host: { readonly name: string; readonly address: string },
  signal: AbortSignal,
): Promise<void> {
  const own = hostNamespace(lab, host.name);
  await run({ argv: ["ip", "netns", "add", own] }, signal);
  await ip(
    labNamespace(lab),
    [
      `link add ${host.name} type veth peer name eth0 address ${macOf(host.address)} netns ${own}`,
      `link set ${host.name} master ${BRIDGE}`,
      `link set ${host.name} up`,
    ],
    signal,
  );
  await ip(own, ["link set lo up", `addr add ${host.address}/24 dev eth0`, "link set eth0 up"], signal);
}

/** Takes a host's namespace away with all that was made in it: bridges, tunnels, firewall rules, connections. */
export async function removeHostNetwork(lab: string, host: string, signal: AbortSignal): Promise<void> {
  // The kernel frees a namespace in the background; without this its end of the cable could still be there when the
  // host is powered on again.
  await execute({ argv: ["ip", "-n", labNamespace(lab), "link", "del", host] }, signal);
  await execute({ argv: ["ip", "netns", "del", hostNamespace(lab, host)] }, signal);
}

/** Pulls (`down`) or plugs in (`up`) a host's network cable: the host sees its carrier go and come. */
export async function setCable(lab: string, host: string, state: "up" | "down", signal: AbortSignal): Promise<void> {
  await ip(labNamespace(lab), [`link set ${host} ${state}`], signal);
}

/** The namespaces on this machine that carry the lab's name. */
export function listNamespaces(lab: string): readonly string[] {
  const ours = new RegExp(`^${lab}-(net|h\\d+)$`);
  try {
    return readdirSync(NAMESPACE_DIRECTORY).filter((name) => ours.test(name));
  } catch {
    return [];
  }
}
