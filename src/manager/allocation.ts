import type { View } from "#model/view.ts";
import { Allocator } from "#plan/allocate/allocator.ts";
import type { LoopDeps } from "./loop.ts";
import { type Bookkeeper, runPasses } from "./passes.ts";

/** Runs the allocator: it gives networks, nodes, services and tasks what they need to reach each other. */
export const runAllocator = (deps: LoopDeps, signal: AbortSignal): Promise<void> =>
  runPasses(openAllocator, deps, signal);

function openAllocator(view: View): Bookkeeper {
  const allocator = new Allocator(view);
  return {
    name: "allocator",
    observe: (change) => allocator.observe(change),
    plan: (context) => allocator.allocate(context),
    forget: (operations) => allocator.forget(operations),
  };
}
