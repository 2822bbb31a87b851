import { once } from "node:events";
import type { ServerResponse } from "node:http";
import { connect } from "node:net";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { createApiServer } from "#api/server.ts";
import { startTestEngine, type TestEngine } from "#api/test-engine.ts";
import { type Reply, send } from "#api/test-server.ts";
import { systemClock } from "#base/clock.ts";
import { silentLogger } from "#base/log.ts";
import { seededRandom } from "#base/random.ts";
import { TaskGroup } from "#base/task-group.ts";
import { DEFAULT_POLICY } from "#plan/place/policy.ts";
import { ClassicCluster } from "./classic-cluster.ts";
import type { Discovery } from "./discovery/discovery.ts";
import type { EnginePatience } from "./engine-keeper.ts";
import { managerInfo } from "./manager-info.ts";
import type { DialEngine } from "./transport.ts";

const PATIENCE: EnginePatience = { pingMs: 50, failureRetry: 3, refreshMinMs: 100, refreshMaxMs: 200 };

/** Discovery whose list a test changes. */
class TestDiscovery implements Pick<Discovery, "watch"> {
  addresses: ReadonlySet<string> = new Set();
  /** What the next watch fails with. */
  failure: Error | undefined;

  list(...addresses: readonly string[]): void {
    this.addresses = new Set(addresses);
  }

  async *watch(signal: AbortSignal): AsyncGenerator<ReadonlySet<string>> {
    for (;;) {
      if (this.failure) throw this.failure;
      yield this.addresses;
      await systemClock.sleep(10, signal);
    }
  }
}

/** Plain engines and a manager that makes one host of them. */
export interface ClassicBed extends AsyncDisposable {
  readonly cluster: ClassicCluster;
  readonly discovery: TestDiscovery;
  /** Starts an engine that is reached at `NAME:2375`. */
  engine(name: string, info?: object, apiVersion?: string): Promise<TestEngine>;
  /** Asks the manager's API. */
  get(target: string): Promise<Reply>;
  /** The path of the manager's socket. */
  readonly path: string;
}

export const sendJson = (response: ServerResponse, body: unknown): void =>
  void response.writeHead(200, { "Content-Type": "application/json" }).end(JSON.stringify(body));

export const engineInfo = (name: string, more: object = {}): object => ({
  ID: `ID-OF-${name}`,
  Name: name,
  NCPU: 2,
  MemTotal: 2 ** 30,
  Driver: "overlay2",
  KernelVersion: "6.1",
  OperatingSystem: "Debian GNU/Linux 12",
  OSType: "linux",
  Architecture: "x86_64",
  ServerVersion: "20.10.24",
  Labels: [`zone=${name}`],
  Containers: 1,
  ContainersRunning: 1,
  ContainersPaused: 0,
  ContainersStopped: 0,
  ...more,
});

/** Waits until `look` holds. */
export async function until(what: string, look: () => boolean | Promise<boolean>): Promise<void> {
  for (let tries = 0; !(await look()); tries++) {
    if (tries === 1_000) throw new Error(`${what}: not in time`);
    await pause(10);
  }
}

export async function openClassicBed(): Promise<ClassicBed> {
  const owned = new AsyncDisposableStack();
  const engines = new Map<string, TestEngine>();
  const dial: DialEngine = async ({ host }, signal) => {
    const engine = engines.get(host);
    if (engine === undefined) throw new Error("connect ECONNREFUSED");
    const socket = connect({ path: engine.url.slice("unix://".length), allowHalfOpen: true });
    await once(socket, "connect", { signal });
    return socket;
  };
  const discovery = new TestDiscovery();
  const system = { clock: systemClock, random: seededRandom(1), log: silentLogger };
  const cluster = new ClassicCluster({ ...system, discovery, heartbeatMs: 10, patience: PATIENCE, dial });
  const jobs = owned.use(new TaskGroup(AbortSignal.any([])));
  jobs.spawn("cluster", (signal) => cluster.run(signal));
  const front = owned.use(await startTestEngine());
  const api = owned.use(
    await createApiServer(
      {
        ...system,
        membership: cluster,
        engine: cluster.anyEngine,
        info: () => managerInfo("0.1.0", cluster.role),
        policy: DEFAULT_POLICY,
        version: "0.1.0",
      },
      jobs.signal,
    ),
  );
  const path = join(front.directory, "manage.sock");
  await api.listen(`unix://${path}`);
  return {
    cluster,
    discovery,
    path,
    async engine(name, info = engineInfo(name), apiVersion = "1.51") {
      const engine = owned.use(await startTestEngine(apiVersion));
      engine.on("GET /info", (_request, response) => sendJson(response, info));
      engine.on("GET /plugins", (_request, response) => sendJson(response, []));
      engine.on("GET /containers/json", (_request, response) => sendJson(response, []));
      engine.on("GET /events", ({ url = "" }, response) => {
        response.writeHead(200).flushHeaders();
        const end = new URL(url, "http://engine").searchParams.get("until");
        if (end !== null && Number(end) * 1_000 <= Date.now()) response.end();
      });
      engines.set(name, engine);
      return engine;
    },
    get: (target) => send(path, "GET", target, undefined, {}),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}
