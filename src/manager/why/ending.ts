import type { Task } from "#model/objects.ts";
import type { TaskState } from "#model/task-state.ts";

/** Endings that need no error to be understood. */
const PLAIN: Readonly<Partial<Record<TaskState, string>>> = {
  complete: "finished",
  shutdown: "stopped",
  remove: "stopped",
  orphaned: "given up with its node",
};

/** How a task ended, without its name: "failed: exited with code 1", "rejected: No such image: web:9". */
export function describeEnding({ status }: Task): string {
  const { state, err, message, container } = status;
  const plain = PLAIN[state];
  if (plain !== undefined) return plain;
  if (state === "rejected") return `rejected: ${err || message}`;
  if (err) return `failed: ${err.replace(/^task: non-zero exit \((-?\d+)\)/, "exited with code $1")}`;
  return container?.exitCode ? `failed: exited with code ${container.exitCode}` : "failed";
}

interface Remedy {
  readonly symptom: RegExp;
  readonly advise: (task: Task) => string;
}

const image = ({ spec }: Task): string => spec.ContainerSpec?.Image ?? "the image";

const logsOf = ({ serviceName, id }: Task): string => `docker service logs ${serviceName || id}`;

/** What is known to help against errors of engines and agents, the more special first. */
const REMEDIES: readonly Remedy[] = [
  {
    symptom: /waiting for a manager to send (?:secret|config)/,
    advise: ({ serviceName }) => `create it again, and give ${serviceName} the new one (docker service update)`,
  },
  {
    symptom: /does not answer|Cannot connect to the Docker/,
    advise: () => "look at the engine on that node: systemctl status docker",
  },
  {
    symptom: /no such image|pull access denied|manifest|repository .*not (?:exist|found)|unauthorized|registry/i,
    advise: (task) =>
      `check the name ${image(task)}, give credentials (docker service update --with-registry-auth ${task.serviceName}), or build or load the image on any host`,
  },
  {
    symptom: /port is already allocated|address already in use/,
    advise: ({ serviceName }) =>
      `something else on that node has the port: stop it, or publish another port of ${serviceName}`,
  },
  {
    symptom: /bind source path does not exist|invalid mount config/,
    advise: () => "create that path on every node that may run the task, or use a volume",
  },
  {
    symptom: /executable file not found|exec format error|permission denied: unknown/,
    advise: (task) => `check the command, and that ${image(task)} has it and is built for the node's platform`,
  },
  {
    symptom: /out of memory/,
    advise: ({ serviceName }) => `give it more memory: docker service update --limit-memory SIZE ${serviceName}`,
  },
  {
    symptom: /unhealthy container/,
    advise: (task) => `see why its health check fails: ${logsOf(task)}`,
  },
  { symptom: /non-zero exit|exited/, advise: (task) => `see what it said: ${logsOf(task)}` },
];

/** What may help against the error that the task ended with, or that keeps it from going on. */
export function adviceFor(task: Task): string | undefined {
  const error = task.status.err || (task.status.container?.exitCode ? "exited" : "");
  return REMEDIES.find(({ symptom }) => symptom.test(error))?.advise(task);
}
