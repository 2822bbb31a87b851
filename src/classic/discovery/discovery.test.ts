import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { systemClock } from "#base/clock.ts";
import { parseHostPort } from "#classic/address.ts";
import { discoveryContract } from "./contract.ts";
import { fileDiscovery } from "./file-discovery.ts";
import { nodesDiscovery } from "./nodes-discovery.ts";
import { openDiscovery } from "./open-discovery.ts";
import { expandRange } from "./ranges.ts";
import { tokenDiscovery } from "./token-discovery.ts";

const DEPS = { clock: systemClock, heartbeatMs: 20, options: new Map<string, string>() };

const temporary = () => mkdtemp(join(tmpdir(), "flotilla-discovery-"));

const first = async (lists: AsyncIterable<ReadonlySet<string>>): Promise<readonly string[]> => {
  for await (const list of lists) return [...list];
  return assert.fail("no list");
};

discoveryContract(
  "a list",
  async (addresses) => ({
    discovery: nodesDiscovery(addresses.join(",")),
    replace: () => assert.fail("its list never changes"),
    [Symbol.asyncDispose]: async () => undefined,
  }),
  { changes: false, registers: false },
);

discoveryContract(
  "a file",
  async (addresses) => {
    const directory = await temporary();
    const path = join(directory, "engines");
    const replace = (lines: readonly string[]) => writeFile(path, lines.join("\n"));
    await replace(addresses);
    return { discovery: fileDiscovery(path, DEPS), replace, [Symbol.asyncDispose]: () => remove(directory) };
  },
  { changes: true, registers: false },
);

discoveryContract(
  "a directory",
  async (addresses) => {
    const directory = await temporary();
    const place = join(directory, "token");
    const discovery = tokenDiscovery(place, DEPS);
    const register = async (list: readonly string[]) => {
      for (const addr of list) await discovery.register(addr, 60_000, AbortSignal.any([]));
    };
    const replace = async (list: readonly string[]) => {
      await remove(place);
      await register(list);
    };
    await register(addresses);
    return { discovery, replace, [Symbol.asyncDispose]: () => remove(directory) };
  },
  { changes: true, registers: true },
);

const remove = (path: string): Promise<void> => rm(path, { recursive: true, force: true });

test("a file has comments, blank lines and ranges; one that is not there is told, and read when it is", async () => {
  const directory = await temporary();
  try {
    const path = join(directory, "engines");
    const discovery = fileDiscovery(path, DEPS);
    const signal = AbortSignal.any([]);
    await assert.rejects(first(discovery.watch(signal)), { code: "unavailable", message: /ENOENT/ });
    await writeFile(path, "# engines\n\n10.0.0.[1:3]:2375 # a rack\n  h9:2376\n");
    assert.deepEqual(await first(discovery.watch(signal)), [
      "10.0.0.1:2375",
      "10.0.0.2:2375",
      "10.0.0.3:2375",
      "h9:2376",
    ]);
    await writeFile(path, "h1:2375\nh2\n");
    await assert.rejects(first(discovery.watch(signal)), { code: "invalid", message: /"h2" is no engine's address/ });
  } finally {
    await remove(directory);
  }
});

test("in a directory only what has the form of a registration counts", async () => {
  const directory = await temporary();
  try {
    const soon = new Date(Date.now() + 60_000).toISOString();
    const files = { "h1:2375": `${soon}\n`, "h2:2375": "soon\n", "h3:2375": "", "h4:2375.tmp": soon, notes: soon };
    for (const [name, content] of Object.entries(files)) await writeFile(join(directory, name), content);
    await mkdir(join(directory, "lost+found"));
    assert.deepEqual(await first(tokenDiscovery(directory, DEPS).watch(AbortSignal.any([]))), ["h1:2375"]);
  } finally {
    await remove(directory);
  }
});

for (const { item, want } of [
  { item: "h1:2375", want: ["h1:2375"] },
  { item: "10.0.0.[1:3]:2375", want: ["10.0.0.1:2375", "10.0.0.2:2375", "10.0.0.3:2375"] },
  { item: "192.168.1.2:[2:3]375", want: ["192.168.1.2:2375", "192.168.1.2:3375"] },
  { item: "10.0.0.[3:1]:2375", want: [] },
  { item: "[fd00::1]:2375", want: ["[fd00::1]:2375"] },
  { item: "h[a:b]:2375", want: ["h[a:b]:2375"] },
]) {
  test(`${item} stands for ${want.join(", ") || "nothing"}`, () => assert.deepEqual(expandRange(item), want));
}

for (const text of ["h1", "h1:", "h1:0", "h1:65536", ":2375", "tcp://h1:2375", "fd00::1:2375", "[h1]:2375", "h 1:2"]) {
  test(`${text} is no address`, () => assert.equal(parseHostPort(text), undefined));
}

for (const { uri, message } of [
  { uri: "h1:2375,h2", message: /"h2" is no engine's address.*file:\/\// },
  { uri: "token://0123456789abcdef", message: /shut down in 2019.*token:\/\/\/SHARED\/TOKEN/ },
  { uri: "consul://h1/prefix", message: /consul:\/\/ is not supported: use .*etcd:/ },
  { uri: "zk://h1/prefix", message: /zk:\/\/ is not supported/ },
  { uri: "dns://h1", message: /discovery service dns:\/\/ is not supported/ },
  { uri: "etcd://", message: /names no etcd/ },
]) {
  test(`${uri} is refused`, async () => assert.rejects(openDiscovery(uri, DEPS), { name: "FlotillaError", message }));
}

test("a list needs no scheme", async () => {
  await using discovery = await openDiscovery("h[1:2]:2375, h9:1", DEPS);
  assert.deepEqual(await first(discovery.watch(AbortSignal.any([]))), ["h1:2375", "h2:2375", "h9:1"]);
});

test("options of discovery are checked", async () => {
  const open = (uri: string, ...options: readonly (readonly [string, string])[]) =>
    openDiscovery(uri, { ...DEPS, options: new Map(options) });
  await assert.rejects(open("h1:1", ["kv.path", "p"]), /--discovery-opt goes with etcd:\/\//);
  await assert.rejects(
    open("etcd://h1", ["kv.paht", "p"]),
    /kv\.paht is not known: there are kv\.path, kv\.cacertfile/,
  );
  await assert.rejects(open("etcd://h1", ["kv.cacertfile", "/nonexistent"]), /cannot read \/nonexistent/);
});
