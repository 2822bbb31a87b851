/** The hosts of the lab: h1 is the manager, h2 and h3 are its workers. */
export type HostName = "h1" | "h2" | "h3";

/** Something that has to be true before a call is made, so that its answer does not depend on how fast a side is. */
export interface Condition {
  /** For the message when it never comes true. */
  readonly what: string;
  /** What is asked from the manager, again and again; `$name` stands for a captured value. */
  readonly path: string;
  readonly holds: (body: unknown) => boolean;
}

interface StepOptions {
  /** Whose API socket is asked. Default: h1, the manager. */
  readonly on?: HostName;
  readonly after?: Condition;
  /**
   * Values of the answer that later steps can use as `$name`, and which reports show as `<name>`. Each is found by its
   * path in the answer's JSON, such as `0.ID`; the empty path is the whole text.
   */
  readonly capture?: Readonly<Record<string, string>>;
  /** The order of the answer's lists, or lines, is not specified. */
  readonly unordered?: boolean;
  /** Numbers in the answer were measured: only that they are numbers counts. */
  readonly measured?: boolean;
  /** Digests in the answer are of something that was made a moment ago, with its time in it. */
  readonly fresh?: boolean;
}

export interface CliOptions extends StepOptions {
  /** Standard input. */
  readonly input?: string;
}

export interface ApiOptions extends StepOptions {
  /** Sent as JSON, or as it is when it is a string or bytes. Bytes are an archive, unless the headers say otherwise. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /**
   * Asks for the connection as a raw stream. This text goes out on it, and its end, unless it is empty; the answer's body is
   * what comes in.
   */
  readonly upgrade?: string;
}

/** A call of the `docker` client. Its name is the command line. */
export interface CliStep extends CliOptions {
  readonly kind: "cli";
  readonly name: string;
  readonly argv: readonly string[];
}

/** A request of the Engine API. Its name is method, path and body. */
export interface ApiStep extends ApiOptions {
  readonly kind: "api";
  readonly name: string;
  readonly method: string;
  readonly path: string;
}

export type Step = CliStep | ApiStep;

/** Calls in the order in which they are made. It leaves the cluster as it found it. */
export interface Transcript {
  readonly name: string;
  readonly steps: readonly Step[];
}

/** A call as one types it after `docker`: words may be quoted, with either quote. */
export const docker = (line: string, options: CliOptions = {}): CliStep => ({
  ...options,
  kind: "cli",
  name: `docker ${line}`,
  argv: splitWords(line),
});

/** How much of a request's body its step's name shows. */
const SHOWN_BODY_LENGTH = 120;

/** A request, such as `GET /services`: its API version is put before the path when it names none. */
export function api(line: string, options: ApiOptions = {}): ApiStep {
  const [method = "", path = ""] = line.split(" ");
  return { ...options, kind: "api", name: line + showBody(options.body), method, path };
}

function showBody(body: unknown): string {
  if (body === undefined) return "";
  return body instanceof Uint8Array ? ` ${body.length} bytes` : ` ${JSON.stringify(body).slice(0, SHOWN_BODY_LENGTH)}`;
}

/** Names are made unique: differences are reported, and explained, by the name of the step. */
export function transcript(name: string, steps: readonly Step[]): Transcript {
  const seen = new Map<string, number>();
  const named = steps.map((step) => {
    const title = step.on === undefined || step.on === "h1" ? step.name : `${step.name} (on ${step.on})`;
    const times = (seen.get(title) ?? 0) + 1;
    seen.set(title, times);
    return { ...step, name: times === 1 ? title : `${title} (${times})` };
  });
  return { name, steps: named };
}

/**
 * Puts captured values in the place of `$name`, and their first characters in that of `$name:7`.
 * @throws Error for a name that was never captured.
 */
export const fill = (text: string, values: ReadonlyMap<string, string>): string =>
  text.replaceAll(/\$([a-z]\w*)(?::(\d+))?/gi, (_whole, name: string, length?: string) => {
    const value = values.get(name);
    if (value === undefined) throw new Error(`nothing was captured as $${name}`);
    return value.slice(0, length === undefined ? undefined : Number(length));
  });

/** As a shell splits words, but that nothing in them is replaced. */
const splitWords = (line: string): readonly string[] =>
  [...line.matchAll(/(?:"[^"]*"|'[^']*'|[^\s"'])+/g)].map(([word]) => word.replaceAll(/"([^"]*)"|'([^']*)'/g, "$1$2"));
