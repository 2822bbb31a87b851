import type { Condition } from "./transcript.ts";

interface TaskJson {
  readonly DesiredState: string;
  readonly Status: { readonly State: string; readonly Err?: string };
}

const tasksOf = (service: string): string => `/tasks?filters={"service":["${service}"]}`;

const asTasks = (body: unknown): readonly TaskJson[] => (Array.isArray(body) ? (body as readonly TaskJson[]) : []);

/** As many tasks run as are wanted, what is not wanted has ended, and what is to be removed is gone. */
export const running = (service: string, count: number): Condition => ({
  what: `${count} running tasks of ${service}`,
  path: tasksOf(service),
  holds: (body) => {
    if (!Array.isArray(body)) return false;
    const tasks = body as readonly TaskJson[];
    const wanted = tasks.filter((task) => task.DesiredState === "running");
    const others = tasks.filter((task) => task.DesiredState !== "running");
    return (
      wanted.length === count &&
      wanted.every((task) => task.Status.State === "running") &&
      others.every((task) => task.DesiredState !== "remove" && hasEnded(task))
    );
  },
});

/** At least so many tasks are in a state. */
export const tasksIn = (service: string, state: string, count: number): Condition => ({
  what: `${count} tasks of ${service} that are ${state}`,
  path: tasksOf(service),
  holds: (body) => asTasks(body).filter((task) => task.Status.State === state).length >= count,
});

export const noTasks: Condition = {
  what: "the end of all tasks",
  path: "/tasks",
  holds: (body) => Array.isArray(body) && body.length === 0,
};

/** The one task of a service says why it waits, or why it ended. */
export const explained = (service: string): Condition => ({
  what: `an explanation of ${service}`,
  path: tasksOf(service),
  holds: (body) => asTasks(body).some((task) => task.Status.Err !== undefined),
});

/** The service's update is in one of the states. */
export const updateIn = (service: string, ...states: readonly string[]): Condition => ({
  what: `an update of ${service} that is ${states.join(" or ")}`,
  path: `/services/${service}`,
  holds: (body) =>
    states.includes((body as { UpdateStatus?: { State?: string } } | undefined)?.UpdateStatus?.State ?? ""),
});

export const nodesIn = (state: string, count: number): Condition => ({
  what: `${count} nodes that are ${state}`,
  path: "/nodes",
  holds: (body) =>
    Array.isArray(body) &&
    body.filter((node: { Status: { State: string } }) => node.Status.State === state).length === count,
});

/** A task in one of these states changes no more. */
const hasEnded = (task: TaskJson): boolean =>
  ["complete", "shutdown", "failed", "rejected", "orphaned"].includes(task.Status.State);

/** Every network of the service has given it a virtual address. */
export const allocated = (service: string, networks = 1): Condition => ({
  what: `${networks} virtual addresses of ${service}`,
  path: `/services/${service}`,
  holds: (body) =>
    ((body as { Endpoint?: { VirtualIPs?: readonly unknown[] } } | undefined)?.Endpoint?.VirtualIPs ?? []).length >=
    networks,
});

/** The service's ports are reserved. */
export const published = (service: string, ports: number): Condition => ({
  what: `${ports} ports of ${service}`,
  path: `/services/${service}`,
  holds: (body) =>
    ((body as { Endpoint?: { Ports?: readonly unknown[] } } | undefined)?.Endpoint?.Ports ?? []).length === ports,
});

/** The network has its subnet. */
export const subnetted = (network: string): Condition => ({
  what: `a subnet for ${network}`,
  path: `/networks/${network}?scope=swarm`,
  holds: (body) =>
    ((body as { IPAM?: { Config?: readonly unknown[] | null } } | undefined)?.IPAM?.Config ?? []).length > 0,
});

export const noAttachments: Condition = {
  what: "the end of all attachments",
  path: '/tasks?filters={"runtime":["attachment"]}',
  holds: (body) => Array.isArray(body) && body.length === 0,
};

/** No overlay network but these: engines keep those of the cluster for a while after the cluster has removed them. */
export const onlyOverlays = (...names: readonly string[]): Condition => ({
  what: `no overlay networks but ${names.join(", ")}`,
  path: '/networks?filters={"driver":["overlay"]}',
  holds: (body) =>
    Array.isArray(body) && (body as readonly { readonly Name: string }[]).every(({ Name }) => names.includes(Name)),
});

/** The container has ended by itself. */
export const exited = (container: string): Condition => ({
  what: `the end of ${container}`,
  path: `/containers/${container}/json`,
  holds: (body) => (body as { State?: { Status?: string } } | undefined)?.State?.Status === "exited",
});
