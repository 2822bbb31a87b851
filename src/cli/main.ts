import { flushCompileCache } from "node:module";
import { runCommandLine } from "./program.ts";

// A daemon may end without a chance to write the cache of compiled code, so it is written once everything is loaded.
await runCommandLine(process.argv, flushCompileCache);
