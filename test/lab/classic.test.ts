/** Classic Swarm's commands on engines that have nothing beside them. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { execute } from "#lab/command.ts";
import type { LabHost } from "#lab/host.ts";
import type { Lab } from "#lab/lab.ts";
import { addressOf, DEFAULT_SUBNET } from "#lab/subnet.ts";
import { Background } from "./background.ts";
import { Certificates } from "./certificates.ts";
import { ClassicManager, ENGINE_PORT, engineAddr, FLOTILLA, startEngines } from "./classic-manager.ts";
import { eventually, scene, signal } from "./cluster.ts";

/** Where the engines of one scene listen besides. */
const SECOND_PORT = 2380;
const SLEEPER = ["busybox", "sleep", "1000"] as const;

/** Starts a container that does nothing, and says where. */
async function start(manager: ClassicManager, ...options: readonly string[]): Promise<string> {
  const id = await manager.say("run", "--detach", ...options, ...SLEEPER);
  return await manager.say("inspect", "--format", "{{.Node.Name}}", id);
}

test("plain engines are one Docker host", { ...scene, timeout: 300_000 }, async (t) => {
  await using lab = await startEngines("classic", 3);
  const range = lab.host("h1").address.replace(/1$/, "[1:3]:2375");
  using manager = new ClassicManager(lab, "--strategy", "binpack", `nodes://${range}`);
  await manager.untilEngines("Healthy", "Healthy", "Healthy");
  const run = (...options: readonly string[]) => start(manager, ...options);

  await t.test("containers go where strategy and expressions say, and are found there", async () => {
    const first = await run("--name", "aa");
    assert.equal(await run("--name", "bb"), first, "binpack");
    assert.equal(await run("--name", "far", "--env", "constraint:node==h3"), "h3");
    assert.equal(await run("--env", "affinity:container==far"), "h3");
    assert.equal(await run("--env", "constraint:storagedriver!=none", "--env", "affinity:container!=aa"), "h3");
    assert.match(await manager.refusal("run", "--env", "constraint:node==h9", ...SLEEPER), /\[node==h9\]/);
    assert.match(await manager.refusal("run", "--name", "aa", ...SLEEPER), /already in use/);
    assert.equal(await manager.say("ps", "--filter", "name=^/far$", "--format", "{{.Names}}"), "far");
    assert.equal(await manager.say("ps", "--filter", "node=h3", "--quiet").then((ids) => ids.split("\n").length), 3);
    assert.equal(
      await manager.say("exec", "far", "hostname"),
      await manager.say("ps", "--quiet", "--filter", "name=^/far$"),
    );
    assert.match(await manager.say("top", "h3/far"), /sleep 1000/);
    for (const [argv, words] of [
      [["rmi", "nosuch"], /No such image: nosuch/],
      [["volume", "rm", "nosuch"], /no such volume/],
      [["exec", "nosuch", "true"], /No such container: nosuch/],
      [["commit", "nosuch"], /No such container: nosuch/],
      [["network", "rm", "nosuch"], /network nosuch not found/],
    ] as const) {
      assert.match(await manager.refusal(...argv), words, argv.join(" "));
    }
    await manager.say("rename", "bb", "b2");
    await manager.say("stop", "--time", "0", "b2");
    await manager.say("rm", "--force", "b2", "aa");
  });

  await t.test("input, output, logs and exit codes cross the cluster", async () => {
    const argv = ["docker", "--host", manager.url, "run", "--rm", "--interactive", "busybox", "sh", "-c"];
    const piped = await execute({ argv: [...argv, "cat; echo err >&2; exit 7"], input: "input\n" }, signal);
    assert.deepEqual([piped.code, piped.stdout, piped.stderr], [7, "input\n", "err\n"]);
    await manager.say("run", "--detach", "--name", "talk", "busybox", "echo", "hello");
    await manager.say("wait", "talk");
    assert.equal(await manager.say("logs", "talk"), "hello");
    await manager.say("cp", "talk:/etc/hostname", "-");
    await manager.say("rm", "talk");
  });

  await t.test("a port of the hosts is given once on each", async () => {
    const hosts = [];
    for (const name of ["p1", "p2", "p3"]) hosts.push(await run("--name", name, "--publish", "81:80"));
    assert.deepEqual(hosts.toSorted(), ["h1", "h2", "h3"]);
    assert.match(await manager.refusal("run", "--publish", "81:80", ...SLEEPER), /port 81\/tcp is taken by p/);
    await manager.say("rm", "--force", "p1", "p2", "p3");
  });

  await t.test("an image that is built can be run", async () => {
    const directory = mkdtempSync(join(tmpdir(), "flotilla-build-"));
    try {
      writeFileSync(join(directory, "Dockerfile"), 'FROM busybox\nLABEL a=b\nCMD ["sleep", "1000"]\n');
      const build = ["build", "--build-arg", "constraint:node==h2", "--tag", "own:1", directory];
      const argv = ["env", "DOCKER_BUILDKIT=0", "docker", "--host", manager.url, ...build];
      const { code, stderr } = await execute({ argv }, signal);
      assert.equal(code, 0, stderr);
    } finally {
      rmSync(directory, { recursive: true });
    }
    assert.equal(await manager.say("images", "--filter", "node=h2", "--quiet", "own").then((id) => id.length), 12);
    for (const host of ["h1", "h2", "h3"]) {
      const name = `built-${host}`;
      await manager.say("run", "--detach", "--name", name, "--env", `constraint:node==${host}`, "own:1");
      assert.equal(await manager.say("inspect", "--format", "{{.Node.Name}}", name), host);
      await manager.say("rm", "--force", name);
    }
    await manager.say("rmi", "own:1");
  });

  await t.test("volumes and networks of an engine keep containers there", async () => {
    assert.equal(await run("--name", "v1", "--volume", "data:/data", "--env", "constraint:node==h2"), "h2");
    await manager.say("rm", "--force", "v1");
    assert.equal(await run("--name", "v2", "--volume", "data:/data"), "h2");
    await manager.say("rm", "--force", "v2");
    await manager.say("volume", "rm", "data");
    await manager.say("network", "create", "h2/local");
    assert.equal(await manager.say("network", "ls", "--filter", "name=local", "--format", "{{.Name}}"), "local");
    assert.equal(await run("--name", "n1", "--network", "local"), "h2");
    assert.equal(await run("--name", "n2", "--network", "h2/local"), "h2");
    assert.equal(
      await manager.say("exec", "n1", "ping", "-c", "1", "-w", "5", "n2").then((told) => told.length > 0),
      true,
    );
    assert.match(await manager.say("network", "inspect", "local"), /"Name": "n1"/);
    await manager.say("rm", "--force", "n1", "n2");
    await manager.say("network", "prune", "--force");
    assert.equal(await manager.say("network", "ls", "--quiet", "--filter", "name=local"), "");
  });

  await t.test("events of all engines are told", async () => {
    const since = String(Math.floor(Date.now() / 1_000) - 1);
    for (const host of ["h1", "h2", "h3"]) await run("--name", `event-${host}`, "--env", `constraint:node==${host}`);
    const until = String(Math.ceil(Date.now() / 1_000) + 1);
    const period = ["--since", since, "--until", until, "--filter", "event=start"];
    const told = await manager.say("events", ...period, "--format", "{{.Actor.Attributes.name}}");
    const names = told.split("\n").filter((name) => name.startsWith("event-"));
    assert.deepEqual(names, ["event-h1", "event-h2", "event-h3"]);
  });

  await t.test("there is no swarm, and all that needs one says what to do", async () => {
    const what = /run flotilla daemon on each host/;
    for (const argv of [
      ["service", "create", "busybox"],
      ["node", "ls"],
      ["swarm", "init"],
      ["secret", "ls"],
      ["network", "create", "--driver", "overlay", "wide"],
    ]) {
      assert.match(await manager.refusal(...argv), what, argv.join(" "));
    }
    assert.equal(await manager.say("info", "--format", "{{.Swarm.LocalNodeState}}"), "inactive");
  });

  await t.test("a lost engine holds nobody up, and is used again when it is back", async () => {
    const logs = manager.docker("logs", "--follow", "event-h1");
    await lab.host("h1").powerOff(signal);
    await eventually("who waits for it is let go", () => logs, 6_000);
    await manager.untilEngines("Unhealthy", "Healthy", "Healthy");
    await eventually("its section says why", async () =>
      /took longer|EHOSTUN/.test((await manager.rows("Error")).join()),
    );
    assert.match(await manager.say("ps", "--all", "--filter", "name=event-h1"), /Host Down/);
    assert.match(await manager.refusal("exec", "event-h1", "true"), /node h1 is down/);
    assert.notEqual(await run(), "h1");
    assert.match(await manager.say("version"), /Flotilla/);
    await lab.host("h1").powerOn(signal);
    await manager.untilEngines("Healthy", "Healthy", "Healthy");
    await eventually("its container can be used", async () => (await manager.docker("start", "event-h1")).code === 0);
    assert.equal(await manager.say("exec", "event-h1", "echo", "hi"), "hi");
  });

  await t.test("containers of a lost engine move if they may, and leave no twin", async () => {
    const policy = ["--env", "reschedule:on-node-failure", "--label", "kept=yes"];
    const onH2 = ["--env", "constraint:node==~h2"];
    assert.equal(await run("--name", "mover", ...policy, ...onH2), "h2");
    assert.equal(await run("--name", "stayer", ...onH2), "h2");
    const where = (name: string) => manager.say("inspect", "--format", "{{.Node.Name}} {{.State.Running}}", name);
    await lab.host("h2").powerOff(signal);
    await eventually("it runs elsewhere", async () => {
      const { code, stdout } = await manager.docker("exec", "mover", "echo", "hi");
      return code === 0 && stdout === "hi\n";
    });
    assert.match(await where("mover"), /^h[13] true$/);
    assert.equal(await manager.say("ps", "--filter", "label=kept=yes", "--format", "{{.Names}}"), "mover");
    assert.match(await manager.say("ps", "--all", "--filter", "name=stayer"), /Host Down/);
    await lab.host("h2").powerOn(signal);
    await manager.untilEngines("Healthy", "Healthy", "Healthy");
    await eventually(
      "its first host has it no more",
      async () => (await lab.host("h2").docker(["ps", "--all", "--quiet", "--filter", "name=mover"], signal)) === "",
    );
    assert.equal(await manager.say("ps", "--all", "--filter", "name=mover", "--format", "{{.Names}}"), "mover");
    await manager.say("rm", "--force", "mover", "stayer");
  });
});

