import { aborted, LinkedAbort } from "#base/abort.ts";
import { FlotillaError } from "#base/errors.ts";
import { Fanout } from "#base/fanout.ts";
import type { TaskId } from "#model/ids.ts";
import type { NetworkObject } from "#model/node-network.ts";
import type { Secret, Task, TaskStatus } from "#model/objects.ts";
import type { NodeDescription } from "#model/spec.ts";
import type {
  AssignmentChange,
  AssignmentMessage,
  AttachedNetwork,
  AttachRequest,
  LogBatch,
  LogSubscription,
  ManagerConnection,
  SessionMessage,
  StatusUpdate,
} from "#wire/protocol.ts";

const BEAT_MS = 1_000;

type Assigned = Task | Secret | NetworkObject;

/** A manager in memory, as one agent sees it: what the test assigns, and what the agent says. */
export class ManagerDouble {
  readonly addr: string;
  /** Statuses as they came, and the newest of each task. */
  readonly reports: StatusUpdate[] = [];
  readonly latest = new Map<TaskId, TaskStatus>();
  readonly batches: LogBatch[] = [];
  readonly descriptions: NodeDescription[] = [];
  /** Whether beats stay without an answer. */
  hangs = false;
  /** Log streams that are open. */
  publishing = 0;
  beats = 0;
  sessions = 0;
  updateCalls = 0;
  /** Thrown by every registration while set. */
  refusal: FlotillaError | undefined;
  /** Thrown by the next status reports, one each. */
  readonly reportErrors: FlotillaError[] = [];
  /** What the agent said to be in force. */
  readonly applied: string[] = [];
  readonly detached: TaskId[] = [];
  /** What attachments are answered. */
  attach: (request: AttachRequest) => Promise<AttachedNetwork> = async () => {
    throw new FlotillaError("not_found", "there is no such network");
  };
  /** Brings images. */
  bring: ManagerConnection["bringImage"] = () => ({
    [Symbol.asyncIterator]: () => ({
      next: () => Promise.reject(new FlotillaError("not_found", "no other host has it")),
    }),
  });
  managers: SessionMessage["managers"];
  #objects: Assigned[] = [];
  #sequence = 0;
  #session = new AbortController();
  #assignments = new Fanout<AssignmentMessage>(1_000);
  #logs = new Fanout<LogSubscription>(1_000);

  constructor(addr: string) {
    this.addr = addr;
    this.managers = [{ nodeId: "manager", addr, live: true }];
  }

  states(taskId: TaskId): string[] {
    return this.reports.filter((report) => report.taskId === taskId).map(({ status }) => status.state);
  }

  put(...objects: readonly Assigned[]): void {
    const ids = new Set(objects.map(({ id }) => id));
    this.#objects = [...this.#objects.filter(({ id }) => !ids.has(id)), ...objects];
    this.#send(objects.map((object) => ({ type: "update", object })));
  }

  remove(...objects: readonly Assigned[]): void {
    const ids = new Set(objects.map(({ id }) => id));
    this.#objects = this.#objects.filter(({ id }) => !ids.has(id));
    this.#send(objects.map(({ kind, id }) => ({ type: "remove", kind, id })));
  }

  /** The newest word about assignments. */
  get sequence(): string {
    return String(this.#sequence);
  }

  /** Changes what is assigned without telling: a message got lost. */
  putSilently(object: Task): void {
    this.#objects.push(object);
    this.#sequence++;
  }

  subscribe(subscription: LogSubscription): void {
    this.#logs.publish(subscription);
  }

  /** Ends the session there is. */
  drop(reason: unknown): void {
    this.#session.abort(reason);
    this.#session = new AbortController();
  }

  connect(): ManagerConnection & AsyncDisposable {
    return {
      session: (description, signal) => this.#register(description, signal),
      describe: async (_, description) => {
        this.descriptions.push(description);
      },
      heartbeat: async (_, signal) => {
        this.beats++;
        if (this.hangs) await aborted(signal);
        signal.throwIfAborted();
        return BEAT_MS;
      },
      assignments: (_, signal) => this.#assign(signal),
      updateTaskStatus: async (_, updates) => this.#take(updates),
      networksApplied: async (_, resultsIn) => {
        this.applied.push(resultsIn);
      },
      attachNetwork: (request) => this.attach(request),
      detachNetwork: async (taskId) => {
        this.detached.push(taskId);
      },
      bringImage: (request, signal) => this.bring(request, signal),
      logSubscriptions: (signal) => this.#logs.subscribe(signal),
      publishLogs: async (batches) => {
        this.publishing++;
        for await (const batch of batches) this.batches.push(batch);
        this.publishing--;
      },
      [Symbol.asyncDispose]: async () => undefined,
    };
  }

  async *#register(description: NodeDescription, signal: AbortSignal): AsyncIterable<SessionMessage> {
    if (this.refusal) throw this.refusal;
    this.sessions++;
    this.descriptions.push(description);
    using session = new LinkedAbort(signal);
    const { signal: dropped } = this.#session;
    dropped.addEventListener("abort", () => session.abort(dropped.reason), { once: true });
    yield {
      sessionId: `session-${this.sessions}`,
      node: { id: "n1", spec: { Labels: {}, Role: "worker", Availability: "active" }, role: "worker" },
      managers: this.managers,
      trustRoot: "",
      renewCertificate: false,
    };
    await aborted(session.signal);
    throw session.signal.reason;
  }

  async *#assign(signal: AbortSignal): AsyncIterable<AssignmentMessage> {
    const live = this.#assignments.subscribe(signal);
    const changes = this.#objects.map((object): AssignmentChange => ({ type: "update", object }));
    yield { type: "complete", appliesTo: "", resultsIn: String(this.#sequence), changes };
    yield* live;
  }

  #send(changes: readonly AssignmentChange[]): void {
    const appliesTo = String(this.#sequence);
    const resultsIn = String(++this.#sequence);
    this.#assignments.publish({ type: "incremental", appliesTo, resultsIn, changes });
  }

  #take(updates: readonly StatusUpdate[]): void {
    this.updateCalls++;
    const error = this.reportErrors.shift();
    if (error) throw error;
    this.reports.push(...updates);
    for (const { taskId, status } of updates) this.latest.set(taskId, status);
  }
}
