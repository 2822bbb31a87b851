import type { Network } from "#model/objects.ts";
import type { Mount, TaskSpec } from "#model/spec.ts";
import { type FilterRow, testFilter } from "./filter-table.ts";
import { pluginFilter } from "./plugin-filter.ts";

const network = (id: string, Name: string, Driver: string): Network => ({
  kind: "network",
  id,
  version: 1,
  createdAt: 0,
  updatedAt: 0,
  spec: { Name, Labels: {}, Driver },
});

const volume = (Name: string): Partial<TaskSpec> => {
  const mount: Mount = { Type: "volume", Target: "/data", VolumeOptions: { DriverConfig: { Name } } };
  return { ContainerSpec: { Image: "nginx", Mounts: [mount] } };
};
const on = (Target: string): Partial<TaskSpec> => ({ Networks: [{ Target }] });
const logTo = (Name: string): Partial<TaskSpec> => ({ LogDriver: { Name } });

const has = (Type: string, Name: string): NonNullable<FilterRow["host"]> => ({ plugins: [{ Type, Name }] });

testFilter(
  pluginFilter,
  [
    { name: "the local volume driver", spec: volume("local"), want: undefined },
    { name: "log driver none", spec: logTo("none"), want: undefined },
    { name: "a log driver without a name", spec: logTo(""), want: undefined },
    { name: "an overlay network, which we make", spec: on("net2"), want: undefined },
    { name: "a volume driver", spec: volume("rex"), host: has("Volume", "rex"), want: true },
    { name: "a volume driver tagged latest", spec: volume("rex"), host: has("Volume", "rex:latest"), want: true },
    { name: "a volume driver tagged otherwise", spec: volume("rex"), host: has("Volume", "rex:v2"), want: false },
    { name: "no such volume driver", spec: volume("rex"), host: has("Network", "rex"), want: false },
    { name: "a network driver", spec: on("net1"), host: has("Network", "weave"), want: true },
    { name: "no such network driver", spec: on("backend"), want: false },
    { name: "a log driver", spec: logTo("gelf"), host: has("Log", "gelf"), want: true },
    { name: "no such log driver", spec: logTo("gelf"), host: has("Log", "syslog"), want: false },
    { name: "a log driver on a node that lists none", spec: logTo("gelf"), want: true },
  ],
  [network("net1", "backend", "weave"), network("net2", "mesh", "overlay")],
);
