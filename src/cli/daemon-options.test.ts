import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { Command } from "commander";
import type { FlotillaError } from "#base/errors.ts";
import { addDaemonOptions, type DaemonOptions, readDaemonOptions } from "./daemon-options.ts";

/** What a daemon is told by this command line and this configuration file, which is empty unless given. */
async function options(args: readonly string[], config: unknown = {}): Promise<DaemonOptions> {
  const directory = await mkdtemp(join(tmpdir(), "flotilla-options-"));
  try {
    const file = join(directory, "daemon.json");
    await writeFile(file, typeof config === "string" ? config : JSON.stringify(config));
    const command = addDaemonOptions(new Command())
      .exitOverride()
      .configureOutput({ writeErr: () => undefined });
    command.parse(["--config-file", file, ...args], { from: "user" });
    return readDaemonOptions(command.opts());
  } finally {
    await rm(directory, { recursive: true });
  }
}

const DEFAULTS: DaemonOptions = {
  hosts: ["unix:///run/flotilla.sock"],
  engine: "unix:///var/run/docker.sock",
  dataRoot: "/var/lib/flotilla",
  execRoot: "/run/flotilla",
  pidfile: undefined,
  labels: [],
  nodeGenericResources: [],
  swarmDefaultAdvertiseAddr: "",
  defaultAddrPools: [],
  store: undefined,
  tls: undefined,
  logLevel: "info",
  logFormat: "text",
  metricsAddr: undefined,
  strategy: "spread",
};

const PEM = ["--tlscacert", "ca", "--tlscert", "cert", "--tlskey", "key"];

describe("a daemon is told", () => {
  const rows: readonly { name: string; args: readonly string[]; config?: unknown; want: Partial<DaemonOptions> }[] = [
    { name: "nothing: the defaults", args: [], want: {} },
    {
      name: "several places to listen",
      args: ["-H", "unix:///a.sock", "--host", "tcp://127.0.0.1:1"],
      want: { hosts: ["unix:///a.sock", "tcp://127.0.0.1:1"] },
    },
    {
      name: "labels and resources, each repeated",
      args: ["--label", "a=b", "--label", "c=d=e", "--node-generic-resource", "gpu=4"],
      want: { labels: ["a=b", "c=d=e"], nodeGenericResources: ["gpu=4"] },
    },
    { name: "how to rank hosts", args: ["--strategy", "binpack"], want: { strategy: "binpack" } },
    {
      name: "an etcd to keep the state in",
      args: ["--store", "etcd://a:1,b/p", "--store-tls-ca", "ca"],
      want: { store: { url: "etcd://a:1,b/p", ca: "ca", cert: undefined, key: undefined } },
    },
    {
      name: "where to keep what",
      args: ["--data-root", "/d", "--exec-root", "/e", "-p", "/p", "--engine", "unix:///e.sock"],
      want: { dataRoot: "/d", execRoot: "/e", pidfile: "/p", engine: "unix:///e.sock" },
    },
    {
      name: "how to log and measure",
      args: ["-l", "debug", "--log-format", "json", "--metrics-addr", "127.0.0.1:9"],
      want: { logLevel: "debug", logFormat: "json", metricsAddr: "127.0.0.1:9" },
    },
    {
      name: "addresses",
      args: ["--swarm-default-advertise-addr", "eth0", "--default-addr-pool", "base=10.0.0.0/8,size=24"],
      want: { swarmDefaultAdvertiseAddr: "eth0", defaultAddrPools: ["base=10.0.0.0/8,size=24"] },
    },
    {
      name: "to check clients",
      args: ["--tlsverify", ...PEM],
      want: { tls: { verify: true, ca: "ca", cert: "cert", key: "key" } },
    },
    {
      name: "to use TLS only",
      args: ["--tls", ...PEM],
      want: { tls: { verify: false, ca: "", cert: "cert", key: "key" } },
    },
    {
      name: "the same by its file",
      args: [],
      config: { hosts: ["unix:///f.sock"], "data-root": "/f", labels: ["a=b"], "log-format": "json", tls: false },
      want: { hosts: ["unix:///f.sock"], dataRoot: "/f", labels: ["a=b"], logFormat: "json" },
    },
    {
      name: "by both, as long as they do not speak of the same",
      args: ["--data-root", "/flag"],
      config: { "exec-root": "/file" },
      want: { dataRoot: "/flag", execRoot: "/file" },
    },
  ];
  for (const { name, args, config, want } of rows) {
    test(name, async () => assert.deepEqual(await options(args, config), { ...DEFAULTS, ...want }));
  }
});

describe("a daemon refuses", () => {
  const refused = (message: RegExp) => (err: FlotillaError) => err.code === "invalid" && message.test(err.message);
  const rows: readonly { name: string; args: readonly string[]; config?: unknown; message: RegExp }[] = [
    { name: "TLS without its files", args: ["--tls"], message: /TLS needs --tlscert/ },
    { name: "verification without an authority", args: ["--tlsverify"], message: /TLS needs --tlscacert/ },
    { name: "an unknown directive", args: [], config: { hots: [] }, message: /unknown directive hots/ },
    {
      name: "what is given twice",
      args: ["--label", "a=b"],
      config: { labels: ["c=d"] },
      message: /both as a flag and in the file: label/,
    },
    { name: "a file that is no JSON", args: [], config: "{", message: /cannot read the configuration file/ },
    { name: "a file that is no object", args: [], config: "[]", message: /expected a JSON object/ },
    {
      name: "a list where text belongs",
      args: [],
      config: { "data-root": ["/d"] },
      message: /data-root: expected text/,
    },
    { name: "text where a list belongs", args: [], config: { hosts: "unix:///a" }, message: /hosts: expected a list/ },
    { name: "text where a switch belongs", args: [], config: { tls: "yes" }, message: /tls: expected true or false/ },
    {
      name: "an unknown level",
      args: [],
      config: { "log-level": "loud" },
      message: /log-level: expected one of debug/,
    },
    { name: "an unknown form", args: [], config: { "log-format": "xml" }, message: /log-format: expected one of text/ },
    { name: "a label without a value", args: [], config: { labels: ["a"] }, message: /labels: expected KEY=VALUE/ },
  ];
  for (const { name, args, config, message } of rows) {
    test(name, async () => assert.rejects(options(args, config), refused(message)));
  }

  test("a file that is named and not there", () => {
    assert.throws(() => readDaemonOptions({ configFile: "/nonexistent.json" }), refused(/cannot read/));
  });

  for (const args of [["--label", "a"], ["--log-level", "loud"], ["--log-format", "xml"], ["--no-such-flag"]]) {
    test(`the flags ${args.join(" ")}`, async () => assert.rejects(options(args), { name: "CommanderError" }));
  }
});
