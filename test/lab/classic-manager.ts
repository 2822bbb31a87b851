import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { execute, type Finished, run } from "#lab/command.ts";
import type { EngineSettings } from "#lab/engine.ts";
import type { LabHost } from "#lab/host.ts";
import { labImages, loadImages } from "#lab/images.ts";
import { Lab } from "#lab/lab.ts";
import { Background, type Place } from "./background.ts";
import { eventually, signal } from "./cluster.ts";

/** The launcher of this source tree. */
export const FLOTILLA = fileURLToPath(new URL("../../bin/flotilla", import.meta.url));

/** Where plain engines listen. */
export const ENGINE_PORT = 2375;
export const engineAddr = ({ address }: LabHost): string => `${address}:${ENGINE_PORT}`;

const OPEN: EngineSettings = {
  hosts: ["unix:///var/run/docker.sock", `tcp://0.0.0.0:${ENGINE_PORT}`],
  tls: false,
};

/** Hosts with engines that listen on TCP, and nothing beside them. */
export async function startEngines(name: string, hosts: number, engine: EngineSettings = OPEN): Promise<Lab> {
  await using owned = new AsyncDisposableStack();
  const lab = owned.use(await Lab.start({ name: `${name}${process.pid}`, hosts, engine, temporary: true }, signal));
  await loadImages(lab.hosts, await labImages(signal), signal);
  owned.move();
  return lab;
}

/** A `flotilla manage` in a place, and the `docker` client before it. Disposal kills it. */
export class ClassicManager implements Disposable {
  readonly #directory = mkdtempSync(join(tmpdir(), "flotilla-manage-"));
  readonly #process: Background;

  constructor(place: Place, ...argv: readonly string[]) {
    this.#process = new Background(place, [FLOTILLA, "manage", "-H", this.url, "-l", "debug", ...argv]);
  }

  get url(): string {
    return `unix://${join(this.#directory, "manage.sock")}`;
  }

  docker(...argv: readonly string[]): Promise<Finished> {
    return execute({ argv: ["docker", "--host", this.url, ...argv] }, signal);
  }

  /** The same for a command that has to succeed: what it printed, without the line end. */
  async say(...argv: readonly string[]): Promise<string> {
    return (await run({ argv: ["docker", "--host", this.url, ...argv] }, signal)).trimEnd();
  }

  /** Why a command that must not succeed was refused. */
  async refusal(...argv: readonly string[]): Promise<string> {
    const { code, stderr } = await this.docker(...argv);
    if (code === 0) throw new Error(`docker ${argv.join(" ")} was not refused`);
    return stderr;
  }

  /** What `docker info` says of one kind for each engine, in the order of the engines' names. */
  async rows(key: string): Promise<readonly string[]> {
    return (await this.#status()).filter(([name]) => name === `  └ ${key}`).map(([, value]) => value);
  }

  /** `primary`, or `replica of` the manager that is. */
  async role(): Promise<string> {
    const status = new Map(await this.#status());
    return [status.get("Role"), status.get("Primary")].filter((part) => part !== undefined).join(" of ");
  }

  async #status(): Promise<readonly (readonly [string, string])[]> {
    return JSON.parse(await this.say("info", "--format", "{{json .SystemStatus}}"));
  }

  /** Waits until the engines have these states. */
  async untilEngines(...states: readonly string[]): Promise<void> {
    await eventually(
      `engines that are ${states.join()}`,
      async () => (await this.rows("Status")).join() === states.join(),
    );
  }

  [Symbol.dispose](): void {
    this.#process[Symbol.dispose]();
    rmSync(this.#directory, { recursive: true, force: true });
  }
}
