import { lexTemplate, type Piece, type Token, templateError } from "./template-lexer.ts";

/** One part of a parsed template. */
export type Part =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "print"; readonly pipeline: Pipeline }
  | Block;

/** `if`, `with` or `range`; an `else if` is a block alone in `otherwise`. */
export interface Block {
  readonly kind: "if" | "with" | "range";
  readonly pipeline: Pipeline;
  readonly body: readonly Part[];
  readonly otherwise: readonly Part[];
}

/** `$a, $b := command | command`: each command gets the value of the one before it as its last argument. */
export interface Pipeline {
  readonly variables: readonly string[];
  readonly commands: readonly Command[];
}

/** Operands; a `call` may only come first. */
export type Command = readonly [Operand, ...Operand[]];

export type Operand =
  | { readonly kind: "literal"; readonly value: string | number | boolean | null }
  | { readonly kind: "field"; readonly path: readonly string[] }
  | { readonly kind: "variable"; readonly name: string; readonly path: readonly string[] }
  | { readonly kind: "call"; readonly name: string }
  | { readonly kind: "pipeline"; readonly pipeline: Pipeline };

/** Blocks and parentheses may be nested this deep. Our own bound: recursion must end before the stack does. */
const MAX_DEPTH = 100;

const BLOCKS: ReadonlySet<string> = new Set(["if", "with", "range"]);
const UNSUPPORTED: ReadonlySet<string> = new Set(["define", "template", "block", "break", "continue"]);

/**
 * Parses the part of Go's template language that Docker's placeholders need: fields, variables, pipelines, the named
 * functions, `if`, `with` and `range`.
 * @throws FlotillaError `invalid` naming what is malformed, unknown or not supported.
 */
export function parseTemplate(source: string, functions: ReadonlySet<string>): Part[] {
  const parser = new TemplateParser(lexTemplate(source), functions);
  return parser.parse();
}

class TemplateParser {
  readonly #pieces: readonly Piece[];
  readonly #functions: ReadonlySet<string>;
  #next = 0;

  constructor(pieces: readonly Piece[], functions: ReadonlySet<string>) {
    this.#pieces = pieces;
    this.#functions = functions;
  }

  parse(): Part[] {
    const { parts, closedBy } = this.#parts(0);
    if (closedBy) throw templateError(`unexpected {{${closedBy[0]?.kind === "word" ? closedBy[0].name : ""}}}`);
    return parts;
  }

