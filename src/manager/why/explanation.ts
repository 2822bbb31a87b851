/** What an explanation is about. */
export interface Subject {
  readonly kind: "service" | "task" | "node" | "network" | "container";
  readonly id: string;
  /** What people call it: `web`, `web.3`, `h1`. */
  readonly name: string;
}

/** Why a service, task, node, network or movable container is as it is. A healthy one has no reasons to give. */
export interface Explanation {
  readonly subject: Subject;
  /** How it is, in one line. */
  readonly summary: string;
  readonly reasons: readonly Reason[];
}

/** One thing that is so, what can be done about it, and why it is so. Texts carry no full stop. */
export interface Reason {
  readonly text: string;
  readonly advice?: string;
  readonly because?: readonly Reason[];
}

/** A reason from parts that may be missing or empty. */
export const reason = (text: string, advice?: string, because: readonly Reason[] = []): Reason => ({
  text,
  ...(advice !== undefined && { advice }),
  ...(because.length > 0 && { because }),
});
