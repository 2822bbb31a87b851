import { Command } from "commander";
import { errorMessage } from "#base/errors.ts";
import { addClassicCommands } from "./classic/commands.ts";
import { addDaemonOptions, DEFAULT_SOCKET, readDaemonOptions } from "./daemon-options.ts";
import type { ExecFlags } from "./exec.ts";
import type { RestoreFlags } from "./restore.ts";
import { productVersion } from "./version.ts";

/** Runs one command of the command line, and sets the exit code. `onLoaded` is called when all code is there. */
export async function runCommandLine(argv: readonly string[], onLoaded: () => void): Promise<void> {
  try {
    await createProgram(onLoaded).parseAsync([...argv]);
  } catch (err) {
    process.stderr.write(`flotilla: ${errorMessage(err)}\n`);
    if (err instanceof Error && err.cause !== undefined) process.stderr.write(`  ${errorMessage(err.cause)}\n`);
    process.exitCode = 1;
  }
}

/** For an option that may be given several times. */
const collect = (one: string, others: readonly string[] | undefined): readonly string[] => [...(others ?? []), one];

/** Each command's code is loaded when it is asked for: a daemon is always the larger part of it. */
function createProgram(onLoaded: () => void): Command {
  const program = new Command("flotilla")
    .description("Turns a group of Docker hosts into one Docker host")
    .version(productVersion(), "-v, --version")
    .enablePositionalOptions()
    .showHelpAfterError();
  addDaemonOptions(program.command("daemon").description("run beside this host's Docker Engine")).action(
    async (flags) => {
      const { runDaemon } = await import("./daemon.ts");
      await runDaemon(readDaemonOptions(flags), onLoaded);
    },
  );
  addClassicCommands(program);
  program.command("compile", { hidden: true }).action(async () => {
    await import("./compile.ts");
    onLoaded();
  });
  program
    .command("up")
    .description("make a cluster of Docker hosts on this machine and run the demo service on it")
    .option("--hosts <n>", "how many hosts", "3")
    .option("--bare", "start the daemons, and leave the swarm to you")
    .action(async (flags: { hosts: string; bare?: boolean }) => {
      const { up } = await import("./up.ts");
      await up({ hosts: Number(flags.hosts), bare: flags.bare === true });
    });
  program
    .command("down")
    .description("take down what `up` made")
    .action(async () => {
      const { takeDown } = await import("./down.ts");
      await takeDown();
    });
  program
    .command("why <name>")
    .description("say why a service, task or node is as it is, and what to do")
    .option("-H, --host <url>", "a manager's Engine API (default: DOCKER_HOST, this host's daemon, docker's context)")
    .option("--json", "print it as JSON")
    .action(async (name: string, flags: { host?: string; json?: boolean }) => {
      const { printWhy } = await import("./why.ts");
      await printWhy(name, { host: flags.host, json: flags.json === true });
    });
  program
    .command("exec <task> [command...]")
    .description("run a command (default: sh) in a task's container, such as web.3, or in any other, wherever it is")
    .passThroughOptions()
    .option("-H, --host <url>", "a manager's Engine API (default: DOCKER_HOST, this host's daemon, docker's context)")
    .option("-T, --no-tty", "give it no terminal")
    .option("-u, --user <user>", "as whom to run it: name or number, with a group after a colon")
    .option("-w, --workdir <path>", "where to run it")
    .option("-e, --env <name=value>", "set an environment variable", collect)
    .option("--privileged", "give it all privileges")
    .action(async (task: string, command: string[], flags: ExecFlags) => {
      const { execInTask } = await import("./exec.ts");
      process.exitCode = await execInTask(task, command, flags, process, new AbortController().signal);
    });
  program
    .command("backup <file>")
    .description("write the cluster's state, with the keys that open it, to a file")
    .option("-H, --host <url>", "a manager's Engine API (default: DOCKER_HOST, this host's daemon, docker's context)")
    .action(async (file: string, flags: { host?: string }) => {
      const { backUp } = await import("./backup.ts");
      await backUp(file, flags);
    });
  program
    .command("restore <file>")
    .description("make this host, which is in no swarm, the only manager of the cluster in a backup")
    .option("-H, --host <url>", `this host's daemon (default ${DEFAULT_SOCKET})`, DEFAULT_SOCKET)
    .option("--advertise-addr <address>", "as of docker swarm init")
    .option("--listen-addr <address>", "as of docker swarm init")
    .option("--data-path-addr <address>", "as of docker swarm init")
    .option("--unlock-key-file <path>", "the unlock key, if autolock was on; - for standard input")
    .action(async (file: string, flags: RestoreFlags) => {
      const { restore } = await import("./restore.ts");
      await restore(file, flags);
    });
  program
    .command("reconnect <address>")
    .description("tell this worker's daemon where a manager of its cluster is now, when none that it knows is left")
    .option("-H, --host <url>", `this host's daemon (default ${DEFAULT_SOCKET})`, DEFAULT_SOCKET)
    .action(async (address: string, flags: { host: string }) => {
      const { reconnect } = await import("./reconnect.ts");
      await reconnect(address, flags.host);
    });
  program
    .command("doctor")
    .description("check whether this host can be a node, and say what to do; exits with 1 if something is wrong")
    .option("-H, --host <url>", `this host's daemon, if it runs (default ${DEFAULT_SOCKET})`)
    .option("--engine <url>", "the Docker Engine of this host", "unix:///var/run/docker.sock")
    .option("--json", "print it as JSON")
    .action(async (flags: { host?: string; engine: string; json?: boolean }) => {
      const { runDoctor } = await import("./doctor/doctor.ts");
      await runDoctor({ host: flags.host, engine: flags.engine, json: flags.json === true });
    });
  return program;
}