  /** Reads up to the `else` or `end` that closes the enclosing block, which is returned with the parts. */
  #parts(depth: number): { readonly parts: Part[]; readonly closedBy: readonly Token[] | undefined } {
    if (depth > MAX_DEPTH) throw templateError(`blocks are nested more than ${MAX_DEPTH} deep`);
    const parts: Part[] = [];
    for (let piece = this.#pieces[this.#next++]; piece; piece = this.#pieces[this.#next++]) {
      if (piece.kind === "text") {
        parts.push(piece);
        continue;
      }
      const [first, ...rest] = piece.tokens;
      if (!first) throw templateError("missing value in {{}}");
      const word = first.kind === "word" ? first.name : "";
      if (word === "else" || word === "end") return { parts, closedBy: piece.tokens };
      if (UNSUPPORTED.has(word)) throw templateError(`unsupported action {{${word}}}`);
      if (BLOCKS.has(word)) parts.push(this.#block(word as Block["kind"], rest, depth + 1));
      else parts.push({ kind: "print", pipeline: this.#pipeline(piece.tokens) });
    }
    return { parts, closedBy: undefined };
  }

  #block(kind: Block["kind"], tokens: readonly Token[], depth: number): Block {
    const pipeline = this.#pipeline(tokens);
    const most = kind === "range" ? 2 : 1;
    if (pipeline.variables.length > most) throw templateError(`too many variables in {{${kind}}}`);
    const { parts: body, closedBy } = this.#parts(depth);
    if (!closedBy) throw templateError(`{{${kind}}} without {{end}}`);
    if (isWord(closedBy[0], "end")) return { kind, pipeline, body, otherwise: [] };
    const [, chained, ...condition] = closedBy;
    if (!chained) return { kind, pipeline, body, otherwise: this.#otherwise(kind, depth) };
    if (chained.kind !== "word" || chained.name !== kind || kind === "range") {
      throw templateError(`unexpected {{else …}} in {{${kind}}}`);
    }
    return { kind, pipeline, body, otherwise: [this.#block(kind, condition, depth + 1)] };
  }

  #otherwise(kind: Block["kind"], depth: number): Part[] {
    const { parts, closedBy } = this.#parts(depth);
    if (!isWord(closedBy?.[0], "end")) throw templateError(`{{else}} of {{${kind}}} without {{end}}`);
    return parts;
  }

  #pipeline(tokens: readonly Token[]): Pipeline {
    const reader = new PipelineReader(tokens, this.#functions);
    return reader.readAll();
  }
}

const isWord = (token: Token | undefined, name: string): boolean => token?.kind === "word" && token.name === name;

class PipelineReader {
  readonly #tokens: readonly Token[];
  readonly #functions: ReadonlySet<string>;
  #next = 0;

  constructor(tokens: readonly Token[], functions: ReadonlySet<string>) {
    this.#tokens = tokens;
    this.#functions = functions;
  }

  readAll(): Pipeline {
    const variables = this.#declarations();
    const pipeline = { variables, commands: this.#commands(0) };
    if (this.#next < this.#tokens.length) throw templateError("unexpected ) in a pipeline");
    return pipeline;
  }

  /** `$a :=` or `$a, $b :=` at the beginning. */
  #declarations(): string[] {
    const end = this.#tokens.findIndex((token) => token.kind === "mark" && token.mark === ":=");
    if (end < 0) return [];
    this.#next = end + 1;
    const names = this.#tokens.slice(0, end).filter((_, index) => index % 2 === 0);
    return names.map((token) => {
      if (token.kind !== "variable" || token.path.length > 0) throw templateError("only variables can stand before :=");
      return token.name;
    });
  }

  #commands(depth: number): Command[] {
    if (depth > MAX_DEPTH) throw templateError(`parentheses are nested more than ${MAX_DEPTH} deep`);
    const commands: Command[] = [];
    for (;;) {
      commands.push(this.#command(depth, commands.length > 0));
      if (!this.#take("|")) return commands;
    }
  }

  #command(depth: number, piped: boolean): Command {
    const operands: Operand[] = [];
    for (let operand = this.#operand(depth, operands.length === 0); operand; operand = this.#operand(depth, false)) {
      operands.push(operand);
    }
    const [first, ...rest] = operands;
    if (!first) throw templateError("missing value in a pipeline");
    if (first.kind !== "call" && (piped || rest.length > 0)) {
      throw templateError("only a function can take arguments or the value of a pipe");
    }
    return [first, ...rest];
  }

  #operand(depth: number, first: boolean): Operand | undefined {
    const token = this.#tokens[this.#next];
    if (!token || (token.kind === "mark" && (token.mark === "|" || token.mark === ")"))) return undefined;
    this.#next++;
    switch (token.kind) {
      case "string":
      case "number":
        return { kind: "literal", value: token.value };
      case "field":
      case "variable":
        return token;
      case "word":
        return this.#word(token.name, first);
      case "mark":
        if (token.mark !== "(") throw templateError(`unexpected ${token.mark} in a pipeline`);
        return this.#parenthesis(depth);
    }
  }

  #word(name: string, first: boolean): Operand {
    if (name === "true" || name === "false") return { kind: "literal", value: name === "true" };
    if (name === "nil") return { kind: "literal", value: null };
    if (!this.#functions.has(name)) throw templateError(`function ${JSON.stringify(name)} not defined`);
    if (first) return { kind: "call", name };
    return { kind: "pipeline", pipeline: { variables: [], commands: [[{ kind: "call", name }]] } };
  }

  #parenthesis(depth: number): Operand {
    const commands = this.#commands(depth + 1);
    if (!this.#take(")")) throw templateError("unclosed (");
    return { kind: "pipeline", pipeline: { variables: [], commands } };
  }

  #take(mark: string): boolean {
    const token = this.#tokens[this.#next];
    if (token?.kind !== "mark" || token.mark !== mark) return false;
    this.#next++;
    return true;
  }
}
