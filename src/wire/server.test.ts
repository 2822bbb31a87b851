import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { systemClock } from "#base/clock.ts";
import { type ErrorCode, FlotillaError } from "#base/errors.ts";
import { seededRandom } from "#base/random.ts";
import type { NodeDescription } from "#model/spec.ts";
import { fetchRootCertificate, renewCertificate, requestCertificate } from "./bootstrap.ts";
import { connectManager } from "./client.ts";
import type { Identity } from "./identity.ts";
import { createJoinToken } from "./join-token.ts";
import { MAX_NAME_LENGTH } from "./limits.ts";
import type {
  AgentService,
  AttachedNetwork,
  AttachRequest,
  Caller,
  CertificateService,
  ManagerConnection,
} from "./protocol.ts";
import { createRootCA, crossSign } from "./root-certificate.ts";
import { createTestCluster, type TestCluster } from "./testing/cluster.ts";
import { openTestServer } from "./testing/server.ts";

const signal = AbortSignal.timeout(60_000);
const description: NodeDescription = {
  Hostname: "h1",
  Platform: { Architecture: "x86_64", OS: "linux" },
  Resources: { NanoCPUs: 2e9, MemoryBytes: 1e9 },
  Engine: { EngineVersion: "20.10", Plugins: [] },
};

const codeOf = async (work: () => Promise<unknown>): Promise<ErrorCode | "ok"> => {
  try {
    await work();
    return "ok";
  } catch (err) {
    if (err instanceof FlotillaError) return err.code;
    throw err;
  }
};

async function drain(source: AsyncIterable<unknown>): Promise<void> {
  for await (const _item of source);
}

const ATTACH: AttachRequest = { network: "app", containerName: "tool", aliases: ["t"], address: "10.0.1.7" };
const ATTACHED: AttachedNetwork = { taskId: "t", networkId: "n", address: "10.0.1.7" };

/** Answers everything, and remembers who called. */
function recorder(callers: Caller[]): AgentService {
  const note = (caller: Caller) => void callers.push(caller);
  async function* once<T>(caller: Caller, ...items: T[]) {
    note(caller);
    yield* items;
  }
  return {
    session: (caller) =>
      once(caller, {
        sessionId: "s",
        node: { id: caller.nodeId, spec: { Labels: {}, Role: caller.role, Availability: "active" }, role: caller.role },
        managers: [{ nodeId: "m", addr: "127.0.0.1:1", live: true }],
        trustRoot: "",
        renewCertificate: false,
      }),
    describe: async (caller) => note(caller),
    heartbeat: async (caller) => (note(caller), 1000),
    assignments: (caller) => once(caller, { type: "complete", appliesTo: "", resultsIn: "1", changes: [] } as const),
    updateTaskStatus: async (caller) => note(caller),
    networksApplied: async (caller) => note(caller),
    attachNetwork: async (caller) => (note(caller), ATTACHED),
    detachNetwork: async (caller) => note(caller),
    bringImage: (caller, { image }) => once(caller, { from: image, sentBytes: 1, totalBytes: 2 ** 40 }),
    logSubscriptions: (caller) =>
      once(caller, { id: "l", close: true, options: { stdout: true, stderr: true, follow: false }, taskIds: [] }),
    async publishLogs(caller, batches) {
      note(caller);
      await drain(batches);
    },
  };
}

