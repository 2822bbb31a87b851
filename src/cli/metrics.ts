import { once } from "node:events";
import { createServer } from "node:http";
import { collectDefaultMetrics, Gauge, Registry } from "prom-client";
import type { Membership } from "#api/membership.ts";
import { FlotillaError } from "#base/errors.ts";
import { TASK_STATES } from "#model/task-state.ts";

/** Serves Prometheus metrics at `/metrics` of `HOST:PORT`: the process, and on a manager the cluster's objects. */
export async function startMetrics(addr: string, membership: Membership): Promise<AsyncDisposable> {
  const [, host, port] = /^(.*):(\d+)$/.exec(addr) ?? [];
  if (host === undefined || port === undefined) {
    throw new FlotillaError("invalid", `--metrics-addr ${addr}: expected HOST:PORT`);
  }
  const registry = createRegistry(membership);
  const server = createServer((request, response) => {
    if (request.url !== "/metrics") return void response.writeHead(404).end();
    registry.metrics().then(
      (text) => response.setHeader("Content-Type", registry.contentType).end(text),
      () => response.writeHead(500).end(),
    );
  });
  server.listen(Number(port), host.replace(/^\[|\]$/g, ""));
  await once(server, "listening");
  return {
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
    },
  };
}

function createRegistry(membership: Membership): Registry {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  new Gauge({
    name: "flotilla_node_active",
    help: "Whether this daemon is an active member of a cluster",
    registers,
    collect() {
      this.set(membership.local.state === "active" ? 1 : 0);
    },
  });
  new Gauge({
    name: "flotilla_nodes",
    help: "Nodes by state, as this manager sees them",
    labelNames: ["state"],
    registers,
    collect() {
      this.reset();
      if (!membership.local.isManager) return;
      for (const node of membership.control().view.list("node")) this.inc({ state: node.status.state });
    },
  });
  new Gauge({
    name: "flotilla_services",
    help: "Services of the cluster",
    registers,
    collect() {
      if (membership.local.isManager) this.set(membership.control().view.count("service"));
    },
  });
  new Gauge({
    name: "flotilla_tasks",
    help: "Tasks by actual state",
    labelNames: ["state"],
    registers,
    collect() {
      this.reset();
      if (!membership.local.isManager) return;
      for (const state of Object.keys(TASK_STATES)) this.set({ state }, 0);
      for (const task of membership.control().view.list("task")) this.inc({ state: task.status.state });
    },
  });
  return registry;
}
