import type { GenericResource, NodeDescription } from "#model/spec.ts";

/** The parts of `GET /info` that describe a node. */
export interface InfoResponse {
  readonly Name: string;
  readonly Architecture: string;
  readonly OSType: string;
  readonly NCPU: number;
  readonly MemTotal: number;
  readonly ServerVersion: string;
  readonly Labels?: readonly string[] | null;
  readonly GenericResources?: readonly GenericResource[] | null;
  readonly Plugins?: Readonly<Partial<Record<(typeof BUILT_IN)[number], readonly string[] | null>>>;
}

/** The parts of a `GET /plugins` entry that describe a node. */
export interface PluginResponse {
  readonly Name: string;
  readonly Enabled: boolean;
  readonly Config: { readonly Interface: { readonly Types?: readonly (string | PluginType)[] | null } };
}

interface PluginType {
  readonly Prefix: string;
  readonly Capability: string;
}

type Plugin = NodeDescription["Engine"]["Plugins"][number];

const BUILT_IN = ["Volume", "Network", "Authorization", "Log"] as const;
const CAPABILITIES: Readonly<Record<string, string>> = {
  volumedriver: "Volume",
  networkdriver: "Network",
  logdriver: "Log",
};
const NANO_CPUS = 1_000_000_000;

/** What a node's agent tells of its engine, as Docker's own agents tell it: with `overlay` among the networks. */
export function describeNode(info: InfoResponse, plugins: readonly PluginResponse[]): NodeDescription {
  return {
    Hostname: info.Name,
    Platform: { Architecture: info.Architecture, OS: info.OSType },
    Resources: {
      NanoCPUs: info.NCPU * NANO_CPUS,
      MemoryBytes: info.MemTotal,
      ...(info.GenericResources?.length && { GenericResources: info.GenericResources }),
    },
    Engine: {
      EngineVersion: info.ServerVersion,
      Labels: engineLabels(info.Labels ?? []),
      Plugins: allPlugins(info, plugins),
    },
  };
}

/** `key=value` strings as a map; of a key given twice, the last counts. */
const engineLabels = (labels: readonly string[]): Readonly<Record<string, string>> =>
  Object.fromEntries(
    labels
      .filter((label) => label.includes("="))
      .map((label) => [label.slice(0, label.indexOf("=")), label.slice(label.indexOf("=") + 1)]),
  );

function allPlugins(info: InfoResponse, installed: readonly PluginResponse[]): Plugin[] {
  const all: Plugin[] = [{ Type: "Network", Name: "overlay" }];
  for (const type of BUILT_IN) for (const name of info.Plugins?.[type] ?? []) all.push({ Type: type, Name: name });
  for (const plugin of installed) {
    for (const type of plugin.Enabled ? (plugin.Config.Interface.Types ?? []) : []) {
      const { Prefix, Capability } = typeof type === "string" ? parsePluginType(type) : type;
      if (Prefix === "docker") all.push({ Type: CAPABILITIES[Capability] ?? Capability, Name: plugin.Name });
    }
  }
  const byKey = new Map(all.map((plugin) => [`${plugin.Type}\0${plugin.Name}`, plugin]));
  return [...byKey].toSorted(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)).map(([, plugin]) => plugin);
}

/** `docker.volumedriver/1.0`, as the engine writes a plugin's type. */
function parsePluginType(type: string): PluginType {
  const [Prefix = "", Capability = ""] = (type.split("/")[0] ?? "").split(".");
  return { Prefix, Capability };
}
