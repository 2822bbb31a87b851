import assert from "node:assert/strict";
import { test } from "node:test";
import type { Task } from "#model/objects.ts";
import type { PortConfig, TaskSpec } from "#model/spec.ts";
import { containerBody } from "./container-body.ts";
import type { ContainerEndpoint } from "./host-config.ts";
import { container, node, task } from "./testing/task.ts";

const options = { clusterId: "cluster1", files: new Map<string, string>() };
const body = (spec: Partial<TaskSpec>, changes: Partial<Task> = {}, networks: readonly ContainerEndpoint[] = []) =>
  containerBody(task(spec, changes), node, { ...options, networks });

const LABELS = {
  "com.docker.swarm.task": "",
  "com.docker.swarm.task.id": "task1",
  "com.docker.swarm.task.name": "web.2.task1",
  "com.docker.swarm.node.id": "node1",
  "com.docker.swarm.service.id": "service1",
  "com.docker.swarm.service.name": "web",
  "io.flotilla.cluster": "cluster1",
};
const HOST_CONFIG = { NetworkMode: "default", RestartPolicy: { Name: "no" } };
const BARE = { Image: "app:1", Labels: LABELS, HostConfig: HOST_CONFIG };

const port = (changes: Partial<PortConfig>): PortConfig => ({
  Protocol: "tcp",
  TargetPort: 80,
  PublishMode: "host",
  ...changes,
});

const endpoint = (network: string, address: string, gateway: string): ContainerEndpoint => ({
  network,
  settings: { IPAMConfig: { IPv4Address: address } },
  nameServer: gateway,
});

interface Row {
  readonly name: string;
  readonly spec: Partial<TaskSpec>;
  readonly task?: Partial<Task>;
  readonly networks?: readonly ContainerEndpoint[];
  /** On top of a bare container's body. */
  readonly want?: object;
  /** On top of a bare container's HostConfig. */
  readonly host?: object;
}