const METHODS: Record<keyof AgentService, (manager: ManagerConnection) => Promise<unknown>> = {
  session: (manager) => drain(manager.session(description, signal)),
  describe: (manager) => manager.describe("s", description, signal),
  heartbeat: (manager) => manager.heartbeat("s", signal),
  assignments: (manager) => drain(manager.assignments("s", signal)),
  updateTaskStatus: (manager) => manager.updateTaskStatus("s", [], signal),
  networksApplied: (manager) => manager.networksApplied("s", "1", signal),
  attachNetwork: (manager) => manager.attachNetwork(ATTACH, signal),
  detachNetwork: (manager) => manager.detachNetwork("t", signal),
  bringImage: async (manager) => {
    const progress = await Array.fromAsync(manager.bringImage({ image: "app:1", pullFailed: true }, signal));
    assert.deepEqual(progress, [{ from: "app:1", sentBytes: 1, totalBytes: 2 ** 40 }]);
  },
  logSubscriptions: (manager) => drain(manager.logSubscriptions(signal)),
  publishLogs: (manager) =>
    manager.publishLogs(
      (async function* () {
        yield { subscriptionId: "l", messages: [], ended: [{ taskId: "t" }] };
      })(),
      signal,
    ),
};

describe("who may call what", () => {
  let ours: TestCluster;
  let theirs: TestCluster;
  let server: Identity;

  before(async () => {
    [ours, theirs] = [await createTestCluster(), await createTestCluster()];
    server = await ours.issue("manager", { nodeId: "server" });
  });

  const certificates: CertificateService = {
    rootCertificate: async () => ours.root.certificate,
    issue: async (caller) => ({
      nodeId: caller?.nodeId ?? "new",
      role: "worker",
      chain: server.chain,
      trustRoot: ours.root.certificate,
      clusterId: ours.id,
    }),
  };

  const rows: readonly {
    name: string;
    identity: () => Promise<Identity | undefined>;
    want: ErrorCode | "ok";
    bootstrap: ErrorCode | "ok";
  }[] = [
    { name: "a worker", identity: () => ours.issue("worker"), want: "ok", bootstrap: "ok" },
    { name: "a manager", identity: () => ours.issue("manager"), want: "ok", bootstrap: "ok" },
    { name: "nobody", identity: async () => undefined, want: "unauthenticated", bootstrap: "ok" },
    {
      name: "a node of another root with the same cluster id",
      identity: () => theirs.issue("worker", { trustRoot: ours.root.certificate }),
      want: "unauthenticated",
      bootstrap: "unauthenticated",
    },
    {
      name: "a node of another cluster under our root",
      identity: async () => ({ ...(await ours.issue("worker", { clusterId: "other" })), clusterId: ours.id }),
      want: "unauthenticated",
      bootstrap: "unauthenticated",
    },
    {
      name: "a node whose certificate has expired",
      identity: () => ours.issue("worker", { expiryMs: -1 }),
      want: "unauthenticated",
      bootstrap: "unauthenticated",
    },
    {
      name: "a node that was removed",
      identity: () => ours.issue("worker", { nodeId: "removed" }),
      want: "forbidden",
      bootstrap: "forbidden",
    },
  ];

  for (const { name, identity, want, bootstrap } of rows) {
    test(`${name}: ${want}; for certificates: ${bootstrap}`, async () => {
      const callers: Caller[] = [];
      const options = { agents: recorder(callers), certificates, removed: new Set(["removed"]) };
      await using listening = await openTestServer(server, options);
      const own = await identity();
      const target = { addr: listening.addr, clock: systemClock };
      const anonymous = { ...server, key: undefined, chain: undefined } as unknown as Identity;
      await using manager = connectManager({ ...target, identity: own ?? anonymous });
      for (const [method, call] of Object.entries(METHODS))
        assert.equal(await codeOf(() => call(manager)), want, method);
      assert.equal(callers.length, want === "ok" ? Object.keys(METHODS).length : 0);
      if (want === "ok") {
        for (const caller of callers) {
          assert.deepEqual(caller, { nodeId: own?.nodeId, role: own?.role, addr: "127.0.0.1" });
        }
      }
      const renew = () => renewCertificate(target, own ?? anonymous, { csr: "x" }, signal);
      assert.equal(await codeOf(renew), bootstrap);
    });
  }

  test("a daemon joins: root by digest, then a certificate over a verified connection", async () => {
    await using listening = await openTestServer(server, { certificates });
    const target = { addr: listening.addr, clock: systemClock };
    const token = createJoinToken(ours.root.certificate, seededRandom(1));
    const root = await fetchRootCertificate(target, token, signal);
    assert.equal(root, ours.root.certificate);
    const answer = await requestCertificate(target, root, { csr: "x", token }, signal);
    assert.deepEqual(answer, await certificates.issue(undefined, { csr: "x", token }, signal));
  });

  test("a joining daemon refuses another root than the token's", async () => {
    await using listening = await openTestServer(server, { certificates });
    const target = { addr: listening.addr, clock: systemClock };
    const token = createJoinToken(theirs.root.certificate, seededRandom(1));
    await assert.rejects(fetchRootCertificate(target, token, signal), {
      code: "invalid",
      message: /remote CA does not match fingerprint/,
    });
    const asked = requestCertificate(target, theirs.root.certificate, { csr: "x", token }, signal);
    await assert.rejects(asked, { code: "unauthenticated" });
  });

  const impostors: readonly { name: string; identity: () => Promise<Identity> }[] = [
    { name: "a worker", identity: () => ours.issue("worker") },
    { name: "a manager of another cluster", identity: () => ours.issue("manager", { clusterId: "other" }) },
    { name: "a manager under another root", identity: () => theirs.issue("manager") },
    { name: "a manager with an expired certificate", identity: () => ours.issue("manager", { expiryMs: -1 }) },
  ];
  for (const { name, identity } of impostors) {
    test(`an agent does not talk to ${name}`, async () => {
      const callers: Caller[] = [];
      await using listening = await openTestServer(await identity(), { agents: recorder(callers) });
      const worker = await ours.issue("worker");
      await using manager = connectManager({ addr: listening.addr, identity: worker, clock: systemClock });
      assert.equal(await codeOf(() => manager.heartbeat("s", signal)), "unauthenticated");
      assert.equal(await codeOf(() => drain(manager.session(description, signal))), "unauthenticated");
      assert.deepEqual(callers, []);
    });
  }

  test("codes and messages of errors survive the trip, in calls and in streams", async () => {
    const codes: readonly ErrorCode[] = [
      "invalid",
      "precondition",
      "unauthenticated",
      "forbidden",
      "not_found",
      "exists",
      "sequence",
      "unimplemented",
      "unavailable",
      "internal",
    ];
    for (const code of codes) {
      const error = new FlotillaError(code, `it was ${code}: “ü”`);
      const agents: Partial<AgentService> = {
        heartbeat: () => Promise.reject(error),
        async *assignments() {
          yield { type: "complete", appliesTo: "", resultsIn: "", changes: [] };
          throw error;
        },
      };
      await using listening = await openTestServer(server, { agents });
      const worker = await ours.issue("worker");
      await using manager = connectManager({ addr: listening.addr, identity: worker, clock: systemClock });
      const want = { name: "FlotillaError", code, message: error.message };
      await assert.rejects(manager.heartbeat("s", signal), want);
      await assert.rejects(drain(manager.assignments("s", signal)), want);
    }
  });

  test("what is not an error of ours stays in the manager", async () => {
    const agents: Partial<AgentService> = { heartbeat: () => Promise.reject(new Error("secret")) };
    await using listening = await openTestServer(server, { agents });
    const worker = await ours.issue("worker");
    await using manager = connectManager({ addr: listening.addr, identity: worker, clock: systemClock });
    await assert.rejects(manager.heartbeat("s", signal), {
      code: "internal",
      message: "internal error of the manager",
    });
  });

  test("a malformed description is refused before it reaches the service", async () => {
    const callers: Caller[] = [];
    await using listening = await openTestServer(server, { agents: recorder(callers) });
    const worker = await ours.issue("worker");
    await using manager = connectManager({ addr: listening.addr, identity: worker, clock: systemClock });
    const broken = { ...description, Resources: { NanoCPUs: "many", MemoryBytes: 1 } } as unknown as NodeDescription;
    const want = { code: "invalid", message: "description.Resources.NanoCPUs must be a number" };
    await assert.rejects(manager.describe("s", broken, signal), want);
    await assert.rejects(drain(manager.session(broken, signal)), want);
    assert.deepEqual(callers, []);
  });

  test("a request for a place on a network arrives as it was made, and its answer comes back", async () => {
    const requests: AttachRequest[] = [];
    const agents: Partial<AgentService> = {
      async attachNetwork(_caller, request) {
        requests.push(request);
        return ATTACHED;
      },
    };
    await using listening = await openTestServer(server, { agents });
    const worker = await ours.issue("worker");
    await using manager = connectManager({ addr: listening.addr, identity: worker, clock: systemClock });
    assert.deepEqual(await manager.attachNetwork(ATTACH, signal), ATTACHED);
    const { address: _, ...anywhere } = ATTACH;
    await manager.attachNetwork(anywhere, signal);
    assert.deepEqual(requests, [ATTACH, anywhere]);
  });

  const long = "x".repeat(MAX_NAME_LENGTH + 1);
  const malformed: readonly { readonly name: string; readonly request: AttachRequest }[] = [
    { name: "no network", request: { ...ATTACH, network: "" } },
    { name: "a network's name without end", request: { ...ATTACH, network: long } },
    { name: "a container's name without end", request: { ...ATTACH, containerName: long } },
    { name: "no name of a container", request: { ...ATTACH, containerName: "" } },
    { name: "an alias without end", request: { ...ATTACH, aliases: ["a", long] } },
    { name: "an empty alias", request: { ...ATTACH, aliases: [""] } },
    { name: "aliases without end", request: { ...ATTACH, aliases: Array.from({ length: 10_000 }, () => "a") } },
    { name: "an address without end", request: { ...ATTACH, address: long } },
  ];
  test("a malformed request for a place on a network is refused before it reaches the service", async () => {
    const callers: Caller[] = [];
    await using listening = await openTestServer(server, { agents: recorder(callers) });
    const worker = await ours.issue("worker");
    await using manager = connectManager({ addr: listening.addr, identity: worker, clock: systemClock });
    for (const { name, request } of malformed) {
      assert.equal(await codeOf(() => manager.attachNetwork(request, signal)), "invalid", name);
    }
    assert.deepEqual(callers, []);
  });

  test("nobody listens: unavailable", async () => {
    const worker = await ours.issue("worker");
    await using manager = connectManager({ addr: "127.0.0.1:1", identity: worker, clock: systemClock });
    assert.equal(await codeOf(() => manager.heartbeat("s", signal)), "unavailable");
  });

  test("an identity is replaced at run time: old connections go on, new ones see the new root", async () => {
    const callers: Caller[] = [];
    await using listening = await openTestServer(server, { agents: recorder(callers) });
    const worker = await ours.issue("worker");
    const connect = (identity: Identity) => connectManager({ addr: listening.addr, identity, clock: systemClock });
    await using before = connect(worker);
    await before.heartbeat("s", signal);

    const next = await createRootCA(Date.now());
    const crossSigned = await crossSign(ours.root, next.certificate, Date.now());
    const both = ours.root.certificate + next.certificate;
    const rotating = { signer: next, intermediates: crossSigned, trustRoot: both };
    listening.identity.replace(await ours.issue("manager", { ...rotating, nodeId: "server" }));
    await before.heartbeat("s", signal);
    await using oldRootOnly = connect(worker);
    await oldRootOnly.heartbeat("s", signal);
    await using renewed = connect(await ours.issue("worker", rotating));
    await renewed.heartbeat("s", signal);

    listening.identity.replace(
      await ours.issue("manager", { signer: next, trustRoot: next.certificate, nodeId: "server" }),
    );
    await renewed.heartbeat("s", signal);
    assert.equal(await codeOf(() => before.heartbeat("s", signal)), "unauthenticated");
    assert.equal(await codeOf(() => oldRootOnly.heartbeat("s", signal)), "unauthenticated");
  });
});
