import { systemClock } from "#base/clock.ts";
import { silentLogger } from "#base/log.ts";
import type { DataPlane } from "#network/data-plane.ts";
import { runOn } from "#network/host-problem.ts";
import { createLinuxDataPlane } from "#network/linux-data-plane.ts";
import type { NameService } from "#network/name-service.ts";
import { bridgeName } from "#network/names.ts";
import { namespaceHost } from "./namespace-host.ts";
import { ip } from "./namespaces.ts";

const never = AbortSignal.any([]);

/** A network of the test's cluster. Subnets are /24; node number N has the address 100 + N. */
export interface StageNetwork {
  readonly id: string;
  readonly vni: number;
  /** The first three bytes of its subnet. */
  readonly base: string;
  readonly internal?: boolean;
  readonly ingress?: boolean;
}

const noNames: NameService = {
  reset: () => undefined,
  change: () => undefined,
  listen: async () => new Map(),
  [Symbol.asyncDispose]: async () => undefined,
};

/** A host of the stage: a network namespace with a data plane, and bridges as the engine makes them. */
export class StageHost {
  readonly number: number;
  readonly namespace: string;
  readonly address: string;
  #plane: DataPlane | undefined;
  #stop: AbortController | undefined;
  #running: Promise<unknown> = Promise.resolve();

  constructor(stage: string, number: number) {
    this.number = number;
    this.namespace = `${stage}-h${number}`;
    this.address = `10.77.0.${number}`;
  }

  get plane(): DataPlane {
    if (this.#plane === undefined) throw new Error(`no data plane runs on ${this.namespace}`);
    return this.#plane;
  }

  get isRunning(): boolean {
    return this.#plane !== undefined;
  }

  /** This host's own address on a network. */
  on(base: string): string {
    return `${base}.${100 + this.number}`;
  }

  /** Starts the daemon's part. */
  start(): void {
    const stop = new AbortController();
    const plane = this.#openPlane();
    this.#plane = plane;
    this.#stop = stop;
    this.#running = plane.run(stop.signal).catch((err: unknown) => {
      if (!stop.signal.aborted) throw err;
    });
  }

  /** Ends it, and leaves what is in the kernel. */
  async stop(): Promise<void> {
    this.#stop?.abort(new Error("the host's data plane stops"));
    await this.#running;
    await this.#plane?.[Symbol.asyncDispose]();
    this.#plane = undefined;
  }

  /** As a daemon does that has no networks any more. */
  async clear(): Promise<void> {
    await this.stop();
    await using plane = this.#openPlane();
    await plane.clear(AbortSignal.timeout(20_000));
  }

  #openPlane(): DataPlane {
    const host = namespaceHost(this.namespace);
    return createLinuxDataPlane({ clock: systemClock, log: silentLogger, host, names: noNames });
  }

  command(...argv: readonly string[]): Promise<string> {
    return runOn(namespaceHost(this.namespace), argv, never);
  }

  /** As an engine does that manages iptables. */
  async addEngineFirewall(): Promise<void> {
    await this.command("iptables", "-P", "FORWARD", "DROP");
    await this.command("iptables", "-N", "DOCKER-USER");
    await this.command("iptables", "-A", "DOCKER-USER", "-j", "RETURN");
    await this.command("iptables", "-A", "FORWARD", "-j", "DOCKER-USER");
    const established = ["-m", "conntrack", "--ctstate", "RELATED,ESTABLISHED"];
    await this.command("iptables", "-A", "FORWARD", ...established, "-j", "ACCEPT");
  }

  addBridgeOf({ vni, base }: StageNetwork): Promise<void> {
    return this.addBridge({ vni, address: this.on(base) });
  }

  /** As the engine does: the bridge of a network with this host's address, and the engine's own firewall rules for it. */
  async addBridge({ vni, address }: { readonly vni: number; readonly address: string }): Promise<void> {
    const bridge = bridgeName(vni);
    await ip(
      this.namespace,
      `link add ${bridge} type bridge`,
      `addr add ${address}/24 dev ${bridge}`,
      `link set ${bridge} up`,
    );
    await this.command("iptables", "-A", "FORWARD", "-i", bridge, "!", "-o", bridge, "-j", "ACCEPT");
    await this.command("iptables", "-A", "FORWARD", "-i", bridge, "-o", bridge, "-j", "ACCEPT");
  }
}