test("what a manager has moved is there once, though the next one knows nothing of it", {
  ...scene,
  timeout: 120_000,
}, async () => {
  await using lab = await startEngines("forgetful", 2);
  const uri = `nodes://${lab.hosts.map(engineAddr).join()}`;
  {
    using first = new ClassicManager(lab, uri);
    await first.untilEngines("Healthy", "Healthy");
    const policy = ["--env", "reschedule:on-node-failure", "--env", "constraint:node==~h2"];
    assert.equal(await start(first, "--name", "mover", ...policy), "h2");
    await lab.host("h2").powerOff(signal);
    await eventually("it runs elsewhere", async () => (await first.docker("exec", "mover", "true")).code === 0);
  }
  using second = new ClassicManager(lab, uri);
  await eventually("the other host is seen", async () => (await second.rows("Status")).includes("Healthy"));
  await lab.host("h2").powerOn(signal);
  await second.untilEngines("Healthy", "Healthy");
  await eventually(
    "its first host has it no more",
    async () => (await lab.host("h2").docker(["ps", "--all", "--quiet"], signal)) === "",
  );
  assert.equal(await second.say("inspect", "--format", "{{.Node.Name}} {{.State.Running}}", "mover"), "h1 true");
});

/** Two managers of the engines that are registered in etcd, of which one decides. */
async function withTwoManagers(lab: Lab, client: string, uri: string): Promise<void> {
  const replicate = (port: number) => {
    const at = `${client}:${port}`;
    const serving = ["-H", at, "--no-tls", "--advertise", at];
    return new ClassicManager(lab, "--replication", "--replication-ttl", "2s", ...serving, uri);
  };
  using one = replicate(4001);
  await eventually("the first is primary", async () => (await one.role()) === "primary");
  using two = replicate(4002);
  await eventually("the second is not", async () => (await two.role()) === `replica of ${client}:4001`);
  for (const each of [one, two]) await each.untilEngines("Healthy", "Healthy");
  const tries = await Promise.all(
    [one, two, one, two].map((each) => each.docker("create", "--name", "rival", ...SLEEPER)),
  );
  assert.deepEqual(
    tries.map(({ code }) => code).toSorted((a, b) => a - b),
    [0, 1, 1, 1],
  );
  assert.equal(await two.say("start", "rival"), "rival");
  assert.equal(await one.say("exec", "rival", "echo", "hi"), "hi");
  one[Symbol.dispose]();
  await eventually("the second is primary now", async () => (await two.role()) === "primary");
  await two.say("rm", "--force", "rival");
}

