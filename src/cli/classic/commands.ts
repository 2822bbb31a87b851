import { randomBytes } from "node:crypto";
import { type Command, Option } from "commander";
import { LOG_LEVELS } from "#cli/directive-problem.ts";
import { discoveryOf, discoveryOptions, timeOption } from "./arguments.ts";
import { addJoinOptions, type JoinFlags, readJoinOptions } from "./join-options.ts";
import { addManageOptions, type ManageFlags, readManageOptions } from "./manage-options.ts";

/** As long as the tokens of Docker's service were, in bytes. */
const TOKEN_BYTES = 16;

const DISCOVERY = "nodes://HOST:PORT,…, file:///PATH, token:///SHARED/TOKEN or etcd://HOST:PORT,… (SWARM_DISCOVERY)";

const logLevel = () =>
  new Option("-l, --log-level <level>", "least serious level to log").choices(LOG_LEVELS).default("info");

/** Adds the commands of classic Swarm, with the short names that they have there. */
export function addClassicCommands(program: Command): void {
  addManageOptions(
    program.command("manage").alias("m").description("make one Docker host of plain engines, without agents"),
  )
    .argument("[discovery]", DISCOVERY)
    .addOption(logLevel())
    .action(async (argument: string | undefined, flags: ManageFlags & { logLevel: string }) => {
      const options = readManageOptions(argument, flags, process.env);
      const { runManage } = await import("./manage.ts");
      await runManage(options, flags.logLevel);
    });
  addJoinOptions(program.command("join").alias("j").description("tell managers of plain engines about this host's"))
    .argument("[discovery]", DISCOVERY)
    .addOption(logLevel())
    .action(async (argument: string | undefined, flags: JoinFlags & { logLevel: string }) => {
      const options = readJoinOptions(argument, flags, process.env);
      const { runJoin } = await import("./join.ts");
      await runJoin(options, flags.logLevel);
    });
  program
    .command("list")
    .alias("l")
    .description("list the addresses of plain engines that managers will find")
    .argument("[discovery]", DISCOVERY)
    .addOption(timeOption("--timeout <time>", "how long to wait for them", "10s"))
    .addOption(discoveryOptions())
    .action(
      async (argument: string | undefined, flags: { timeout: number; discoveryOpt: ReadonlyMap<string, string> }) => {
        const uri = discoveryOf(argument, process.env, "list a cluster");
        const { listEngines } = await import("./list.ts");
        await listEngines(uri, flags.discoveryOpt, flags.timeout);
      },
    );
  program
    .command("create")
    .alias("c")
    .description("invent a token for a directory in which plain engines are registered")
    .action(() => {
      process.stderr.write("Use it as token:///DIRECTORY/TOKEN, with a directory that all hosts share.\n");
      process.stdout.write(`${randomBytes(TOKEN_BYTES).toString("hex")}\n`);
    });
}
