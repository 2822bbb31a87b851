import type { ApiContext } from "#api/call.ts";
import { TaskGroup } from "#base/task-group.ts";
import type { ClusterState } from "#manager/state.ts";
import type { Change } from "#model/view.ts";
import type { Rescheduling } from "./context.ts";
import { Mover } from "./mover.ts";
import { Recorder } from "./recorder.ts";
import { RemnantRemover } from "./remnant-remover.ts";

/**
 * A leader's care for containers with the policy `on-node-failure`: writes down what it takes to make them again, makes
 * them again when their host is lost, and removes what such a host brings back. Runs until `signal` aborts.
 * @param state whose commits are refused once another leads.
 */
export async function reschedule(api: ApiContext, state: ClusterState, signal: AbortSignal): Promise<never> {
  const shared: Rescheduling = { api, state, inHand: new Set() };
  const recorder = new Recorder(shared);
  const remover = new RemnantRemover(shared);
  const mover = new Mover(shared, () => remover.lookAgain());
  await using jobs = new TaskGroup(signal);
  const commits = state.commits(jobs.signal);
  const lookAgain = () => {
    mover.lookAgain();
    remover.lookAgain();
  };
  using _listening = api.mirrors.index.listen((id) => {
    if (state.view.movableOf(id) !== undefined) lookAgain();
  });
  jobs.spawn("recorder", (stop) => recorder.run(stop));
  jobs.spawn("mover", (stop) => mover.run(stop));
  jobs.spawn("remnant remover", (stop) => remover.run(stop));
  jobs.spawn("watch of hosts", async () => {
    for await (const { changes } of commits) {
      if (changes.some(({ kind }) => kind === "container")) lookAgain();
      for (const change of changes) {
        if (change.kind !== "node" || !isStateChange(change)) continue;
        recorder.nodeChanged(change.type === "delete" ? change.old.id : change.object.id);
        remover.lookAgain();
        mover.retryNow();
      }
    }
  });
  return await jobs.done();
}

const isStateChange = (change: Change<"node">): boolean =>
  change.type !== "update" ||
  change.object.status.state !== change.old.status.state ||
  change.object.spec.Availability !== change.old.spec.Availability;