test("engines are those that discovery names at the moment", { ...scene, timeout: 300_000 }, async (t) => {
  const ports = [ENGINE_PORT, SECOND_PORT].map((port) => `tcp://0.0.0.0:${port}`);
  await using lab = await startEngines("found", 2, { hosts: ["unix:///var/run/docker.sock", ...ports], tls: false });
  const CLIENT = lab.host("h1").address.replace(/1$/, "254");
  const [h1, h2] = lab.hosts;
  assert.ok(h1 && h2);
  const directory = mkdtempSync(join(tmpdir(), "flotilla-found-"));
  t.after(() => rmSync(directory, { recursive: true }));

  await t.test("a file is read again, and what cannot be used says why", async () => {
    const path = join(directory, "engines");
    const list = (...lines: readonly string[]) => writeFileSync(path, `# engines\n${lines.join("\n")}\n`);
    list(engineAddr(h1));
    using manager = new ClassicManager(lab, "--heartbeat", "1s", `file://${path}`);
    await manager.untilEngines("Healthy");
    assert.match(await manager.refusal("run", "--env", "constraint:node==h2", ...SLEEPER), /\[node==h2\]/);
    list(engineAddr(h1), engineAddr(h2));
    await manager.untilEngines("Healthy", "Healthy");
    assert.equal(await start(manager, "--name", "there", "--env", "constraint:node==h2"), "h2");
    list(engineAddr(h1), `${h1.address}:9`);
    await manager.untilEngines("Pending", "Healthy");
    assert.match(
      (await manager.rows("Error")).join(),
      /Cannot connect to the Docker Engine at tcp:.*:9: .*ECONNREFUSED/,
    );
    assert.match(await manager.refusal("exec", "there", "true"), /No such container: there/);
    assert.equal(await manager.say("ps", "--all", "--quiet"), "");
    list(engineAddr(h2), "nonsense");
    await manager.untilEngines("Pending", "Healthy");
    list(engineAddr(h2));
    await manager.untilEngines("Healthy");
    assert.equal(await manager.say("exec", "there", "hostname", "-s").then((name) => name.length), 12);
    await manager.say("rm", "--force", "there");
  });

  await t.test("one engine by two addresses is there once; a manager is no engine", async () => {
    using manager = new ClassicManager(lab, `${engineAddr(h1)},${h1.address}:${SECOND_PORT}`);
    await manager.untilEngines("Pending", "Healthy");
    assert.match(
      (await manager.rows("Error")).join(),
      /ID duplicated: [\d.]+:23\d\d and [\d.]+:23\d\d are the same engine/,
    );
    assert.equal(
      await manager.say("info", "--format", "{{.NCPU}}"),
      await h1.docker(["info", "--format", "{{.NCPU}}"], signal).then((cpus) => cpus.trim()),
    );
    using above = new ClassicManager(lab, "-H", `${CLIENT}:4000`, "--no-tls", engineAddr(h2));
    await above.untilEngines("Healthy");
    using confused = new ClassicManager(lab, `${CLIENT}:4000`);
    await confused.untilEngines("Pending");
    assert.match((await confused.rows("Error")).join(), /it is the manager of a cluster itself/);
    assert.match(await confused.refusal("run", ...SLEEPER), /No nodes available in the cluster|No healthy node/);
    assert.equal(await confused.say("ps", "--quiet"), "");
  });

  await t.test(
    "engines that are registered in etcd come, and go when nobody says any more that they are there",
    async () => {
      using _etcd = new Background(lab, [
        "etcd",
        `--data-dir=${join(directory, "etcd")}`,
        `--listen-client-urls=http://${CLIENT}:2379`,
        `--advertise-client-urls=http://${CLIENT}:2379`,
        "--log-level=error",
        "--logger=zap",
      ]);
      const uri = `etcd://${CLIENT}:2379/lab`;
      using manager = new ClassicManager(lab, uri);
      await manager.untilEngines();
      const times = ["--heartbeat", "1s", "--ttl", "3s"];
      const startJoin = async (host: LabHost) => {
        const joined = host.process("join");
        await joined.start([FLOTILLA, "join", ...times, "--advertise", engineAddr(host), uri], signal);
        return joined;
      };
      const first = await startJoin(h1);
      const second = await startJoin(h2);
      await manager.untilEngines("Healthy", "Healthy");
      assert.deepEqual((await lab.run([FLOTILLA, "list", uri], signal)).trim().split("\n").toSorted(), [
        engineAddr(h1),
        engineAddr(h2),
      ]);
      await withTwoManagers(lab, CLIENT, uri);
      await second.kill(signal);
      await manager.untilEngines("Healthy");
      assert.equal(await manager.say("info", "--format", "{{index (index .SystemStatus 4) 0}}"), " h1");
      await first.stop(signal);
    },
  );

  await t.test("engines that are registered in a shared directory, under a token", async () => {
    const token = (await lab.run([FLOTILLA, "create"], signal)).trim();
    assert.match(token, /^[0-9a-f]{32}$/);
    const uri = `token://${directory}/${token}`;
    using manager = new ClassicManager(lab, "--heartbeat", "1s", uri);
    const environment = [`SWARM_DISCOVERY=${uri}`, `SWARM_ADVERTISE=${engineAddr(h1)}`];
    await h1.process("join").start(["env", ...environment, FLOTILLA, "join"], signal);
    await manager.untilEngines("Healthy");
  });
});

