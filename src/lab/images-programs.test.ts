import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { LabHost } from "./host.ts";
import { loadImages } from "./images.ts";
import { PROBE_PREREQUISITES, probeImages } from "./images-programs.ts";
import { SHOP_PREREQUISITES, shopImages } from "./images-shop.ts";
import { Lab } from "./lab.ts";
import { missing, PREREQUISITES } from "./prerequisites.ts";
import { until } from "./until.ts";

const { signal } = new AbortController();
const needed = [...PREREQUISITES, ...PROBE_PREREQUISITES, ...SHOP_PREREQUISITES];
const absent = missing(needed).map((prerequisite) => prerequisite.package);
const skip =
  process.env["CI"] === undefined &&
  (process.getuid?.() !== 0 ? "needs root" : absent.length > 0 && `needs ${absent.join(", ")}`);

/** On a plain engine with a bridge network of its own: the programs have to work before a cluster is asked to. */
describe("images of this machine's programs", { skip }, () => {
  let lab: Lab;
  let host: LabHost;

  before(async () => {
    lab = await Lab.start({ name: `i${process.pid}`, hosts: 1, temporary: true }, signal);
    host = lab.host("h1");
    await loadImages(lab.hosts, [...(await probeImages(signal)), ...(await shopImages(signal))], signal);
    await host.docker(["network", "create", "plain"], signal);
  });
  after(async () => lab[Symbol.asyncDispose]());

  const start = (name: string, image: string, ...options: readonly string[]) =>
    host.docker(["run", "--detach", "--name", name, "--hostname", name, "--network=plain", ...options, image], signal);
  const inside = (container: string, ...argv: readonly string[]) => host.docker(["exec", container, ...argv], signal);

  test("a probe says who it is and who asks, and can ask others by name", async () => {
    await start("one", "flotilla/probe:1");
    await start("two", "flotilla/probe:2");
    const [address] = (await inside("two", "hostname", "-i")).trim().split(" ");
    assert.equal(await inside("two", "curl", "-s", "http://one/"), `one ${address} 1\n`);
    assert.equal(await inside("one", "dig", "+short", "two"), `${address}\n`);
    assert.match(await inside("one", "getent", "hosts", "two"), new RegExp(`^${address?.replaceAll(".", "\\.")} +two`));
  });

  test("a probe ends at once, and in good order", async () => {
    await host.docker(["stop", "two"], signal);
    assert.equal(await host.docker(["inspect", "--format", "{{.State.ExitCode}}", "two"], signal), "0\n");
  });

  test("the tiers of the shop work together, and each without the next says so", async () => {
    await start("web", "flotilla/shop-web:1", "--publish=8080:80");
    const ask = async () => lab.run(["curl", "-s", "--max-time", "10", `http://${host.address}:8080/`], signal);
    await until("an answer of the web tier", 10_000, async () => (await ask()).includes("502 Bad Gateway"), signal);
    await start("api", "flotilla/shop-api:1");
    const api = (text: string) => until(text, 10_000, async () => (await ask()).includes(text), signal);
    await api("the store does not answer");
    await start("store", "flotilla/shop-store:1");
    await api("visit=1\n");
    assert.match(await ask(), /^visit=2\nclient=10\.77\.0\.254\nweb=web at 172\.\S+\napi=api, version 1\n$/);
    for (const tier of ["web", "api", "store"]) {
      await host.docker(["stop", tier], signal);
      assert.equal(await host.docker(["inspect", "--format", "{{.State.ExitCode}}", tier], signal), "0\n", tier);
    }
  });
});
