import type { TaskId } from "#model/ids.ts";
import type { Service, Task, Timestamp } from "#model/objects.ts";
import type { Operation, Plan, PlanContext } from "#model/operation.ts";
import { type DesiredState, rank } from "#model/task-state.ts";
import { isStopped } from "./slots.ts";

/** How many operations the runner puts into one commit; pairs are kept from straddling the border of two. */
const COMMIT_SIZE = 100;

/**
 * Collects the operations of one plan. Each object is written at most once: a later wish for the same task only counts
 * when it rises further. The service comes first, so that an update's status is durable before what it tells of.
 */
export class Draft {
  readonly #ctx: PlanContext;
  readonly #tasks = new Map<TaskId, Operation>();
  readonly #pairs: (readonly [Task, Task])[] = [];
  readonly #singles: TaskId[] = [];
  #service: Operation | undefined;
  #again: Timestamp | undefined;

  constructor(ctx: PlanContext) {
    this.#ctx = ctx;
  }

  writeService(service: Service): void {
    const object = { ...service, updatedAt: this.#ctx.now };
    this.#service = { type: "update", object, expect: service.version };
  }

  createTask(task: Task): void {
    this.#tasks.set(task.id, { type: "create", object: task });
    this.#singles.push(task.id);
  }

  /** Makes `task` the successor of `old`: both writes go into one commit wherever possible, the shutdown first. */
  replaceTask(old: Task, task: Task): void {
    const alreadyWritten = this.#tasks.has(old.id);
    this.desire(old, "shutdown");
    if (alreadyWritten || !this.#tasks.has(old.id)) return this.createTask(task);
    this.#singles.pop();
    this.#tasks.set(task.id, { type: "create", object: task });
    this.#pairs.push([old, task]);
  }

  /** Raises what is wanted of `task`; a wish that is no rise changes nothing. */
  desire(task: Task, desired: DesiredState): void {
    if (rank(desired) <= rank(this.#desiredOf(task))) return;
    this.writeTask({ ...task, desired });
  }

  /** Writes a changed task, at the version that was read. */
  writeTask(task: Task): void {
    if (!this.#tasks.has(task.id)) this.#singles.push(task.id);
    const object = { ...task, updatedAt: this.#ctx.now };
    this.#tasks.set(task.id, { type: "update", object, expect: task.version });
  }

  /** Gets rid of `task`: from the store if nothing of it can run any more, else by asking its agent to remove it. */
  dispose(task: Task): void {
    if (isStopped(task)) this.deleteTask(task);
    else this.desire(task, "remove");
  }

  deleteTask(task: Task): void {
    if (!this.#tasks.has(task.id)) this.#singles.push(task.id);
    this.#tasks.set(task.id, { type: "delete", kind: "task", id: task.id, expect: task.version });
  }

  /** Asks to be planned again at `at` (or earlier), even if nothing changes until then. */
  lookAgain(at: Timestamp): void {
    if (this.#again === undefined || at < this.#again) this.#again = at;
  }

  plan(): Plan {
    const operations: Operation[] = this.#service === undefined ? [] : [this.#service];
    const singles = this.#singles.flatMap((id) => this.#tasks.get(id) ?? []);
    let used = 0;
    for (const [old, task] of this.#pairs) {
      const filler = operations.length % COMMIT_SIZE === COMMIT_SIZE - 1 ? singles[used++] : undefined;
      if (filler !== undefined) operations.push(filler);
      for (const { id } of [old, task]) operations.push(...this.#written(id));
    }
    operations.push(...singles.slice(used));
    return this.#again === undefined ? { operations } : { operations, again: this.#again };
  }

  #written(id: TaskId): readonly Operation[] {
    const operation = this.#tasks.get(id);
    return operation === undefined ? [] : [operation];
  }

  #desiredOf(task: Task): DesiredState {
    const written = this.#tasks.get(task.id);
    if (written?.type === "delete") return "remove";
    return written?.type === "update" && written.object.kind === "task" ? written.object.desired : task.desired;
  }
}