test("clients, manager and engines prove to each other who they are", { ...scene, timeout: 120_000 }, async () => {
  const [h1, client] = [1, 254].map((host) => addressOf(DEFAULT_SUBNET, host));
  using certificates = new Certificates([`${h1}`, `${client}`]);
  using strangers = new Certificates([`${h1}`, `${client}`]);
  const filesOf = ({ directory }: Certificates, name: "server" | "client") =>
    Object.entries({ tlscacert: "ca.pem", tlscert: `${name}.pem`, tlskey: `${name}.key` }).map(
      ([option, file]) => [option, join(directory, file)] as const,
    );
  const flags = (of: Certificates, name: "server" | "client") => [
    "--tlsverify",
    ...filesOf(of, name).map(([option, path]) => `--${option}=${path}`),
  ];
  await using lab = await startEngines("tls", 1, {
    hosts: ["unix:///var/run/docker.sock", "tcp://0.0.0.0:2376"],
    tlsverify: true,
    ...Object.fromEntries(filesOf(certificates, "server")),
  });
  const serving = `tcp://${client}:3376`;
  using manager = new ClassicManager(lab, "-H", serving, ...flags(certificates, "server"), `${h1}:2376`);
  await manager.untilEngines("Healthy");
  const docker = (of: Certificates, ...argv: readonly string[]) =>
    lab.enter(["docker", "--host", serving, ...flags(of, "client"), ...argv]);
  const argv = docker(certificates, "run", "--rm", "--interactive", "busybox", "sh", "-c", "cat; exit 3");
  const { code, stdout } = await execute({ argv, input: "input\n" }, signal);
  assert.deepEqual([code, stdout], [3, "input\n"]);
  assert.notEqual((await execute({ argv: docker(strangers, "ps") }, signal)).code, 0);
  using suspicious = new ClassicManager(lab, ...flags(strangers, "server"), `${h1}:2376`);
  await suspicious.untilEngines("Pending");
  assert.match((await suspicious.rows("Error")).join(), /self-signed certificate|unable to verify|certificate/);
  using trusting = new ClassicManager(
    lab,
    "--tls",
    ...flags(certificates, "server").filter((flag) => !/^--tls(?:verify|cacert)/.test(flag)),
    `${h1}:2376`,
  );
  await trusting.untilEngines("Healthy");
});
