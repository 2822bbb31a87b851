import { errorCode } from "#base/errors.ts";
import { type Cidr, contains, parseIpv4 } from "#base/ipv4.ts";
import type { Logger } from "#base/log.ts";
import type { Host } from "./host.ts";
import type { RuleChange } from "./rules/render.ts";

/** A flow as connection tracking remembers it. */
export interface Flow {
  /** Where the client sends to. */
  readonly destination: string;
  readonly port: number;
  /** Who answers: another than the destination if that was translated. */
  readonly answerer: string;
}

/** @param listing lines of `conntrack -L`: both directions of a flow, the original first. */
export function parseFlows(listing: string): readonly Flow[] {
  return [...listing.matchAll(/ dst=(\S+) sport=\d+ dport=(\d+)\b.*? src=(\S+) /g)].map(
    ([, destination = "", port, answerer = ""]) => ({ destination, port: Number(port), answerer }),
  );
}

/** What decides which flows have to go. */
export interface FlowView {
  readonly subnets: readonly Cidr[];
  readonly isServing: (address: string) => boolean;
  /** Ports that have become the mesh's. */
  readonly published: ReadonlySet<number>;
}

/** Which flows must be forgotten, as arguments of `conntrack -D`. */
export function staleFlows(flows: readonly Flow[], view: FlowView): readonly (readonly string[])[] {
  const isOurs = (address: string) => {
    const number = parseIpv4(address);
    return number !== undefined && view.subnets.some((subnet) => contains(subnet, number));
  };
  const stale = new Map<string, readonly string[]>();
  for (const { destination, port, answerer } of flows) {
    const isTranslated = answerer !== destination;
    if (isTranslated && isOurs(answerer) && !view.isServing(answerer)) stale.set(answerer, ["--reply-src", answerer]);
    if (!isTranslated && view.published.has(port))
      stale.set(`${destination}:${port}`, ["--orig-dst", destination, "--orig-port-dst", String(port)]);
  }
  return [...stale.values()];
}

/** The UDP ports among the published ports that a change of the rules has added. */
export const newUdpPorts = (changes: readonly RuleChange[]): ReadonlySet<number> =>
  new Set(
    changes.flatMap(({ before, after }) => {
      const [protocol, port] =
        after?.name === "published_ports" && before === undefined ? after.element.split(" . ") : [];
      return protocol === "udp" ? [Number(port)] : [];
    }),
  );

/**
 * Flows that do not end by themselves, as arguments of `conntrack`. A client of UDP that never rests would keep its flow
 * for ever: to a container that serves no more, or past the mesh, if it was there before the port was published.
 */
const UDP: readonly string[] = ["-p", "udp"];
/**
 * A host that is lost answers nothing, neither to who begins nor to who gives up: they would try it again and again, and
 * so would, minutes later, whoever opens a connection from the same port. The same goes for a connection that its server
 * has reset, and for one whose last word it was not there to hear: the kernel takes a new one from that port for the old
 * one, and leads it to where nobody is any more.
 */
const UNANSWERED_TCP: readonly (readonly string[])[] = ["SYN_SENT", "FIN_WAIT", "LAST_ACK", "CLOSE"].map((state) => [
  "-p",
  "tcp",
  "--state",
  state,
]);

const NO_PORTS: ReadonlySet<number> = new Set();

/** Makes connection tracking forget flows that lead to where nobody serves any more. */
export class FlowKeeper {
  readonly #host: Host;
  readonly #log: Logger;
  #isAvailable = true;

  constructor(host: Host, log: Logger) {
    this.#host = host;
    this.#log = log;
  }

  /** @param view `published`: ports of UDP. */
  async forgetStale(view: FlowView, signal: AbortSignal): Promise<void> {
    if (!this.#isAvailable) return;
    try {
      await this.#forget(UDP, view, signal);
      for (const which of UNANSWERED_TCP) await this.#forget(which, { ...view, published: NO_PORTS }, signal);
    } catch (err) {
      if (signal.aborted || errorCode(err) !== "not_found") throw err;
      this.#isAvailable = false;
      this.#log.warn({ err }, "clients may go on to ask containers that are gone: install the package conntrack");
    }
  }

  /** The exit code of conntrack says whether there was anything, so it says nothing. */
  async #forget(which: readonly string[], view: FlowView, signal: AbortSignal): Promise<void> {
    const { stdout } = await this.#host.run(["conntrack", "-L", ...which], signal);
    for (const filter of staleFlows(parseFlows(stdout), view))
      await this.#host.run(["conntrack", "-D", ...which, ...filter], signal);
  }
}
