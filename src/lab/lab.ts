import { mkdirSync } from "node:fs";
import { FlotillaError, invariant } from "#base/errors.ts";
import { identify } from "#base/process-identity.ts";
import { execute, type Finished, run } from "./command.ts";
import { type LabDefinition, listLabs, loadDefinition, saveDefinition } from "./definition.ts";
import { chooseStorageDriver, type EngineSettings, engineSettings, writeEtc } from "./engine.ts";
import { LabHost } from "./host.ts";
import { Machine } from "./machine.ts";
import { createLabNetwork, labNamespace, listNamespaces, namespacePath } from "./network.ts";
import { labPaths } from "./paths.ts";
import { addressOf, DEFAULT_SUBNET } from "./subnet.ts";
import { down } from "./teardown.ts";

/** The lab that `flotilla up` makes. */
export const DEFAULT_LAB = "flotilla";

export interface LabOptions {
  /** At most 20 of a-z and 0-9, a letter first. Default: `flotilla`. */
  readonly name?: string;
  /** How many hosts, h1 to hN. Default: 3. */
  readonly hosts?: number;
  /** A /24 for the hosts. Default: 10.77.0.0/24, in every lab: labs do not see each other. */
  readonly subnet?: string;
  /** More settings for each engine's daemon.json, such as `{ "live-restore": true }`. */
  readonly engine?: EngineSettings;
  /** The lab is for this process only: `downAbandoned` removes it once the process is gone. Default: false. */
  readonly temporary?: boolean;
}

/**
 * Real Docker hosts on one machine, on a network of their own that nothing can leave. A lab goes on when the process
 * that started it ends; one bound with `await using` is taken down at the end of its scope.
 */
export class Lab implements AsyncDisposable {
  readonly name: string;
  readonly subnet: string;
  readonly hosts: readonly LabHost[];

  private constructor(definition: LabDefinition, machines: readonly Machine[]) {
    this.name = definition.name;
    this.subnet = definition.subnet;
    this.hosts = machines.map((machine) => new LabHost(machine));
  }

  /**
   * Makes a lab with a running engine on every host. What was made is taken down again when that fails.
   * @throws FlotillaError `exists` when there is such a lab, or remains of one.
   */
  static async start(options: LabOptions, signal: AbortSignal): Promise<Lab> {
    const definition = define(options);
    const { name } = definition;
    if (listLabs().includes(name) || listNamespaces(name).length > 0)
      throw new FlotillaError("exists", `there is a lab ${name} already, or what is left of one: take it down first`);
    try {
      return await Lab.#make(definition, options.engine ?? {}, signal);
    } catch (err) {
      await down(name, new AbortController().signal);
      throw err;
    }
  }

  static async #make(definition: LabDefinition, engine: EngineSettings, signal: AbortSignal): Promise<Lab> {
    const { name, subnet } = definition;
    await saveDefinition(definition);
    mkdirSync(labPaths(name).data, { recursive: true, mode: 0o700 });
    const storageDriver = await chooseStorageDriver(name, signal);
    await createLabNetwork(definition, signal);
    const machines = machinesOf(definition);
    for (const machine of machines)
      writeEtc(machine, machines, engineSettings(machine, { subnet, storageDriver }, engine));
    const lab = new Lab(definition, machines);
    await settleAll(machines.map((machine) => machine.boot(signal)));
    await settleAll(lab.hosts.map((host) => host.startEngine([], signal)));
    return lab;
  }

  /**
   * Finds a lab that was started earlier.
   * @throws FlotillaError `not_found`
   */
  static open(name: string): Lab {
    const definition = loadDefinition(name);
    return new Lab(definition, machinesOf(definition));
  }

  /** The host named `h1`, `h2`, … */
  host(name: string): LabHost {
    const found = this.hosts.find((host) => host.name === name);
    if (found === undefined) throw new FlotillaError("not_found", `lab ${this.name} has no host ${name}`);
    return found;
  }

  /** Runs a command on the lab's network as a client that is none of the hosts (address .254), whatever its exit code. */
  exec(argv: readonly string[], signal: AbortSignal): Promise<Finished> {
    return execute({ argv: this.enter(argv) }, signal);
  }

  /** As `exec`, for a command that has to succeed; gives back what it printed. */
  run(argv: readonly string[], signal: AbortSignal): Promise<string> {
    return run({ argv: this.enter(argv) }, signal);
  }

  /** The command that runs `argv` as that client, for what goes on while the caller does other things. */
  enter(argv: readonly string[]): readonly string[] {
    return ["nsenter", `--net=${namespacePath(labNamespace(this.name))}`, "--", ...argv];
  }

  /** Takes the lab down: nothing of it is left. */
  async [Symbol.asyncDispose](): Promise<void> {
    await down(this.name, new AbortController().signal);
  }
}

function define(options: LabOptions): LabDefinition {
  const { name = DEFAULT_LAB, hosts = 3, subnet = DEFAULT_SUBNET, temporary = false } = options;
  addressOf(subnet, hosts); // throws when the subnet is no /24, or too small
  const definition = { name, hosts, subnet };
  if (!temporary) return definition;
  const owner = identify(process.pid);
  invariant(owner !== undefined, "a process that runs is in /proc");
  return { ...definition, owner };
}

const machinesOf = ({ name, subnet, hosts }: LabDefinition): readonly Machine[] =>
  Array.from({ length: hosts }, (_, i) => new Machine(name, `h${i + 1}`, addressOf(subnet, i + 1)));

/** Waits for all, also when one fails, so that a teardown does not race with what is still being made. */
async function settleAll(jobs: readonly Promise<void>[]): Promise<void> {
  await Promise.allSettled(jobs);
  await Promise.all(jobs);
}
