import { DEFAULT_LAB } from "#lab/lab.ts";
import { down } from "#lab/teardown.ts";
import { DEMO_CONTEXT } from "./demo.ts";
import { removeContext } from "./docker-context.ts";

/** Takes down what `up` made, whatever is left of it: processes, interfaces, namespaces, mounts, containers, files. */
export async function takeDown(): Promise<void> {
  const { signal } = new AbortController();
  await removeContext(DEMO_CONTEXT, signal);
  await down(DEFAULT_LAB, signal);
  process.stdout.write("Everything is down.\n");
}
