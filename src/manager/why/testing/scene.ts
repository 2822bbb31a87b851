import { aCluster, aNode, aService, aTask } from "#manager/testing/fixture.ts";
import { explain } from "#manager/why/explain.ts";
import { renderExplanation } from "#manager/why/render.ts";
import type { Node, Service, StoreObject, Task, TaskStatus } from "#model/objects.ts";
import type { NodeDescription, ServiceSpec, TaskSpec } from "#model/spec.ts";
import { ArrayView } from "#plan/testing/array-view.ts";

/** The moment at which explanations are asked for. */
export const NOW = Date.UTC(2026, 10, 21, 10, 35, 0);
export const secondsAgo = (seconds: number): number => NOW - seconds * 1_000;

export const TEMPLATE: TaskSpec = { ContainerSpec: { Image: "demo:1" }, ForceUpdate: 0 };

/** A ready node; its id is its hostname's last letter after "n", as in h1 and n1. */
export function host(name: string, more: Partial<Node> = {}, has: Partial<NodeDescription["Resources"]> = {}): Node {
  const description: NodeDescription = {
    Hostname: name,
    Platform: { OS: "linux", Architecture: "x86_64" },
    Resources: { NanoCPUs: 2e9, MemoryBytes: 2 ** 30, ...has },
    Engine: { EngineVersion: "20.10.24", Plugins: [] },
  };
  return aNode({ id: name.replace("h", "n"), description, ...more });
}

export const labelled = (Labels: Readonly<Record<string, string>>): Partial<Node> => ({
  spec: { Labels, Role: "worker", Availability: "active" },
});

export const availability = (Availability: "active" | "pause" | "drain"): Partial<Node> => ({
  spec: { Labels: {}, Role: "worker", Availability },
});

export const down: Partial<Node> = {
  status: { state: "down", addr: "", since: secondsAgo(240), message: "heartbeat failure" },
};

/** Service `web` of `replicas` tasks. */
export const web = (replicas: number, task: Partial<TaskSpec> = {}, more: Partial<Service> = {}): Service =>
  service({ Mode: { Replicated: { Replicas: replicas } }, TaskTemplate: { ...TEMPLATE, ...task } }, more);

export const service = (spec: Partial<ServiceSpec>, more: Partial<Service> = {}): Service =>
  aService({ id: "web", spec: { Name: "web", Labels: {}, TaskTemplate: TEMPLATE, Mode: {}, ...spec }, ...more });

/** A task of a service, `web.1` unless told otherwise; it is running when it has a node, else pending. */
export function task(of: Service, id: string, more: Partial<Task> = {}): Task {
  const state = more.nodeId === undefined ? "pending" : "running";
  const made = { spec: of.spec.TaskTemplate, specVersion: of.specVersion, createdAt: secondsAgo(7_200) };
  const status = { state, timestamp: secondsAgo(60), message: state } as const;
  return aTask({ id, serviceId: of.id, serviceName: of.spec.Name, endpoint: {}, ...made, status, ...more });
}

export const status = (state: TaskStatus["state"], err?: string, more: Partial<TaskStatus> = {}): TaskStatus => ({
  state,
  timestamp: secondsAgo(30),
  message: state,
  ...(err !== undefined && { err }),
  ...more,
});

/** What `flotilla why NAME` prints about these objects, line by line. */
export const why = (name: string, ...objects: readonly StoreObject[]): readonly string[] =>
  renderExplanation(explain(new ArrayView([aCluster(), ...objects]), name, NOW))
    .trimEnd()
    .split("\n");
