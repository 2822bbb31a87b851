import { type Duplex, Readable, type Writable } from "node:stream";
import { setTimeout } from "node:timers/promises";
import { FlotillaError } from "#base/errors.ts";
import { callApi, readReply, refusalOf, upgradeApi } from "./api-client.ts";
import { defaultApiHost } from "./api-host.ts";
import { demultiplex, write } from "./multiplexed.ts";

/** What is run where nothing is named. */
const SHELL = ["sh"];
/** The exit code of a program whose output nobody reads any more: that of SIGPIPE. */
const NOT_HEARD = 141;
/** A program that has just begun may not have its terminal or its end noted yet, so the engine is asked again. */
const AGAIN = { times: 20, everyMs: 50 } as const;

export interface ExecFlags {
  readonly host?: string;
  /** Whether the program gets a terminal, if there is one. */
  readonly tty: boolean;
  readonly user?: string;
  readonly workdir?: string;
  readonly env?: readonly string[];
  readonly privileged?: boolean;
}

/** Where the program's input comes from, and where its output goes: a process. */
export interface Terminal {
  readonly stdin: Readable & { readonly isTTY?: boolean; setRawMode?(isRaw: boolean): unknown };
  readonly stdout: Writable & { readonly isTTY?: boolean; readonly rows?: number; readonly columns?: number };
  readonly stderr: Writable;
}

/**
 * Runs a program in the container of a task (`web.3`) or in any other, wherever it is, and passes on what it reads and
 * writes; with a terminal if this process has one.
 * @returns the program's exit code.
 * @throws FlotillaError with the daemon's message; `unavailable` when the connection is lost.
 */
export async function execInTask(
  task: string,
  command: readonly string[],
  flags: ExecFlags,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<number> {
  const host = flags.host ?? (await defaultApiHost(signal));
  const ask = async (method: string, path: string, body?: unknown) => {
    const headers = { "Content-Type": "application/json" };
    const sent = body === undefined ? {} : { headers, body: Readable.from([JSON.stringify(body)]) };
    const reply = await readReply(await callApi(host, { method, path, ...sent }, signal));
    if (reply.status >= 300) throw refusalOf(reply, host, reply.status === 404 ? "not_found" : "unavailable");
    return (reply.body ?? {}) as Readonly<Record<string, unknown>>;
  };
  const Tty = flags.tty && terminal.stdin.isTTY === true && terminal.stdout.isTTY === true;
  const { Id } = await ask("POST", `/containers/${encodeURIComponent(task)}/exec`, {
    AttachStdin: true,
    AttachStdout: true,
    AttachStderr: true,
    Tty,
    Cmd: command.length > 0 ? command : SHELL,
    ...(flags.user && { User: flags.user }),
    ...(flags.workdir && { WorkingDir: flags.workdir }),
    ...(flags.env && { Env: flags.env }),
    ...(flags.privileged && { Privileged: true }),
  });
  const path = `/exec/${String(Id)}`;
  const connection = await upgradeApi(host, { path: `${path}/start`, body: { Detach: false, Tty } }, signal);
  let isHeard = true;
  terminal.stdout.on("error", () => {
    isHeard = false;
    connection.destroy();
  });
  try {
    if (Tty) await joinTerminal(connection, terminal, (size) => ask("POST", `${path}/resize?${size}`));
    else await joinPipes(connection, terminal);
  } catch {
    // What broke off has no exit code, and the daemon says why.
  } finally {
    connection.destroy();
    terminal.stdin.destroy();
  }
  return isHeard ? await exitCode(() => ask("GET", `${path}/json`), task) : NOT_HEARD;
}

async function joinPipes(connection: Duplex, { stdin, stdout, stderr }: Terminal): Promise<void> {
  stdin.pipe(connection);
  await demultiplex(connection, stdout, stderr);
}

async function joinTerminal(
  connection: Duplex,
  { stdin, stdout }: Terminal,
  resize: (size: string) => Promise<unknown>,
): Promise<void> {
  // A program that ends meanwhile, or has no terminal yet, is told again or not at all.
  const onResize = () => void again(() => resize(`h=${stdout.rows}&w=${stdout.columns}`)).catch(() => undefined);
  stdin.setRawMode?.(true);
  stdout.on("resize", onResize);
  onResize();
  try {
    stdin.pipe(connection);
    for await (const chunk of connection) await write(stdout, chunk);
  } finally {
    stdout.off("resize", onResize);
    stdin.setRawMode?.(false);
  }
}

/** The exit code, as soon as the engine has noted it. @throws FlotillaError `unavailable` for what has not ended. */
async function exitCode(inspect: () => Promise<Readonly<Record<string, unknown>>>, task: string): Promise<number> {
  for (let tries = 0; tries < AGAIN.times; tries++) {
    const { ExitCode, Running } = await inspect();
    if (typeof ExitCode === "number" && Running === false) return ExitCode;
    await setTimeout(AGAIN.everyMs);
  }
  throw new FlotillaError("unavailable", `the connection to ${task} was lost: what was started may still run there`);
}

/** Tries until it succeeds, a few times. */
async function again(work: () => Promise<unknown>): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      await work();
      return;
    } catch (err) {
      if (tries === AGAIN.times) throw err;
      await setTimeout(AGAIN.everyMs);
    }
  }
}
