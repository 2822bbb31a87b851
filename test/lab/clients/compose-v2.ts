import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import { ask } from "../../parity/call.ts";
import { eventually, signal } from "../cluster.ts";

const PROJECT = "com.docker.compose.project";
const SERVICE = "com.docker.compose.service";
const CONFIG_HASH = "com.docker.compose.config-hash";
const ONEOFF = "com.docker.compose.oneoff";
const NETWORK = "com.docker.compose.network";

interface Named {
  readonly Id: string;
  readonly Name: string;
}

interface Listed {
  readonly Id: string;
  readonly Names: readonly string[];
  readonly State: string;
  readonly NetworkSettings: { readonly Networks: Readonly<Record<string, { readonly NetworkID: string }>> };
}

/** The API of a manager, for somebody who expects no failure but the one that is named. */
class Api {
  readonly #socketPath: string;

  constructor(socketPath: string) {
    this.#socketPath = socketPath;
  }

  async call<T>(method: string, path: string, body?: object, expected?: number): Promise<T> {
    const text = await this.text(method, path, body, expected);
    return (text === "" ? undefined : JSON.parse(text)) as T;
  }

  async text(method: string, path: string, body?: object, expected?: number): Promise<string> {
    const sent = body && { headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
    const answer = await ask(this.#socketPath, { method, path, ...sent }, signal);
    assert.ok(answer.kind === "api");
    const text = answer.body.toString();
    const isExpected = expected === undefined ? answer.status < 400 : answer.status === expected;
    assert.ok(isExpected, `${method} ${path}: ${answer.status} ${text}`);
    return text;
  }
}

const filter = (...label: readonly string[]): string =>
  `filters=${JSON.stringify({ label: Object.fromEntries(label.map((each) => [each, true])) })}`;

/**
 * The calls that `docker compose` 2 and newer make for a project, in their order: it is no package of Debian's. They are
 * those of its source, pkg/compose, version 5.5.
 */
export async function callAsComposeV2(t: TestContext, socketPath: string): Promise<void> {
  const api = new Api(socketPath);
  const ofProject = filter(`${PROJECT}=calls`);
  const list = () =>
    api.call<readonly Listed[]>(
      "GET",
      `/containers/json?all=1&${filter(`${PROJECT}=calls`, CONFIG_HASH, `${ONEOFF}=False`)}`,
    );
  const labels = { [PROJECT]: "calls", [CONFIG_HASH]: "1", [ONEOFF]: "False" };
  const create = async (service: string, name: string): Promise<Named> => {
    const endpoint = { Aliases: [name, service] };
    const { Id } = await api.call<Named>("POST", `/containers/create?name=${name}`, {
      Image: "busybox",
      Cmd: ["sleep", "1000"],
      Labels: { ...labels, [SERVICE]: service },
      HostConfig: {
        NetworkMode: "calls_default",
        Mounts: service === "store" ? [{ Type: "volume", Source: "calls_data", Target: "/data" }] : [],
      },
      NetworkingConfig: { EndpointsConfig: { calls_default: endpoint } },
    });
    return await api.call<Named>("GET", `/containers/${Id}/json`);
  };
  const finds = async (container: string, name: string) => {
    const Cmd = ["timeout", "20", "sh", "-c", `until ping -c 1 -w 2 ${name}; do sleep 0.1; done`];
    const { Id } = await api.call<Named>("POST", `/containers/${container}/exec`, { Cmd });
    await api.text("POST", `/exec/${Id}/start`, { Detach: true });
    await eventually(`${container} finds ${name}`, async () => {
      const { Running, ExitCode } = await api.call<{ Running: boolean; ExitCode: number }>("GET", `/exec/${Id}/json`);
      return !Running && ExitCode === 0;
    });
  };

  await t.test("up", async () => {
    assert.deepEqual(await list(), []);
    await api.call("GET", "/images/busybox/json");
    assert.deepEqual(await api.call("GET", `/networks?${ofProject}`), []);
    await api.call("GET", "/networks/calls_default", undefined, 404);
    const network = { Name: "calls_default", Driver: "", Labels: { ...labels, [NETWORK]: "default" } };
    await api.call("POST", "/networks/create", network);
    await api.call("GET", "/volumes/calls_data", undefined, 404);
    await api.call("POST", "/volumes/create", { Name: "calls_data", Labels: labels });
    for (const service of ["store", "web"]) {
      const { Id } = await create(service, `calls-${service}-1`);
      await api.call("POST", `/containers/${Id}/start`);
    }
    await finds("calls-web-1", "store");
  });

  await t.test("up again finds nothing to do", async () => {
    const containers = await list();
    const [network] = await api.call<readonly Named[]>("GET", `/networks?${ofProject}`);
    assert.deepEqual(containers.map(({ Names }) => `${Names[0]}`).toSorted(), ["/calls-store-1", "/calls-web-1"]);
    for (const { State, NetworkSettings } of containers) {
      const ids = Object.values(NetworkSettings.Networks).map(({ NetworkID }) => NetworkID);
      assert.deepEqual([State, ids], ["running", [network?.Id]]);
    }
    const { Volumes } = await api.call<{ readonly Volumes: readonly Named[] }>("GET", `/volumes?${ofProject}`);
    assert.deepEqual(
      Volumes.map(({ Name }) => Name),
      ["calls_data"],
    );
  });

  await t.test("a container that has to be new takes the place of the old one", async () => {
    const { Id: former } = await api.call<Named>("GET", "/containers/calls-store-1/json");
    const { Id } = await create("store", `${former.slice(0, 12)}_calls-store-1`);
    await api.call("POST", `/containers/${former}/stop?t=0`);
    await api.call("DELETE", `/containers/${former}?force=1`);
    await api.call("POST", `/containers/${Id}/rename?name=calls-store-1`);
    await api.call("POST", `/containers/${Id}/start`);
    await finds("calls-web-1", "store");
    await finds("calls-web-1", "calls-store-1");
  });

  await t.test("down", async () => {
    const containers = await list();
    const since = Math.floor(Date.now() / 1_000) - 1;
    for (const { Id } of containers) await api.call("POST", `/containers/${Id}/stop?t=0`);
    for (const { Id } of containers) await api.call("DELETE", `/containers/${Id}?force=1&v=1`);
    const until = Math.ceil(Date.now() / 1_000) + 1;
    const events = await api.text("GET", `/events?since=${since}&until=${until}&${ofProject}`);
    for (const { Id } of containers) assert.match(events, new RegExp(`"status":"destroy","id":"${Id}"`));
    for (const { Id } of await api.call<readonly Named[]>("GET", `/networks?${ofProject}`)) {
      await api.call("GET", `/networks/${Id}`);
      await api.call("DELETE", `/networks/${Id}`);
    }
    await api.call("DELETE", "/volumes/calls_data");
    assert.deepEqual(await list(), []);
  });
}