const ROWS: readonly Row[] = [
  { name: "a bare container", spec: container({}) },
  {
    name: "an image of Docker Hub, without a tag",
    spec: container({ Image: "docker.io/library/app" }),
    want: { Image: "app:latest" },
  },
  {
    name: "labels, which cannot override the cluster's",
    spec: container({ Labels: { a: "b", "com.docker.swarm.task.id": "fake", "io.flotilla.cluster": "fake" } }),
    want: { Labels: { a: "b", ...LABELS } },
  },
  {
    name: "a global service's task",
    spec: container({}),
    task: { slot: 0 },
    want: { Labels: { ...LABELS, "com.docker.swarm.task.name": "web.node1.task1" } },
  },
  {
    name: "entrypoint, command, folder, user, groups, terminal, signal",
    spec: container({
      Command: ["/bin/app"],
      Args: ["-v", ""],
      Dir: "/srv",
      User: "1:2",
      Groups: ["3"],
      TTY: true,
      OpenStdin: true,
      StopSignal: "SIGQUIT",
    }),
    want: {
      Entrypoint: ["/bin/app"],
      Cmd: ["-v", ""],
      WorkingDir: "/srv",
      User: "1:2",
      Tty: true,
      OpenStdin: true,
      StopSignal: "SIGQUIT",
    },
    host: { GroupAdd: ["3"] },
  },
  {
    name: "environment and hostname, expanded",
    spec: container({ Hostname: "{{.Node.Hostname}}-{{.Task.Slot}}", Env: ["A={{.Service.Name}}", "B"] }),
    want: { Hostname: "h1-2", Env: ["A=web", "B"] },
  },
  {
    name: "generic resources as environment",
    spec: container({ Env: ["A=1"] }),
    task: {
      genericResources: [
        { NamedResourceSpec: { Kind: "gpu", Value: "g1" } },
        { NamedResourceSpec: { Kind: "gpu", Value: "g2" } },
        { DiscreteResourceSpec: { Kind: "Bandwidth", Value: 3 } },
      ],
    },
    want: { Env: ["A=1", "DOCKER_RESOURCE_BANDWIDTH=3", "DOCKER_RESOURCE_GPU=g1,g2"] },
  },
  {
    name: "a health check",
    spec: container({ Healthcheck: { Test: ["CMD", "true"], Interval: 1_000_000, Retries: 3 } }),
    want: { Healthcheck: { Test: ["CMD", "true"], Interval: 1_000_000, Retries: 3 } },
  },
  { name: "no init", spec: container({ Init: false }), host: { Init: false } },
  {
    name: "an init, a read-only root, sysctls, capabilities, ulimits, score",
    spec: container({
      Init: true,
      ReadOnly: true,
      Sysctls: { "net.core.somaxconn": "10" },
      CapabilityAdd: ["CAP_NET_ADMIN"],
      CapabilityDrop: ["ALL"],
      Ulimits: [{ Name: "nofile", Soft: 1, Hard: 2 }],
      OomScoreAdj: -5,
      Isolation: "default",
    }),
    host: {
      Init: true,
      ReadonlyRootfs: true,
      Sysctls: { "net.core.somaxconn": "10" },
      CapAdd: ["CAP_NET_ADMIN"],
      CapDrop: ["ALL"],
      Ulimits: [{ Name: "nofile", Soft: 1, Hard: 2 }],
      OomScoreAdj: -5,
    },
  },
  {
    name: "name servers and hosts",
    spec: container({
      DNSConfig: { Nameservers: ["192.0.2.1"], Search: ["a.test"], Options: ["ndots:1"] },
      Hosts: ["192.0.2.7 one two", "::1 six", "nothing"],
    }),
    host: {
      Dns: ["192.0.2.1"],
      DnsSearch: ["a.test"],
      DnsOptions: ["ndots:1"],
      ExtraHosts: ["one:192.0.2.7", "two:192.0.2.7", "six:::1"],
    },
  },
  {
    name: "limits, but no reservations",
    spec: {
      ...container({}),
      Resources: {
        Limits: { NanoCPUs: 500_000_000, MemoryBytes: 64_000_000, Pids: 10 },
        Reservations: { NanoCPUs: 1, MemoryBytes: 1 },
      },
    },
    host: { NanoCpus: 500_000_000, Memory: 64_000_000, PidsLimit: 10 },
  },
  { name: "empty limits", spec: { ...container({}), Resources: { Limits: {}, Reservations: {} } } },
  {
    name: "a log driver",
    spec: { ...container({}), LogDriver: { Name: "local", Options: { "max-size": "1m" } } },
    host: { LogConfig: { Type: "local", Config: { "max-size": "1m" } } },
  },
  {
    name: "networks of the cluster: the first is that of the default route, and its node answers for names",
    spec: {
      ...container({ DNSConfig: { Nameservers: ["192.0.2.1"], Search: ["a.test"], Options: ["ndots:1"] } }),
      Networks: [{ Target: "net1" }, { Target: "net2" }],
    },
    networks: [endpoint("front", "10.0.1.3", "10.0.1.2"), endpoint("back", "10.0.2.3", "10.0.2.2")],
    want: { NetworkingConfig: { EndpointsConfig: { front: { IPAMConfig: { IPv4Address: "10.0.1.3" } } } } },
    host: { NetworkMode: "front", Dns: ["10.0.1.2"], DnsSearch: ["a.test"], DnsOptions: ["ndots:1"] },
  },
  {
    name: "the host's network",
    spec: { ...container({}), Networks: [{ Target: "host" }] },
    host: { NetworkMode: "host" },
  },
  {
    name: "ports of the host, not those of the routing mesh",
    spec: container({}),
    task: {
      endpoint: {
        ports: [
          port({ PublishedPort: 8080 }),
          port({ PublishedPort: 8081 }),
          port({ Protocol: "udp", TargetPort: 53 }),
          port({ TargetPort: 443, PublishedPort: 443, PublishMode: "ingress" }),
        ],
      },
    },
    want: { ExposedPorts: { "80/tcp": {}, "53/udp": {} } },
    host: {
      PortBindings: { "80/tcp": [{ HostPort: "8080" }, { HostPort: "8081" }], "53/udp": [{ HostPort: "" }] },
    },
  },
  {
    name: "privileges",
    spec: container({
      Privileges: {
        CredentialSpec: { File: "spec.json" },
        SELinuxContext: { User: "u", Role: "r", Type: "t", Level: "l" },
        Seccomp: { Mode: "custom", Profile: Buffer.from('{"a":1}').toString("base64") },
        AppArmor: { Mode: "disabled" },
        NoNewPrivileges: true,
      },
    }),
    host: {
      SecurityOpt: [
        "credentialspec=file://spec.json",
        "label=user:u",
        "label=role:r",
        "label=level:l",
        "label=type:t",
        'seccomp={"a":1}',
        "apparmor=unconfined",
        "no-new-privileges=true",
      ],
    },
  },
  {
    name: "privileges at their default",
    spec: container({
      Privileges: { CredentialSpec: null, SELinuxContext: null, Seccomp: { Mode: "default" }, NoNewPrivileges: false },
    }),
  },
  {
    name: "seccomp and SELinux off",
    spec: container({ Privileges: { SELinuxContext: { Disable: true }, Seccomp: { Mode: "unconfined" } } }),
    host: { SecurityOpt: ["label=disable", "seccomp=unconfined"] },
  },
];

for (const { name, spec, task: changes, networks, want, host } of ROWS) {
  test(`body of ${name}`, () => {
    assert.deepEqual(body(spec, changes, networks), { ...BARE, ...want, HostConfig: { ...HOST_CONFIG, ...host } });
  });
}

const REFUSALS = [
  { name: "no container", spec: {}, code: "invalid", message: /runtime is not supported/ },
  { name: "no image", spec: container({ Image: "" }), code: "invalid", message: /image required/ },
  {
    name: "a network of the cluster on which the task has no place",
    spec: { ...container({}), Networks: [{ Target: "mynet" }] },
    code: "precondition",
    message: /network mynet/,
  },
  { name: "a bad template", spec: container({ Hostname: "{{.No}}" }), code: "invalid", message: /expanding hostname/ },
] as const;

for (const { name, spec, code, message } of REFUSALS) {
  test(`no body for ${name}`, () => assert.throws(() => body(spec), { code, message }));
}
