import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Service } from "#model/objects.ts";
import { Draft } from "./draft.ts";
import { createPlanning } from "./planning.ts";
import { createTask } from "./task-factory.ts";
import { ArrayView } from "./testing/array-view.ts";
import { cluster, START, service, taskSpec } from "./testing/builders.ts";

const ctx = { now: START, newId: () => "new" };
const splunk = { Name: "splunk" };

function make(of: Service, defaults = cluster()) {
  const planning = createPlanning(new ArrayView([defaults, of]), of, new Draft(ctx), ctx);
  return createTask(planning, { slot: 4 }, { desired: "running", cause: { kind: "created" } });
}

describe("createTask", () => {
  test("makes a pending task of the service", () => {
    const of = service(
      { Labels: { team: "a" }, EndpointSpec: { Mode: "vip" } },
      { specVersion: 3, registryAuth: "secret" },
    );
    assert.deepEqual(make(of), {
      kind: "task",
      id: "new",
      version: 0,
      createdAt: START,
      updatedAt: START,
      spec: of.spec.TaskTemplate,
      specVersion: 3,
      serviceId: "web",
      slot: 4,
      desired: "running",
      status: { state: "pending", timestamp: START, appliedAt: START, message: "pending task scheduling" },
      serviceName: "web",
      serviceLabels: { team: "a" },
      endpoint: { spec: { Mode: "vip" } },
      cause: { kind: "created" },
      registryAuth: "secret",
    });
  });

  test("notes the cluster's log driver unless the spec names one", () => {
    const defaults = cluster({ TaskDefaults: { LogDriver: splunk } });
    assert.deepEqual(make(service(), defaults).logDriver, splunk);
    const own = service({ TaskTemplate: taskSpec("nginx:1", { LogDriver: { Name: "none" } }) });
    assert.equal(make(own, defaults).logDriver, undefined);
    assert.deepEqual(make(own, defaults).spec, own.spec.TaskTemplate);
  });

  for (const { name, of, state } of [
    {
      name: "on a network of the cluster",
      of: service({ TaskTemplate: taskSpec("nginx:1", { Networks: [{ Target: "host" }, { Target: "net" }] }) }),
      state: "new",
    },
    {
      name: "on a network of its engine",
      of: service({ TaskTemplate: taskSpec("nginx:1", { Networks: [{ Target: "host" }] }) }),
      state: "pending",
    },
    {
      name: "in the routing mesh",
      of: service({ EndpointSpec: { Ports: [{ Protocol: "tcp", TargetPort: 80, PublishMode: "ingress" }] } }),
      state: "new",
    },
    {
      name: "with ports on its host",
      of: service({ EndpointSpec: { Ports: [{ Protocol: "tcp", TargetPort: 80, PublishMode: "host" }] } }),
      state: "pending",
    },
  ]) {
    test(`begins a task ${name} as ${state}`, () => assert.equal(make(of).status.state, state));
  }

  test("notes a job's iteration", () => {
    const job = service({ Mode: { GlobalJob: {} } }, { jobStatus: { iteration: 7, lastExecution: 0 } });
    assert.equal(make(job).jobIteration, 7);
  });
});
