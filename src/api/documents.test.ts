import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { decodeDocument, parseJson } from "./body.ts";
import { CLUSTER_SPEC, NODE_SPEC, SECRET_SPEC } from "./cluster-documents.ts";
import { SERVICE_SPEC } from "./documents.ts";
import { completeService } from "./service-conversion.ts";
import { FULL_SERVICE } from "./test-service-spec.ts";

const decodeService = (document: unknown, version = "1.51") =>
  completeService(decodeDocument(document, "ServiceSpec", SERVICE_SPEC, version));

const container = (spec: object) => ({ TaskTemplate: { ContainerSpec: { Image: "x", ...spec } } });

test("a full spec comes back byte for byte, in Docker's order", () => {
  assert.equal(JSON.stringify(decodeService(FULL_SERVICE)), JSON.stringify(FULL_SERVICE));
});

test("decoding again changes nothing", () => {
  const once = decodeService({ Name: "x", Mode: {}, ...container({ Healthcheck: {}, Privileges: {} }) });
  assert.deepEqual(decodeService(once), once);
});

test("what the CLI sends for `service create --name web -p 8080:80` gets the daemon's values", () => {
  const sent = {
    Name: "web",
    Labels: {},
    TaskTemplate: {
      ContainerSpec: { Image: "nginx", Init: false, DNSConfig: {} },
      Resources: { Limits: {}, Reservations: {} },
      Placement: {},
      ForceUpdate: 0,
    },
    Mode: { Replicated: {} },
    EndpointSpec: {
      Mode: "vip",
      Ports: [{ Protocol: "tcp", TargetPort: 80, PublishedPort: 8080, PublishMode: "ingress" }],
    },
  };
  assert.equal(
    JSON.stringify(decodeService(sent)),
    '{"Name":"web","Labels":{},"TaskTemplate":{"ContainerSpec":{"Image":"nginx","Init":false,"DNSConfig":{},"Isolation":"default"},' +
      '"Resources":{"Limits":{},"Reservations":{}},"Placement":{},"ForceUpdate":0},"Mode":{"Replicated":{"Replicas":1}},' +
      '"EndpointSpec":{"Mode":"vip","Ports":[{"Protocol":"tcp","TargetPort":80,"PublishedPort":8080,"PublishMode":"ingress"}]}}',
  );
});

for (const { name, sent, want } of [
  { name: "no mode is one replica", sent: {}, want: { Mode: { Replicated: { Replicas: 1 } } } },
  {
    name: "a job runs one task at a time",
    sent: { Mode: { ReplicatedJob: {} } },
    want: { Mode: { ReplicatedJob: { MaxConcurrent: 1, TotalCompletions: 1 } } },
  },
  {
    name: "a job completes as many as run at once",
    sent: { Mode: { ReplicatedJob: { MaxConcurrent: 3 } } },
    want: { Mode: { ReplicatedJob: { MaxConcurrent: 3, TotalCompletions: 3 } } },
  },
  {
    name: "an update pauses, and stops first",
    sent: { UpdateConfig: {} },
    want: { UpdateConfig: { Parallelism: 0, FailureAction: "pause", MaxFailureRatio: 0, Order: "stop-first" } },
  },
  {
    name: "a port is tcp and ingress",
    sent: { EndpointSpec: { Ports: [{ TargetPort: 80 }] } },
    want: { EndpointSpec: { Mode: "vip", Ports: [{ Protocol: "tcp", TargetPort: 80, PublishMode: "ingress" }] } },
  },
]) {
  test(`filled in: ${name}`, () => {
    assert.partialDeepStrictEqual(decodeService({ ...container({}), ...sent }), want);
  });
}

test("a restart policy restarts on any exit, and counts from 0", () => {
  const { TaskTemplate } = decodeService({ TaskTemplate: { ContainerSpec: {}, RestartPolicy: {} } });
  assert.deepEqual(TaskTemplate.RestartPolicy, { Condition: "any", MaxAttempts: 0 });
});

