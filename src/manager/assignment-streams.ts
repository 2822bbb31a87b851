import type { Clock } from "#base/clock.ts";
import type { Logger } from "#base/log.ts";
import type { NodeId } from "#model/ids.ts";
import type { Revision } from "#model/objects.ts";
import type { View } from "#model/view.ts";
import type { Commit } from "#store/store.ts";
import type { AssignmentChange, AssignmentMessage } from "#wire/protocol.ts";
import { NodeAssignments } from "./assignments.ts";
import { empty, type Mailboxes } from "./mailboxes.ts";
import { NetworkDirectory } from "./network-directory.ts";
import { Touched } from "./touched.ts";
import { Withdrawals } from "./withdrawals.ts";

/** The shortest time between two messages to a node about its networks: each has it look at its kernel. */
const NETWORK_GAP_MS = 20;

interface Deps {
  readonly clock: Clock;
  readonly log: Logger;
  readonly view: View;
  readonly mailboxes: Mailboxes;
  readonly isConnected: (nodeId: NodeId) => boolean;
  /** This manager's node. */
  readonly nodeId: NodeId;
  /** See `Withdrawals`. */
  readonly publish: (withdrawnUpTo: Revision) => void;
}

/** Tells each connected node what it should run, and who else is on its networks. */
export class AssignmentStreams {
  readonly #deps: Deps;
  readonly #directory: NetworkDirectory;
  readonly #withdrawals: Withdrawals;

  constructor(deps: Deps) {
    this.#deps = deps;
    this.#directory = new NetworkDirectory(deps.view);
    this.#withdrawals = new Withdrawals({ ...deps, directory: this.#directory });
  }

  /** See `LiveManager`. */
  get withdrawnUpTo(): Revision {
    return this.#withdrawals.withdrawnUpTo;
  }

  async run(signal: AbortSignal): Promise<void> {
    await this.#withdrawals.run(signal);
  }

  /** Must be told of every commit. */
  route({ revision, changes }: Commit): void {
    const { view, mailboxes } = this.#deps;
    const touched = new Touched(view);
    for (const change of changes) {
      touched.add(change);
      this.#withdrawals.route(change);
    }
    for (const [key, networks] of touched.services) this.#directory.touchService(key, networks);
    for (const id of touched.networks) this.#directory.touchNetwork(id);
    mailboxes.deliverTouched(touched, view);
    this.#withdrawals.routed(revision);
  }

  /** All that the node should have, then differences, until `signal` aborts. */
  async *open(nodeId: NodeId, signal: AbortSignal): AsyncGenerator<AssignmentMessage> {
    const { view, clock, mailboxes } = this.#deps;
    const mailbox = mailboxes.of(nodeId);
    empty(mailbox);
    using stream = this.#withdrawals.open(nodeId, signal);
    const assigned = new NodeAssignments(nodeId, {
      directory: this.#directory,
      holds: (task) => this.#withdrawals.holds(task),
    });
    const everything = assigned.complete(view);
    let sequence = 1;
    this.#withdrawals.tell(stream, {
      sequence,
      mustBeConfirmed: everything.some(isOfNetworks),
      withdrawals: new Set(),
    });
    yield { type: "complete", appliesTo: "", resultsIn: String(sequence), changes: everything };
    for (let networksAt = Number.NEGATIVE_INFINITY; ; ) {
      await mailbox.assignments.wait(clock, undefined, signal);
      const restMs = Math.min(networksAt + NETWORK_GAP_MS - clock.now(), NETWORK_GAP_MS);
      if (restMs > 0) await clock.sleep(restMs, signal);
      const mail = empty(mailbox);
      const changes = assigned.next(view, mail);
      const mustBeConfirmed = changes.some(isOfNetworks);
      if (mustBeConfirmed) networksAt = clock.now();
      const appliesTo = String(sequence);
      if (changes.length > 0) sequence++;
      this.#withdrawals.tell(stream, { sequence, mustBeConfirmed, withdrawals: mail.withdrawals });
      if (changes.length > 0) yield { type: "incremental", appliesTo, resultsIn: String(sequence), changes };
    }
  }

  /** The node works as its assignments up to `resultsIn` want. @throws FlotillaError `invalid` when it was not sent them. */
  confirm(nodeId: NodeId, resultsIn: string): void {
    this.#withdrawals.confirm(nodeId, resultsIn);
  }
}

/** Whether the change is of a kind that the node has to work into its kernel. */
function isOfNetworks(change: AssignmentChange): boolean {
  const kind = change.type === "update" ? change.object.kind : change.kind;
  return kind === "node-network" || kind === "node-service";
}
