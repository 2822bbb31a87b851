import type { ApiContext } from "#api/call.ts";
import type { Json } from "#api/convert/meta-json.ts";
import { namedNetworks } from "#api/networks/container-document.ts";
import { isBuiltin } from "#api/networks/engine-networks.ts";
import { field, textField, textsField } from "#api/raw-document.ts";
import type { NodeId } from "#model/ids.ts";
import { askAllFor } from "./ask-all.ts";
import { namedOnHost } from "./host-networks.ts";
import { allNodes, idsOf } from "./nodes.ts";

/** What only some hosts have: networks of one engine, and named volumes. */
export interface LocalNeeds {
  /** Networks that are none of the cluster's. A container cannot be made where they are not. */
  readonly networks: readonly LocalThing[];
  /** A container goes to where its data are, if it can. */
  readonly volumes: readonly string[];
}

/** A network or a volume of one host. */
interface LocalThing {
  /** Or its id, or the beginning of it. */
  readonly name: string;
  /** The one that this host has, for `HOST/NAME`. */
  readonly nodeId?: NodeId;
}

/** @param others networks that a container is on besides those in its document. */
export function localNeeds(api: ApiContext, document: Json, others: readonly string[] = []): LocalNeeds {
  const { view } = api.membership.cluster();
  const isCluster = (name: string) =>
    view.byName("network", name) !== undefined || view.get("network", name) !== undefined;
  return {
    networks: [...namedNetworks(document), ...others]
      .filter((name) => !isBuiltin(name) && !isCluster(name))
      .map((name) => namedOnHost(api, name) ?? { name }),
    volumes: namedVolumes(field(document, "HostConfig")),
  };
}

function namedVolumes(hostConfig: unknown): readonly string[] {
  const mounts = field(hostConfig, "Mounts");
  const mounted = (Array.isArray(mounts) ? mounts : [])
    .filter((mount) => textField(mount, "Type") === "volume")
    .map((mount) => textField(mount, "Source"));
  const bound = textsField(hostConfig, "Binds").map((bind) => bind.split(":")[0] ?? "");
  return [...new Set([...mounted, ...bound])].filter((name) => /^[a-zA-Z0-9]/.test(name));
}

/** The hosts that have all of some things; all hosts when nothing is asked for, or when no host has them. */
export interface FoundNeeds {
  readonly hasNetworks: (nodeId: NodeId) => boolean;
  readonly hasVolumes: (nodeId: NodeId) => boolean;
}

/** Asks the engines who has what. */
export async function findNeeds(api: ApiContext, needs: LocalNeeds, signal: AbortSignal): Promise<FoundNeeds> {
  const networks = await hostsWith(api, needs.networks, signal, "/networks", (list) =>
    asList(list).flatMap((network) => [textField(network, "Name"), textField(network, "Id")]),
  );
  const volumesByName = needs.volumes.map((name) => ({ name }));
  const volumes = await hostsWith(api, volumesByName, signal, "/volumes", (list) =>
    asList(field(list, "Volumes")).map((volume) => textField(volume, "Name")),
  );
  return {
    hasNetworks: (nodeId) => networks === undefined || networks.has(nodeId),
    hasVolumes: (nodeId) => volumes === undefined || volumes.has(nodeId),
  };
}

const asList = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

async function hostsWith(
  api: ApiContext,
  wanted: readonly LocalThing[],
  signal: AbortSignal,
  path: string,
  namesOf: (answer: unknown) => readonly string[],
): Promise<ReadonlySet<NodeId> | undefined> {
  if (wanted.length === 0) return undefined;
  const { answers } = await askAllFor<unknown>(api, idsOf(allNodes(api)), path, signal);
  const having = answers.filter(({ nodeId: here, value }) =>
    wanted.every(({ name, nodeId = here }) => nodeId === here && isAmong(name, namesOf(value))),
  );
  return having.length === 0 ? undefined : new Set(having.map(({ nodeId }) => nodeId));
}

/** By name, by id, or by the beginning of an id. */
const isAmong = (wanted: string, names: readonly string[]): boolean =>
  names.includes(wanted) || (/^[0-9a-f]{12,64}$/.test(wanted) && names.some((name) => name.startsWith(wanted)));
