import {
  isList,
  isMap,
  isTrue,
  renderValue,
  sortedEntries,
  TEMPLATE_FUNCTIONS,
  type TemplateFunction,
  type Value,
} from "./template-functions.ts";
import { templateError } from "./template-lexer.ts";
import { type Block, type Command, type Operand, type Part, type Pipeline, parseTemplate } from "./template-parser.ts";

/**
 * Bounds of one expansion. Our own: managers expand what users send, and nested ranges could otherwise keep one busy
 * for hours.
 */
const MAX_STEPS = 100_000;
const MAX_OUTPUT_LENGTH = 4 * 1024 * 1024;

/**
 * Expands `source` with `root` as its dot; `functions` come on top of those that every template has.
 * @throws FlotillaError `invalid` for a malformed template, and for a key or field that does not exist.
 */
export function runTemplate(source: string, root: Value, functions: ReadonlyMap<string, TemplateFunction>): string {
  if (!source.includes("{{")) return source;
  const all = new Map([...TEMPLATE_FUNCTIONS, ...functions]);
  const parts = parseTemplate(source, new Set(all.keys()));
  const run = new TemplateRun(all);
  run.parts(parts, { dot: root, variables: new Map([["$", root]]) });
  return run.output;
}

interface Scope {
  readonly dot: Value;
  readonly variables: Map<string, Value>;
}

const inner = (scope: Scope, dot: Value): Scope => ({ dot, variables: new Map(scope.variables) });

class TemplateRun {
  readonly #functions: ReadonlyMap<string, TemplateFunction>;
  readonly #output: string[] = [];
  #length = 0;
  #steps = 0;

  constructor(functions: ReadonlyMap<string, TemplateFunction>) {
    this.#functions = functions;
  }

  get output(): string {
    return this.#output.join("");
  }

  parts(parts: readonly Part[], scope: Scope): void {
    for (const part of parts) this.#part(part, scope);
  }

  #part(part: Part, scope: Scope): void {
    this.#step();
    switch (part.kind) {
      case "text":
        return this.#write(part.text);
      case "print": {
        const value = this.#pipeline(part.pipeline, scope);
        const [variable] = part.pipeline.variables;
        if (variable === undefined) this.#write(renderValue(value));
        else scope.variables.set(variable, value);
        return;
      }
      case "range":
        return this.#range(part, inner(scope, scope.dot));
      case "if":
      case "with": {
        const own = inner(scope, scope.dot);
        const value = this.#pipeline(part.pipeline, own);
        const [variable] = part.pipeline.variables;
        if (variable !== undefined) own.variables.set(variable, value);
        if (!isTrue(value)) return this.parts(part.otherwise, own);
        return this.parts(part.body, part.kind === "with" ? { ...own, dot: value } : own);
      }
    }
  }

  #range(block: Block, scope: Scope): void {
    const items = this.#items(this.#pipeline(block.pipeline, scope));
    if (items.length === 0) return this.parts(block.otherwise, scope);
    for (const [key, item] of items) {
      const own = inner(scope, item);
      const [first, second] = block.pipeline.variables;
      if (second !== undefined) own.variables.set(second, item);
      if (first !== undefined) own.variables.set(first, second === undefined ? item : key);
      this.#step();
      this.parts(block.body, own);
    }
  }

  #items(value: Value): readonly (readonly [Value, Value])[] {
    if (isMap(value)) return sortedEntries(value);
    if (isList(value)) return [...value.entries()];
    if (value === null) return [];
    throw templateError(`can't range over ${renderValue(value)}`);
  }

  #pipeline(pipeline: Pipeline, scope: Scope): Value {
    let value: Value | undefined;
    for (const command of pipeline.commands) value = this.#command(command, value, scope);
    return value ?? null;
  }

  #command([first, ...rest]: Command, piped: Value | undefined, scope: Scope): Value {
    this.#step();
    if (first.kind !== "call") return this.#operand(first, scope);
    const args = rest.map((operand) => this.#operand(operand, scope));
    if (piped !== undefined) args.push(piped);
    if (args.length === 0) throw templateError(`${first.name} needs an argument`);
    const call = this.#functions.get(first.name);
    if (!call) throw templateError(`function ${JSON.stringify(first.name)} not defined`);
    return call(...args);
  }

  #operand(operand: Operand, scope: Scope): Value {
    switch (operand.kind) {
      case "literal":
        return operand.value;
      case "field":
        return operand.path.reduce(field, scope.dot);
      case "variable": {
        const value = scope.variables.get(operand.name);
        if (value === undefined) throw templateError(`undefined variable ${operand.name}`);
        return operand.path.reduce(field, value);
      }
      case "pipeline":
        return this.#pipeline(operand.pipeline, scope);
      case "call":
        return this.#command([operand], undefined, scope);
    }
  }

  #write(text: string): void {
    this.#length += text.length;
    if (this.#length > MAX_OUTPUT_LENGTH) throw templateError(`expands to more than ${MAX_OUTPUT_LENGTH} characters`);
    this.#output.push(text);
  }

  #step(): void {
    if (++this.#steps > MAX_STEPS) throw templateError(`takes more than ${MAX_STEPS} steps to expand`);
  }
}

function field(value: Value, name: string): Value {
  if (isMap(value)) {
    const item = value.get(name);
    if (item === undefined) throw templateError(`map has no entry for key ${JSON.stringify(name)}`);
    return item;
  }
  if (value === null || typeof value !== "object" || isList(value) || !Object.hasOwn(value, name)) {
    throw templateError(`can't evaluate field ${name}`);
  }
  return (value as Readonly<Record<string, Value>>)[name] ?? null;
}
