import assert from "node:assert/strict";
import { test } from "node:test";
import type { Mount, TaskSpec } from "#model/spec.ts";
import { containerBody, taskVolumes } from "./container-body.ts";
import { container, node, task } from "./testing/task.ts";

const files = new Map([
  ["/run/secrets/key", "/run/flotilla/1"],
  ["/etc/key", "/run/flotilla/2"],
  ["/app.conf", "/run/flotilla/3"],
]);

/** The mounts in the body of a task. */
const mounts = (spec: Partial<TaskSpec>): unknown => {
  const { HostConfig } = containerBody(task(spec), node, { clusterId: "cluster1", files });
  return (HostConfig as { readonly Mounts?: unknown }).Mounts;
};

const ROWS: readonly { readonly name: string; readonly spec: Partial<TaskSpec>; readonly want: readonly Mount[] }[] = [
  {
    name: "each kind, expanded",
    spec: container({
      Mounts: [
        { Type: "bind", Source: "/srv/{{.Service.Name}}", Target: "/a", BindOptions: { Propagation: "rshared" } },
        {
          Type: "volume",
          Source: "data-{{.Task.Slot}}",
          Target: "/b",
          ReadOnly: true,
          VolumeOptions: {
            NoCopy: true,
            Labels: { l: "{{.Task.Slot}}" },
            DriverConfig: { Name: "local", Options: { o: "{{.Node.Hostname}}" } },
          },
        },
        { Type: "volume", Target: "/c" },
        { Type: "tmpfs", Target: "/d", TmpfsOptions: { SizeBytes: 1_000, Mode: 0o700 } },
      ],
    }),
    want: [
      { Type: "bind", Source: "/srv/web", Target: "/a", BindOptions: { Propagation: "rshared" } },
      {
        Type: "volume",
        Source: "data-2",
        Target: "/b",
        ReadOnly: true,
        VolumeOptions: { NoCopy: true, Labels: { l: "2" }, DriverConfig: { Name: "local", Options: { o: "h1" } } },
      },
      { Type: "volume", Target: "/c" },
      { Type: "tmpfs", Target: "/d", TmpfsOptions: { SizeBytes: 1_000, Mode: 0o700 } },
    ],
  },
  {
    name: "secrets and configs",
    spec: container({
      Secrets: [
        { SecretID: "s1", SecretName: "key", File: { Name: "key", UID: "0", GID: "0", Mode: 0o444 } },
        { SecretID: "s2", SecretName: "key2", File: { Name: "/etc/key", UID: "0", GID: "0", Mode: 0o444 } },
      ],
      Configs: [
        { ConfigID: "c1", ConfigName: "conf", File: { Name: "app.conf", UID: "0", GID: "0", Mode: 0o444 } },
        { ConfigID: "c2", ConfigName: "credentials", Runtime: {} },
      ],
    }),
    want: [
      { Type: "bind", Source: "/run/flotilla/1", Target: "/run/secrets/key", ReadOnly: true },
      { Type: "bind", Source: "/run/flotilla/2", Target: "/etc/key", ReadOnly: true },
      { Type: "bind", Source: "/run/flotilla/3", Target: "/app.conf", ReadOnly: true },
    ],
  },
];

for (const { name, spec, want } of ROWS) {
  test(`mounts ${name}`, () => assert.deepEqual(mounts(spec), want));
}

const mounted = (mount: Partial<Mount>) => container({ Mounts: [{ Type: "bind", Target: "/a", ...mount }] });

const REFUSALS = [
  { name: "a relative target", spec: mounted({ Target: "a" }), code: "invalid", message: /absolute path: a/ },
  { name: "a relative bind", spec: mounted({ Source: "x" }), code: "invalid", message: /invalid bind mount source/ },
  {
    name: "a bind as volume",
    spec: mounted({ Type: "volume", Source: "/x" }),
    code: "invalid",
    message: /volume mount/,
  },
  {
    name: "a tmpfs of something",
    spec: mounted({ Type: "tmpfs", Source: "x" }),
    code: "invalid",
    message: /tmpfs source/,
  },
  { name: "a cluster volume", spec: mounted({ Type: "cluster" }), code: "unimplemented", message: /CSI/ },
  {
    name: "a secret that is not there",
    spec: container({
      Secrets: [{ SecretID: "s", SecretName: "pw", File: { Name: "pw", UID: "0", GID: "0", Mode: 0 } }],
    }),
    code: "precondition",
    message: /secret pw/,
  },
] as const;

for (const { name, spec, code, message } of REFUSALS) {
  test(`does not mount ${name}`, () => assert.throws(() => mounts(spec), { code, message }));
}

test("volumes with a driver of their own are to be created first", () => {
  const spec = container({
    Mounts: [
      {
        Type: "volume",
        Source: "v{{.Task.Slot}}",
        Target: "/a",
        VolumeOptions: { Labels: { l: "x" }, DriverConfig: { Name: "nfs", Options: { o: "{{.Node.ID}}" } } },
      },
      { Type: "volume", Source: "plain", Target: "/b", VolumeOptions: { NoCopy: true } },
      { Type: "volume", Target: "/c", VolumeOptions: { DriverConfig: { Name: "nfs" } } },
      { Type: "bind", Source: "/x", Target: "/d" },
    ],
  });
  assert.deepEqual(taskVolumes(task(spec), node), [
    { Name: "v2", Driver: "nfs", DriverOpts: { o: "node1" }, Labels: { l: "x" } },
  ]);
});
