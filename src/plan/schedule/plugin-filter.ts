import type { Task } from "#model/objects.ts";
import type { Mount, NetworkAttachmentConfig } from "#model/spec.ts";
import { createFilter, type FilterContext, onNodes } from "./filter.ts";
import type { NodeTotals } from "./node-totals.ts";

/** Names of the plugins that a task needs, by type. */
interface Needs {
  readonly volume: readonly string[];
  readonly network: readonly string[];
  readonly log: readonly string[];
}

/** Overlay networks are made by this product itself, so every node has them, whatever its engine says. */
const OWN_NETWORK_DRIVER = "overlay";

/** The node's engine has the volume, network and log drivers that the task uses. */
export const pluginFilter = createFilter({
  name: "plugin",
  concern(task, context): Needs | undefined {
    const needs = { volume: volumeDrivers(task), network: networkDrivers(task, context), log: logDrivers(task) };
    return needs.volume.length + needs.network.length + needs.log.length === 0 ? undefined : needs;
  },
  admits(needs, node) {
    return (
      needs.volume.every((name) => hasPlugin(node, "Volume", name)) &&
      needs.network.every((name) => hasPlugin(node, "Network", name)) &&
      // An engine that names no log driver at all is too old to tell.
      (!pluginsOf(node).some(({ Type }) => Type === "Log") || needs.log.every((name) => hasPlugin(node, "Log", name)))
    );
  },
  explain: (nodes) => onNodes("missing plugin", nodes),
});

const volumeDrivers = (task: Task): readonly string[] =>
  (task.spec.ContainerSpec?.Mounts ?? []).flatMap(volumeDriver).filter((name) => name !== "local");

function volumeDriver({ Type, VolumeOptions }: Mount): readonly string[] {
  const name = VolumeOptions?.DriverConfig?.Name;
  return Type === "volume" && name ? [name] : [];
}

const networkDrivers = (task: Task, context: FilterContext): readonly string[] =>
  (task.spec.Networks ?? []).flatMap((network) => networkDriver(network, context));

function networkDriver({ Target = "" }: NetworkAttachmentConfig, context: FilterContext): readonly string[] {
  const driver = (context.get("network", Target) ?? context.byName("network", Target))?.spec.Driver;
  return driver && driver !== OWN_NETWORK_DRIVER ? [driver] : [];
}

function logDrivers({ spec }: Task): readonly string[] {
  const name = spec.LogDriver?.Name;
  return name && name !== "none" ? [name] : [];
}

const pluginsOf = ({ node }: NodeTotals) => node.description?.Engine.Plugins ?? [];

/** A node that has not described itself yet is not refused for its plugins. */
const hasPlugin = (node: NodeTotals, type: string, name: string): boolean =>
  node.node.description === undefined ||
  pluginsOf(node).some(({ Type, Name }) => Type === type && (Name === name || Name === `${name}:latest`));
