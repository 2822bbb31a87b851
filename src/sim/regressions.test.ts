import { testSeeds } from "./testing.ts";

/** Seeds that failed once: see docs/found-bugs.md. */
testSeeds([20, 22, 49, 161, 332, 394, 472]);
