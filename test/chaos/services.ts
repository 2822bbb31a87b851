import { systemClock } from "#base/clock.ts";
import { type Random, randomInt } from "#base/random.ts";
import type { LabHost } from "#lab/host.ts";
import { call, describe, messageOf, type Outcome, outcomeOf, type Reply } from "./api.ts";
import type { History } from "./history.ts";
import type { RegisterCall } from "./linearizability.ts";
import { pick } from "./pick.ts";

/** The value of a service that does not exist. */
export const ABSENT = "absent";
/** Services that a client has at most. */
const SERVICES_PER_CLIENT = 3;
const MOST_REPLICAS = 3;
/** The overlay network that some of the services are on. */
export const NETWORK = "chaosnet";

export interface ServiceJson {
  readonly ID: string;
  readonly Version: { readonly Index: number };
  readonly Spec: ServiceSpec;
}

interface ServiceSpec {
  readonly Name: string;
  readonly Labels: Readonly<Record<string, string>>;
  readonly [other: string]: unknown;
}

/**
 * Creates, updates, scales and removes services of its own at managers of its choice until `signal` aborts. Each service
 * is a register: its value is a label, or that it is absent.
 */
export class ServiceClient {
  readonly #name: string;
  readonly #managers: readonly LabHost[];
  readonly #history: History;
  readonly #random: Random;
  #count = 0;

  constructor(name: string, managers: readonly LabHost[], history: History, random: Random) {
    this.#name = name;
    this.#managers = managers;
    this.#history = history;
    this.#random = random;
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const service = `${this.#name}-${randomInt(this.#random, 0, SERVICES_PER_CLIENT)}`;
      await this.#useOne(service);
      await systemClock.sleep(randomInt(this.#random, 50, 1_000), signal).catch(() => undefined);
    }
  }

  /** One more read of every service at every manager. */
  async readAll(): Promise<void> {
    for (const host of this.#managers) {
      for (let index = 0; index < SERVICES_PER_CLIENT; index++) await this.#read(`${this.#name}-${index}`, host);
    }
  }

  async #useOne(service: string): Promise<void> {
    const found = await this.#read(service, pick(this.#random, this.#managers));
    if (found === undefined) return;
    const value = `${this.#name}.${++this.#count}`;
    if (found === ABSENT) {
      const body = this.#spec(service, value);
      await this.#write(service, { type: "exchange", from: ABSENT, to: value }, (host) =>
        call(host, "POST", "/services/create", body),
      );
    } else if (this.#random.next() < 0.2) {
      // A removal names no version: whatever is there goes.
      await this.#write(service, { type: "write", value: ABSENT }, (host) =>
        call(host, "DELETE", `/services/${found.ID}`),
      );
    } else {
      const body = this.#spec(service, value);
      const from = valueOf(found);
      const path = `/services/${found.ID}/update?version=${found.Version.Index}`;
      await this.#write(service, { type: "exchange", from, to: value }, (host) => call(host, "POST", path, body));
    }
  }

  async #read(service: string, host: LabHost): Promise<ServiceJson | typeof ABSENT | undefined> {
    let found: ServiceJson | typeof ABSENT | undefined;
    await this.#history.read(service, `${this.#name}@${host.name}`, async () => {
      const reply = await call(host, "GET", `/services/${service}`);
      if (reply.type !== "answer" || ![200, 404].includes(reply.status)) return undefined;
      if (this.#history.noteOld(reply.mayBeOld)) return undefined;
      found = reply.status === 404 ? ABSENT : (reply.body as ServiceJson);
      return found === ABSENT ? ABSENT : valueOf(found);
    });
    return found;
  }

  async #write(service: string, what: RegisterCall["call"], send: (host: LabHost) => Promise<Reply>): Promise<Outcome> {
    const host = pick(this.#random, this.#managers);
    return this.#history.write(service, `${this.#name}@${host.name}`, what, async () => {
      const reply = await send(host);
      const outcome = outcomeOf(reply);
      if (outcome === "unknown") this.#history.noteReason(messageOf(reply) || describe(reply));
      // Somebody's removal came first: that is what was wanted.
      return what.type === "write" && reply.type === "answer" && reply.status === 404 ? "refused" : outcome;
    });
  }

  #spec(service: string, value: string): ServiceSpec {
    const random = this.#random;
    const onNetwork = random.next() < 0.4;
    const isPublished = random.next() < 0.3;
    return {
      Name: service,
      Labels: { value },
      TaskTemplate: {
        ContainerSpec: { Image: random.next() < 0.5 ? "flotilla/demo:1" : "flotilla/demo:2", StopGracePeriod: 1e9 },
        RestartPolicy: { Condition: "any", Delay: 1e9 },
        ...(onNetwork && { Networks: [{ Target: NETWORK }] }),
      },
      Mode: { Replicated: { Replicas: randomInt(random, 1, MOST_REPLICAS + 1) } },
      UpdateConfig: { Parallelism: 0, Monitor: 1e8, FailureAction: "continue" },
      ...(isPublished && { EndpointSpec: { Mode: "vip", Ports: [{ Protocol: "tcp", TargetPort: 80 }] } }),
    };
  }
}

const valueOf = (service: ServiceJson): string => service.Spec.Labels["value"] ?? "none";
