import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { execute, type Finished, run } from "./command.ts";
import { HostProcess } from "./host-process.ts";
import type { Machine } from "./machine.ts";
import { setCable } from "./network.ts";
import { untilServing } from "./serving.ts";

/** The launcher of this source tree. */
const FLOTILLA = fileURLToPath(new URL("../../bin/flotilla", import.meta.url));

const dockerClient = (socket: string, argv: readonly string[]): readonly string[] => [
  "docker",
  "--host",
  `unix://${socket}`,
  ...argv,
];

/** One host of a lab: a machine with an engine and, when asked, a Flotilla daemon. */
export class LabHost {
  readonly #machine: Machine;
  readonly engine: HostProcess;
  readonly daemon: HostProcess;

  constructor(machine: Machine) {
    this.#machine = machine;
    this.engine = this.process("engine");
    this.daemon = this.process("daemon");
  }

  get name(): string {
    return this.#machine.name;
  }
  /** Its address on the lab's network. */
  get address(): string {
    return this.#machine.address;
  }
  /** Its "disk": seen at the same path inside and outside of the host. */
  get data(): string {
    return this.#machine.paths.data;
  }
  /** The path, outside the host, of the engine's API socket; inside it is /run/docker.sock. */
  get engineSocket(): string {
    return this.#machine.paths.engineSocket;
  }
  /** The path, outside the host, of the Flotilla daemon's API socket; inside it is /run/flotilla.sock. */
  get daemonSocket(): string {
    return this.#machine.paths.daemonSocket;
  }
  get isOn(): boolean {
    return this.#machine.isOn;
  }

  /** A process of this host by a name of the caller's choice, to start or to find again. */
  process(name: string): HostProcess {
    return new HostProcess(this.#machine, name);
  }

  /**
   * The command that runs `argv` inside the host, for what goes on while the caller does other things.
   * @throws FlotillaError `precondition` when the host is off.
   */
  enter(argv: readonly string[]): readonly string[] {
    return this.#machine.enter(argv);
  }

  /** Runs a command inside the host, to its end, whatever its exit code. */
  async exec(argv: readonly string[], signal: AbortSignal): Promise<Finished> {
    return execute({ argv: this.enter(argv) }, signal);
  }

  /** Runs a command inside the host that has to succeed; gives back what it printed. */
  async run(argv: readonly string[], signal: AbortSignal): Promise<string> {
    return run({ argv: this.enter(argv) }, signal);
  }

  /** Runs the `docker` client against the host's engine. */
  docker(argv: readonly string[], signal: AbortSignal): Promise<string> {
    return run({ argv: dockerClient(this.engineSocket, argv) }, signal);
  }

  /** Makes images known to the host's engine, from an archive as `packImages` makes it. */
  async loadImages(archive: Uint8Array, signal: AbortSignal): Promise<void> {
    await run({ argv: dockerClient(this.engineSocket, ["load", "--quiet"]), input: archive }, signal);
  }

  /** Runs the `docker` client against the host's Flotilla daemon. */
  flotilla(argv: readonly string[], signal: AbortSignal): Promise<string> {
    return run({ argv: dockerClient(this.daemonSocket, argv) }, signal);
  }

  /** Starts the engine and waits until it answers. */
  async startEngine(argv: readonly string[], signal: AbortSignal): Promise<void> {
    await this.engine.start(["dockerd", ...argv], signal);
    await untilServing(this.engine, this.engineSocket, signal);
  }

  /**
   * Starts the Flotilla daemon and waits until it answers. It finds the engine, and puts its socket and exec root, where
   * they are by default. Its data root is on the host's disk, other hosts reach it at the host's address, and the
   * machine's own /etc/flotilla is none of its business.
   */
  async startDaemon(argv: readonly string[], signal: AbortSignal): Promise<void> {
    const own = [
      `--config-file=${join(this.#machine.paths.etc, "flotilla.json")}`,
      `--data-root=${join(this.data, "flotilla")}`,
      `--swarm-default-advertise-addr=${this.address}`,
    ];
    await this.daemon.start([FLOTILLA, "daemon", ...own, ...argv], signal);
    await untilServing(this.daemon, this.daemonSocket, signal);
  }

  /** Pulls the network cable. */
  disconnect(signal: AbortSignal): Promise<void> {
    return setCable(this.#machine.lab, this.name, "down", signal);
  }

  reconnect(signal: AbortSignal): Promise<void> {
    return setCable(this.#machine.lab, this.name, "up", signal);
  }

  /** Loses the host: daemon, engine, shims and containers end at once, and the other hosts get no word of it. */
  powerOff(signal: AbortSignal): Promise<void> {
    return this.#machine.powerOff(signal);
  }

  /** Boots the host again; what was running starts with the arguments that it had, as services do. */
  async powerOn(signal: AbortSignal): Promise<void> {
    await this.#machine.boot(signal);
    const services = [
      { process: this.engine, socket: this.engineSocket },
      { process: this.daemon, socket: this.daemonSocket },
    ];
    for (const { process, socket } of services) {
      if (process.argv === undefined) continue;
      await process.restart(signal);
      await untilServing(process, socket, signal);
    }
  }
}
