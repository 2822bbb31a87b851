import assert from "node:assert/strict";
import { test } from "node:test";
import type { Json } from "#api/convert/meta-json.ts";
import { type GivenPlace, recipeOf } from "./recipe.ts";

const ID = "0123456789ab".padEnd(64, "c");

interface Parts {
  readonly config?: Json;
  readonly host?: Json;
  readonly networks?: Json;
}

const inspected = ({ config, host, networks = { bridge: {} } }: Parts): Json => ({
  Id: ID,
  Name: "/db",
  State: { Status: "running" },
  Config: { Hostname: "0123456789ab", Image: "app", Env: ["A=1"], Labels: { a: "b" }, ...config },
  HostConfig: { NetworkMode: "default", Dns: [], ContainerIDFile: "/run/id", Memory: 64, ...host },
  NetworkSettings: { Networks: networks },
});

const noneGiven = () => undefined;

/** The cluster's network `wide`. */
const wide =
  (isAddressWanted = false) =>
  (name: string): GivenPlace | undefined =>
    name === "wide" ? { gateway: "10.0.1.1", isAddressWanted } : undefined;

const onWide = {
  IPAMConfig: { IPv4Address: "10.0.1.7" },
  IPAddress: "10.0.1.7",
  Aliases: ["front", "0123456789ab"],
  MacAddress: "02:42:0a:00:01:07",
  Gateway: "10.0.1.1",
  NetworkID: "n".repeat(64),
};

test("a container is made again as it was, without what its engine has added", () => {
  const { document, networks, addresses } = recipeOf(inspected({ config: { MacAddress: "" } }), noneGiven);
  assert.deepEqual(document, {
    Image: "app",
    Env: ["A=1"],
    Labels: { a: "b" },
    HostConfig: { NetworkMode: "default", Dns: [], Memory: 64 },
  });
  assert.deepEqual([networks, addresses], [[], {}]);
});

test("a hostname and a hardware address that were given are kept", () => {
  const config = { Hostname: "store", MacAddress: "02:00:00:00:00:01" };
  const { document } = recipeOf(inspected({ config }), noneGiven);
  assert.deepEqual([document["Hostname"], document["MacAddress"]], ["store", "02:00:00:00:00:01"]);
});

test("what the cluster gave on its network is given anew; what its user asked for there is kept", () => {
  const parts = {
    config: { MacAddress: "02:42:0a:00:01:07" },
    host: { NetworkMode: "wide", Dns: ["10.0.1.1"] },
    networks: { wide: onWide },
  };
  const { document, addresses } = recipeOf(inspected(parts), wide());
  assert.deepEqual(document["HostConfig"], { NetworkMode: "wide", Memory: 64 });
  assert.deepEqual(document["NetworkingConfig"], { EndpointsConfig: { wide: { Aliases: ["front"] } } });
  assert.equal(document["MacAddress"], undefined);
  assert.deepEqual(addresses, { wide: "10.0.1.7" });
  const asked = recipeOf(inspected({ ...parts, host: { NetworkMode: "wide", Dns: ["9.9.9.9"] } }), wide(true));
  assert.deepEqual(asked.document["HostConfig"], { NetworkMode: "wide", Dns: ["9.9.9.9"], Memory: 64 });
  assert.deepEqual(asked.document["NetworkingConfig"], {
    EndpointsConfig: { wide: { Aliases: ["front"], IPAMConfig: { IPv4Address: "10.0.1.7" } } },
  });
});

test("addresses on a network of the engine's own were asked for", () => {
  const own = { IPAMConfig: { IPv4Address: "172.20.0.9" }, IPAddress: "172.20.0.9", Aliases: null };
  const parts = { host: { NetworkMode: "own" }, networks: { own } };
  assert.deepEqual(recipeOf(inspected(parts), noneGiven).document["NetworkingConfig"], {
    EndpointsConfig: { own: { IPAMConfig: { IPv4Address: "172.20.0.9" } } },
  });
});

test("only the first network is in the document; the others are connected next", () => {
  const networks = { bridge: {}, wide: onWide, other: { Aliases: ["b"], NetworkID: "f".repeat(64) } };
  const byId = recipeOf(inspected({ host: { NetworkMode: "f".repeat(64) }, networks }), wide());
  assert.deepEqual(byId.document["NetworkingConfig"], { EndpointsConfig: { other: { Aliases: ["b"] } } });
  assert.deepEqual(byId.networks, [
    { name: "bridge", settings: {} },
    { name: "wide", settings: { Aliases: ["front"] } },
  ]);
  const byDefault = recipeOf(inspected({ networks }), wide());
  assert.equal(byDefault.document["NetworkingConfig"], undefined);
  assert.deepEqual(
    byDefault.networks.map(({ name }) => name),
    ["wide", "other"],
  );
});

test("a container that has left its first network begins on another one, or on none", () => {
  const mode = (networks: Json) => {
    const { document } = recipeOf(inspected({ host: { NetworkMode: "gone" }, networks }), noneGiven);
    return (document["HostConfig"] as Json)["NetworkMode"];
  };
  assert.deepEqual([mode({ own: {} }), mode({})], ["own", "none"]);
});

test("with another's network, its names and ports are the other's", () => {
  const config = { Hostname: "h1", Domainname: "lan", ExposedPorts: { "80/tcp": {} } };
  const shared = (NetworkMode: string, networks: Json = {}) =>
    recipeOf(inspected({ config, host: { NetworkMode }, networks }), noneGiven);
  const joined = shared("container:other").document;
  assert.deepEqual(
    [joined["Hostname"], joined["Domainname"], joined["ExposedPorts"]],
    [undefined, undefined, undefined],
  );
  const onHost = shared("host", { host: {} });
  assert.deepEqual([onHost.document["Hostname"], onHost.networks], [undefined, []]);
  assert.deepEqual(onHost.document["ExposedPorts"], { "80/tcp": {} });
});

test("links are told as clients tell them", () => {
  const { document } = recipeOf(inspected({ host: { Links: ["/store:/db/alias"] } }), noneGiven);
  assert.deepEqual((document["HostConfig"] as Json)["Links"], ["store:alias"]);
});