test("names in any case of letters, unknown fields, and nulls", () => {
  const spec = decodeService({
    NAME: "a",
    name: "b",
    labels: null,
    nonsense: { deep: [1] },
    taskTemplate: { containerspec: { image: "i", env: ["A"], Init: null, ReadOnly: null } },
  });
  assert.equal(spec.Name, "b");
  assert.deepEqual(spec.Labels, {});
  assert.deepEqual(spec.TaskTemplate.ContainerSpec, { Image: "i", Env: ["A"], Isolation: "default" });
});

test("the deprecated list of networks moves to the task, unless that has its own", () => {
  const Networks = [{ Target: "n" }];
  const moved = decodeService({ ...container({}), Networks });
  assert.deepEqual(moved.TaskTemplate.Networks, Networks);
  assert.equal(moved.Networks, undefined);
  const kept = decodeService({ TaskTemplate: { ContainerSpec: {}, Networks: [{ Target: "own" }] }, Networks });
  assert.deepEqual(kept.TaskTemplate.Networks, [{ Target: "own" }]);
});

for (const { since, spec, gone } of [
  { since: "1.40", spec: container({ Sysctls: { a: "b" } }), gone: container({}) },
  {
    since: "1.40",
    spec: { TaskTemplate: { ContainerSpec: { Image: "x" }, Placement: { MaxReplicas: 1 } } },
    gone: { TaskTemplate: { ContainerSpec: { Image: "x" }, Placement: {} } },
  },
  { since: "1.41", spec: container({ CapabilityAdd: ["A"], CapabilityDrop: ["B"] }), gone: container({}) },
  { since: "1.41", spec: container({ Ulimits: [{ Name: "a", Hard: 1, Soft: 1 }] }), gone: container({}) },
  {
    since: "1.41",
    spec: { ...container({}), Mode: { GlobalJob: {} } },
    gone: { ...container({}), Mode: { Replicated: { Replicas: 1 } } },
  },
  {
    since: "1.44",
    spec: container({ Privileges: { NoNewPrivileges: true, Seccomp: { Mode: "default" } } }),
    gone: container({ Privileges: {} }),
  },
  { since: "1.44", spec: container({ Healthcheck: { StartInterval: 1 } }), gone: container({ Healthcheck: {} }) },
  { since: "1.46", spec: container({ OomScoreAdj: 1 }), gone: container({}) },
]) {
  test(`older than ${since}: ${JSON.stringify(spec)} is not heard`, () => {
    const older = `1.${Number(since.split(".")[1]) - 1}`;
    assert.partialDeepStrictEqual(decodeService(spec, older), decodeService(gone, older));
    assert.notDeepEqual(decodeService(spec, older), decodeService(spec, since));
  });
}

