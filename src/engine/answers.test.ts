import assert from "node:assert/strict";
import { test } from "node:test";
import { familiarReference, isImageId, pullReference } from "#model/image-name.ts";
import { describeNode } from "./describe.ts";
import { eventsQuery, parseEvents } from "./events.ts";
import { type InspectResponse, parseContainer, parseSummary } from "./inspect.ts";
import { sinceSeconds } from "./since.ts";

const ID = "a".repeat(64);

test("a node is described with its engine's labels, resources and plugins", () => {
  const info = {
    Name: "h1",
    Architecture: "x86_64",
    OSType: "linux",
    NCPU: 2,
    MemTotal: 1_000,
    ServerVersion: "28.0.0",
    Labels: ["zone=a=b", "flag", "zone=c"],
    GenericResources: [{ DiscreteResourceSpec: { Kind: "gpu", Value: 2 } }],
    Plugins: { Volume: ["local"], Network: ["host", "bridge"], Authorization: null, Log: ["local", "json-file"] },
  };
  const types = ["docker.volumedriver/1.0", { Prefix: "docker", Capability: "logdriver" }, "other.thing/1"];
  const plugin = { Name: "vieux/sshfs:latest", Enabled: true, Config: { Interface: { Types: types } } };
  const plugins = [plugin, { ...plugin, Name: "off", Enabled: false }];
  assert.deepEqual(describeNode(info, plugins), {
    Hostname: "h1",
    Platform: { Architecture: "x86_64", OS: "linux" },
    Resources: { NanoCPUs: 2_000_000_000, MemoryBytes: 1_000, GenericResources: info.GenericResources },
    Engine: {
      EngineVersion: "28.0.0",
      Labels: { zone: "c" },
      Plugins: [
        { Type: "Log", Name: "json-file" },
        { Type: "Log", Name: "local" },
        { Type: "Log", Name: "vieux/sshfs:latest" },
        { Type: "Network", Name: "bridge" },
        { Type: "Network", Name: "host" },
        { Type: "Network", Name: "overlay" },
        { Type: "Volume", Name: "local" },
        { Type: "Volume", Name: "vieux/sshfs:latest" },
      ],
    },
  });
});

const answer: InspectResponse = {
  Id: ID,
  Name: "/web.1.x",
  State: {
    Status: "running",
    Pid: 7,
    ExitCode: 0,
    Error: "",
    OOMKilled: false,
    StartedAt: "2026-01-01T00:00:00Z",
    FinishedAt: "0001-01-01T00:00:00Z",
  },
  Config: { Labels: null, Tty: false },
  NetworkSettings: { Ports: null },
};

test("a container is parsed, with its last failing health check", () => {
  const Log = [
    { ExitCode: 1, Output: "first" },
    { ExitCode: -1, Output: "timed out" },
    { ExitCode: 0, Output: "fine" },
  ];
  const State = { ...answer.State, Health: { Status: "unhealthy" as const, Log } };
  const container = parseContainer({ ...answer, State });
  assert.equal(container.name, "web.1.x");
  assert.deepEqual([container.health, container.healthLog], ["unhealthy", "timed out"]);
  assert.deepEqual([container.labels, container.ports], [{}, []]);
  assert.equal(parseContainer(answer).health, undefined);
});

test("a port that is bound for both address families is one port", () => {
  const Ports = {
    "80/tcp": [{ HostPort: "8080" }, { HostPort: "8080" }, { HostPort: "9090" }],
    "53/udp": [{ HostPort: "53" }],
    "1/tcp": null,
  };
  assert.deepEqual(parseContainer({ ...answer, NetworkSettings: { Ports } }).ports, [
    { protocol: "udp", target: 53, published: 53 },
    { protocol: "tcp", target: 80, published: 8080 },
    { protocol: "tcp", target: 80, published: 9090 },
  ]);
});

test("a container's address is the one that it has, or else the one that it asked for", () => {
  const Networks = {
    front: { NetworkID: "n1", IPAddress: "10.0.1.3", IPAMConfig: { IPv4Address: "10.0.1.3" } },
    back: { NetworkID: "", IPAddress: "", IPAMConfig: { IPv4Address: "10.0.2.3" } },
    bridge: { NetworkID: "", IPAddress: "", IPAMConfig: null },
  };
  assert.deepEqual(parseContainer({ ...answer, NetworkSettings: { Ports: null, Networks } }).networks, [
    { name: "back", networkId: "", address: "10.0.2.3" },
    { name: "bridge", networkId: "", address: "" },
    { name: "front", networkId: "n1", address: "10.0.1.3" },
  ]);
});

test("a listed container has its own name, not one from a link", () => {
  const listed = parseSummary({ Id: ID, Names: ["/other/link", "/own"], Labels: null, State: "exited" });
  assert.deepEqual(listed, { id: ID, name: "own", labels: {}, state: "exited", networks: [] });
});

test("events are asked for by label from a moment on, and parsed line by line", async () => {
  const { since, filters } = eventsQuery({ a: "b", c: "" }, 1_500);
  assert.equal(since, "1.500");
  assert.deepEqual((JSON.parse(filters ?? "") as { label: unknown }).label, ["a=b", "c="]);
  const message = { Type: "container", Action: "die", Actor: { ID, Attributes: { exitCode: "3", ä: "ö" } } };
  const bytes = Buffer.from(`${JSON.stringify(message)}\n\n${JSON.stringify({ ...message, Actor: { ID } })}`);
  const chunks = (async function* () {
    for (const byte of bytes) yield Uint8Array.of(byte);
  })();
  assert.deepEqual(await Array.fromAsync(parseEvents(chunks)), [
    { action: "die", containerId: ID, labels: { exitCode: "3", ä: "ö" } },
    { action: "die", containerId: ID, labels: {} },
  ]);
});

for (const { reference, pull, familiar } of [
  { reference: "app", pull: "app:latest", familiar: "app:latest" },
  { reference: "docker.io/library/app:1", pull: "docker.io/library/app:1", familiar: "app:1" },
  { reference: "docker.io/me/app", pull: "docker.io/me/app:latest", familiar: "me/app:latest" },
  { reference: "host:5000/app", pull: "host:5000/app:latest", familiar: "host:5000/app:latest" },
  { reference: "app:1@sha256:abc", pull: "app:1@sha256:abc", familiar: "app:1@sha256:abc" },
  { reference: `sha256:${ID}`, pull: `sha256:${ID}`, familiar: `sha256:${ID}` },
]) {
  test(`image ${reference} is pulled as ${pull} and shown as ${familiar}`, () => {
    assert.equal(pullReference(reference), pull);
    assert.equal(familiarReference(reference), familiar);
    assert.equal(isImageId(reference), reference.startsWith("sha256:"));
  });
}

for (const { time, want } of [
  { time: "12.5", want: "12.5" },
  { time: "2026-01-01T00:00:00Z", want: "1767225600" },
  { time: "2026-01-01T00:00:00.000000001Z", want: "1767225600.000000001" },
  { time: "2026-01-01T02:00:00.25+02:00", want: "1767225600.25" },
]) {
  test(`${time} is ${want} for the engine`, () => assert.equal(sinceSeconds(time), want));
}

test("what is no time is refused", () => {
  for (const time of ["", "yesterday", "2026-13-01T00:00:00Z", "10m"]) {
    assert.throws(() => sinceSeconds(time), { code: "invalid" });
  }
});
