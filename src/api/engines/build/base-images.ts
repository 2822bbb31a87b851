/** Options of `docker build --build-arg`. A value of null is taken from the builder's own environment: from nowhere. */
export type BuildArgs = Readonly<Record<string, string | null>>;

/**
 * The images that a Dockerfile builds upon or copies from, as far as they can be known without running it: stages of its
 * own and `scratch` are none. Source of the grammar: Docker's Dockerfile reference.
 */
export function baseImages(dockerfile: string, args: BuildArgs): readonly string[] {
  const variables = new Map<string, string>();
  const stages = new Set(["scratch"]);
  const images = new Set<string>();
  const note = (reference: string) => {
    const image = expand(reference, variables);
    if (image !== "" && !/^\d+$/.test(image) && !stages.has(image.toLowerCase())) images.add(image);
  };
  let hasStage = false;
  for (const [instruction, rest] of instructions(dockerfile)) {
    if (instruction === "ARG" && !hasStage) define(rest, args, variables);
    if (instruction === "FROM") {
      hasStage = true;
      const [image = "", , stage] = words(rest).filter((word) => !word.startsWith("--"));
      note(image);
      if (stage !== undefined) stages.add(stage.toLowerCase());
    }
    for (const source of sources(instruction, rest)) note(source);
  }
  return [...images];
}

const words = (text: string): readonly string[] => text.split(/\s+/).filter((word) => word !== "");

/** Instructions in capitals, each with what follows it on its line and the lines that continue it. */
function* instructions(dockerfile: string): Generator<readonly [string, string]> {
  const escape = /^#\s*escape\s*=\s*`/im.test(dockerfile.split(/^[^#\s]/m, 1)[0] ?? "") ? "`" : "\\";
  let begun = "";
  for (const line of dockerfile.split(/\r?\n/)) {
    if (/^\s*#/.test(line) || (begun !== "" && line.trim() === "")) continue;
    const text = begun + line.trim();
    begun = text.endsWith(escape) ? text.slice(0, -1) : "";
    const [, instruction = "", rest = ""] = begun === "" ? (/^([a-zA-Z]+)\s+(.*)$/s.exec(text) ?? []) : [];
    if (instruction !== "") yield [instruction.toUpperCase(), rest];
  }
}

function define(rest: string, args: BuildArgs, variables: Map<string, string>): void {
  for (const word of words(rest)) {
    const [, name = "", given] = /^([^=]+)(?:=(.*))?$/s.exec(word) ?? [];
    const value =
      args[name] ?? (given === undefined ? undefined : expand(given.replace(/^(["'])(.*)\1$/, "$2"), variables));
    if (value !== undefined) variables.set(name, value);
  }
}

const VARIABLE = /\$(?:(\w+)|\{(\w+)(?::([-+])([^}]*))?\})/g;

const expand = (text: string, variables: ReadonlyMap<string, string>): string =>
  text.replace(VARIABLE, (_all, plain?: string, braced?: string, operator?: string, word = "") => {
    const value = variables.get(plain ?? braced ?? "") ?? "";
    if (operator === "+") return value === "" ? "" : String(word);
    return operator === "-" && value === "" ? String(word) : value;
  });

/** What `COPY --from` and `RUN --mount=from` name. */
function sources(instruction: string, rest: string): readonly string[] {
  if (instruction === "COPY") return [...rest.matchAll(/(?:^|\s)--from=(\S+)/g)].flatMap(([, source]) => source ?? []);
  if (instruction !== "RUN") return [];
  return [...rest.matchAll(/(?:^|\s)--mount=(?:\S*,)?from=([^,\s]+)/g)].flatMap(([, source]) => source ?? []);
}