for (const { name, document, message } of [
  {
    name: "a string for a number",
    document: { TaskTemplate: { ForceUpdate: "1" } },
    message: /cannot unmarshal string into field ServiceSpec\.TaskTemplate\.ForceUpdate of type uint64/,
  },
  {
    name: "a negative count",
    document: { Mode: { Replicated: { Replicas: -1 } } },
    message: /cannot unmarshal number -1 .* uint64/,
  },
  {
    name: "a fraction",
    document: { Mode: { Replicated: { Replicas: 1.5 } } },
    message: /cannot unmarshal number 1\.5/,
  },
  {
    name: "more than a double holds",
    document: { Mode: { Replicated: { Replicas: 2 ** 53 } } },
    message: /cannot unmarshal number/,
  },
  {
    name: "a list for an object",
    document: { TaskTemplate: [] },
    message: /cannot unmarshal array into field ServiceSpec\.TaskTemplate of type object/,
  },
  { name: "an object for a list", document: container({ Env: { A: 1 } }), message: /cannot unmarshal object .* array/ },
  {
    name: "a number in a list of strings",
    document: container({ Env: [1] }),
    message: /cannot unmarshal number 1 .* string/,
  },
  { name: "a number as a label", document: { Labels: { a: 1 } }, message: /cannot unmarshal number 1/ },
  { name: "a bool for a string", document: { Name: true }, message: /cannot unmarshal bool/ },
  {
    name: "a port beyond 32 bits",
    document: { ...container({}), EndpointSpec: { Ports: [{ TargetPort: 2 ** 32 }] } },
    message: /uint32/,
  },
  {
    name: "two modes",
    document: { ...container({}), Mode: { Global: {}, Replicated: {} } },
    message: /^must specify only one service mode$/,
  },
  { name: "no container", document: {}, message: /^mismatched Runtime and \*Spec fields$/ },
  {
    name: "an unknown runtime",
    document: { TaskTemplate: { Runtime: "attachment" } },
    message: /^unsupported runtime$/,
  },
  {
    name: "an unknown condition",
    document: { TaskTemplate: { ContainerSpec: {}, RestartPolicy: { Condition: "x" } } },
    message: /^invalid RestartCondition: "x"$/,
  },
  {
    name: "an unknown order",
    document: { ...container({}), UpdateConfig: { Order: "x" } },
    message: /^unrecognized update order x$/,
  },
  { name: "an unknown mount", document: container({ Mounts: [{ Type: "x" }] }), message: /^invalid MountType: "x"$/ },
  {
    name: "an unknown endpoint mode",
    document: { ...container({}), EndpointSpec: { Mode: "x" } },
    message: /^invalid resolution mode: "x"$/,
  },
]) {
  test(`refused: ${name}`, () => {
    assert.throws(() => decodeService(document), { code: "invalid", message });
  });
}

test("a node's role and availability are needed, in any case of letters", () => {
  const decode = (document: unknown) => decodeDocument(document, "NodeSpec", NODE_SPEC, "1.51");
  assert.deepEqual(decode({ Role: "MANAGER", Availability: "Drain" }), {
    Labels: {},
    Role: "manager",
    Availability: "drain",
  });
  assert.throws(() => decode({ Availability: "active" }), { message: 'invalid Role: ""' });
  assert.throws(() => decode({ Role: "worker", Availability: "x" }), { message: 'invalid Availability: "x"' });
});

test("a cluster's spec is whole, its absent parts zero", () => {
  assert.equal(
    JSON.stringify(decodeDocument({}, "Spec", CLUSTER_SPEC, "1.51")),
    '{"Name":"","Labels":{},"Orchestration":{},"Raft":{"ElectionTick":0,"HeartbeatTick":0},"Dispatcher":{},"CAConfig":{},"TaskDefaults":{},"EncryptionConfig":{"AutoLockManagers":false}}',
  );
});

test("data is base64", () => {
  const decode = (Data: string) => decodeDocument({ Name: "s", Data }, "SecretSpec", SECRET_SPEC, "1.51").Data;
  assert.equal(decode("c2Vj\ncmV0"), "c2VjcmV0");
  for (const bad of ["c2VjcmV", "c2V=cmV0", "????", "c2Vj-mV0"]) assert.throws(() => decode(bad), { code: "invalid" });
});

test("labels may have any name, and poison nothing", () => {
  const spec = decodeService(
    parseJson(
      '{"Labels":{"__proto__":"x","constructor":"y"},"__proto__":{"Name":"z"},"TaskTemplate":{"ContainerSpec":{}}}',
    ),
  );
  assert.equal(JSON.stringify(spec.Labels), '{"__proto__":"x","constructor":"y"}');
  assert.equal(spec.Name, "");
  assert.equal(({} as Record<string, unknown>)["Name"], undefined);
});

test("any JSON is either decoded or refused as invalid", () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      for (const document of [
        value,
        { TaskTemplate: value },
        { TaskTemplate: { ContainerSpec: value } },
        { Labels: value },
      ]) {
        try {
          decodeService(document);
        } catch (err) {
          assert.equal((err as { code?: string }).code, "invalid");
        }
      }
    }),
  );
});
