import { nodeLabel } from "#model/constraint.ts";
import type { TaskSpec } from "#model/spec.ts";
import { Heap } from "./heap.ts";
import { NodePicker, type Placing } from "./node-picker.ts";
import type { NodeTotals } from "./node-totals.ts";
import type { Assign, Picker } from "./picker.ts";
import { compareLoad } from "./ranking.ts";

const LABEL = /^(node|engine)\.labels\../i;

/** The labels over which a task's service is to be spread, first the most important. Docker ignores all that are no labels. */
export const spreadLabels = (spec: TaskSpec): readonly string[] =>
  (spec.Placement?.Preferences ?? []).flatMap(({ Spread }) =>
    Spread !== undefined && LABEL.test(Spread.SpreadDescriptor) ? [Spread.SpreadDescriptor] : [],
  );

/**
 * The nodes that can take a task, as a tree with one level for each label: a branch holds the nodes with one value of
 * the label, "" for those without it. Without labels the tree is one pool.
 */
export class Branch {
  readonly #label: string | undefined;
  readonly #deeperLabels: readonly string[];
  readonly #children = new Map<string, Branch>();
  readonly #pool = new Heap<NodeTotals>((a, b) => compareLoad(a, b) < 0);
  #nodes = 0;
  #active = 0;

  constructor(labels: readonly string[]) {
    [this.#label, ...this.#deeperLabels] = labels;
  }

  /** Active tasks per node, of all services. */
  get load(): number {
    return this.#active / this.#nodes;
  }

  add(node: NodeTotals): void {
    this.#nodes++;
    this.#active += node.active;
    if (this.#label === undefined) this.#pool.push(node);
    else this.#child(this.#label, node).add(node);
  }

  /** A task was placed in this branch. */
  addTask(): void {
    this.#active++;
  }

  /** A picker for one group. `own`: the special nodes of this branch, unfit ones included. */
  picker(placing: Placing, own: readonly NodeTotals[]): Picker {
    const label = this.#label;
    if (label === undefined) {
      return new NodePicker(
        placing,
        this.#pool,
        own.filter((node) => !placing.unfit.has(node)),
      );
    }
    const ownByValue = Map.groupBy(own, (node) => valueOf(label, node));
    return new BranchPicker(
      [...this.#children].map(([value, branch], order) => {
        const ownOfBranch = ownByValue.get(value) ?? [];
        return { branch, order, picker: branch.picker(placing, ownOfBranch), tasks: countTasks(placing, ownOfBranch) };
      }),
    );
  }

  #child(label: string, node: NodeTotals): Branch {
    const value = valueOf(label, node);
    let child = this.#children.get(value);
    if (child === undefined) {
      child = new Branch(this.#deeperLabels);
      this.#children.set(value, child);
    }
    return child;
  }
}

interface Choice {
  readonly branch: Branch;
  readonly picker: Picker;
  readonly order: number;
  /** Tasks of the group's service in the branch. */
  tasks: number;
}

/**
 * Gives each task to the branch that has the fewest tasks of its service (then to the least loaded one), so that the
 * branches become equal as far as there is room: equal by branch, not by node.
 */
class BranchPicker implements Picker {
  readonly #choices: readonly Choice[];
  readonly #open: Heap<Choice>;

  constructor(choices: readonly Choice[]) {
    this.#choices = choices;
    this.#open = new Heap(isBetterBranch, choices);
  }

  place(assign: Assign): boolean {
    for (let choice = this.#open.peek(); choice !== undefined; choice = this.#open.peek()) {
      if (choice.picker.place(assign)) {
        choice.tasks++;
        choice.branch.addTask();
        this.#open.settle();
        return true;
      }
      this.#open.pop();
    }
    return false;
  }

  finish(): void {
    for (const { picker } of this.#choices) picker.finish();
  }
}

const isBetterBranch = (a: Choice, b: Choice): boolean =>
  (a.tasks - b.tasks || a.branch.load - b.branch.load || a.order - b.order) < 0;

const valueOf = (label: string, node: NodeTotals): string => nodeLabel(label, node.node) ?? "";

const countTasks = ({ serviceId }: Placing, nodes: readonly NodeTotals[]): number =>
  serviceId === undefined ? 0 : nodes.reduce((tasks, node) => tasks + node.activeOf(serviceId), 0);
