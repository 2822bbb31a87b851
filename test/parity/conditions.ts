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
