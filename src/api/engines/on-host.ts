import type { Json } from "#api/convert/meta-json.ts";
import { asObject } from "#api/raw-document.ts";
import type { Node } from "#model/objects.ts";
import { nameOf } from "./nodes.ts";

/**
 * A container as the cluster lists it: with `/HOST/NAME` among its names, as links are, so that the host can be seen
 * while everybody still finds the plain name; and with the host's address where its ports are bound to all addresses.
 */
export function withHost(node: Node | undefined, summary: Json): Json {
  if (node === undefined) return summary;
  const names = Array.isArray(summary["Names"]) ? summary["Names"].map(String) : [];
  const own = names.find((name) => !name.slice(1).includes("/"));
  const Names = own === undefined ? names : [...names, `/${nameOf(node)}${own}`];
  const Ports = Array.isArray(summary["Ports"]) ? withAddress(summary["Ports"].map(asObject), node.status.addr) : [];
  return { ...summary, Names, Ports };
}

const isAny = (ip: unknown): boolean => ip === "0.0.0.0" || ip === "::";

/** A port that is bound in both families has one address here. */
function withAddress(ports: readonly Json[], address: string): readonly Json[] {
  const seen = new Set<string>();
  return ports.flatMap((port) => {
    if (!isAny(port["IP"])) return [port];
    const shown = { ...port, IP: address };
    const key = JSON.stringify(shown);
    if (seen.has(key)) return [];
    seen.add(key);
    return [shown];
  });
}

/** What `docker inspect` shows of a container's host. Source: fact sheet classic-swarm 12.1. */
export function inspectedOn(node: Node, inspected: Json): Json {
  const settings = asObject(inspected["NetworkSettings"]);
  const Ports = Object.fromEntries(
    Object.entries(asObject(settings["Ports"])).map(([port, bindings]) => [
      port,
      Array.isArray(bindings) ? withHostIp(bindings.map(asObject), node.status.addr) : bindings,
    ]),
  );
  return {
    ...inspected,
    ...(settings["Ports"] !== undefined && { NetworkSettings: { ...settings, Ports } }),
    Node: hostJson(node),
  };
}

/** What answers tell of the host of something. Source: fact sheet classic-swarm 12.1. */
export const hostJson = (node: Node): Json => ({
  ID: node.id,
  IP: node.status.addr,
  Addr: node.status.addr,
  Name: nameOf(node),
  Cpus: Math.floor((node.description?.Resources.NanoCPUs ?? 0) / 1e9),
  Memory: node.description?.Resources.MemoryBytes ?? 0,
  Labels: { ...node.description?.Engine.Labels, ...node.spec.Labels },
});

function withHostIp(bindings: readonly Json[], address: string): readonly Json[] {
  const seen = new Set<string>();
  return bindings.flatMap((binding) => {
    const shown = isAny(binding["HostIp"]) || binding["HostIp"] === "" ? { ...binding, HostIp: address } : binding;
    const key = JSON.stringify(shown);
    if (seen.has(key)) return [];
    seen.add(key);
    return [shown];
  });
}
