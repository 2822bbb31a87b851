import { FlotillaError } from "#base/errors.ts";

/** A piece of a template: literal text, or one action cut into tokens. */
export type Piece =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "action"; readonly tokens: readonly Token[]; readonly source: string };

export type Token =
  | { readonly kind: "string"; readonly value: string }
  | { readonly kind: "number"; readonly value: number }
  | { readonly kind: "field"; readonly path: readonly string[] }
  | { readonly kind: "variable"; readonly name: string; readonly path: readonly string[] }
  | { readonly kind: "word"; readonly name: string }
  | { readonly kind: "mark"; readonly mark: "(" | ")" | "|" | "," | ":=" };

export const templateError = (message: string): FlotillaError => new FlotillaError("invalid", `template: ${message}`);

const COMMENT = /^\/\*[\s\S]*?\*\//;
const NAME = "[\\p{L}_][\\p{L}\\p{N}_]*";
const STRING = /^"(?:[^"\\\n]|\\.)*"/;
const RAW_STRING = /^`[^`]*`/;
const NUMBER = /^[-+]?\d+(?:\.\d+)?(?![\p{L}\p{N}_.])/u;
const FIELD = new RegExp(`^(?:\\.${NAME})+`, "u");
const VARIABLE = new RegExp(`^\\$(?:${NAME})?(?:\\.${NAME})*`, "u");
const WORD = new RegExp(`^${NAME}`, "u");
const MARK = /^(?::=|[()|,])/;

/** Cuts a template into text and actions; `{{-` and `-}}` take the white space beside them away. */
export function lexTemplate(source: string): Piece[] {
  const pieces: Piece[] = [];
  let rest = source;
  let trimNext = false;
  for (let open = rest.indexOf("{{"); open >= 0; open = rest.indexOf("{{")) {
    const inner = rest.slice(open + 2);
    const trimBefore = /^-\s/.test(inner);
    pushText(pieces, rest.slice(0, open), trimNext, trimBefore);
    const action = lexAction(trimBefore ? inner.slice(1) : inner);
    if (action.tokens) pieces.push({ kind: "action", tokens: action.tokens, source: action.source });
    rest = action.rest;
    trimNext = action.trimAfter;
  }
  pushText(pieces, rest, trimNext, false);
  return pieces;
}

function pushText(pieces: Piece[], text: string, trimStart: boolean, trimEnd: boolean): void {
  const start = trimStart ? text.replace(/^[ \t\r\n]+/, "") : text;
  const trimmed = trimEnd ? start.slice(0, start.length - trailingSpace(start)) : start;
  if (trimmed !== "") pieces.push({ kind: "text", text: trimmed });
}

/** Length of the white space at the end; a pattern anchored there would be quadratic. */
function trailingSpace(text: string): number {
  let end = text.length;
  while (end > 0 && " \t\r\n".includes(text[end - 1] ?? "x")) end--;
  return text.length - end;
}

interface Action {
  /** Undefined for a comment. */
  readonly tokens: readonly Token[] | undefined;
  readonly source: string;
  readonly rest: string;
  readonly trimAfter: boolean;
}

function lexAction(inner: string): Action {
  const body = inner.trimStart();
  const comment = COMMENT.exec(body);
  if (comment) {
    const close = /^\s+-\}\}|^\}\}/.exec(body.slice(comment[0].length));
    if (!close) throw templateError("a comment must be alone between {{ and }}");
    const rest = body.slice(comment[0].length + close[0].length);
    return { tokens: undefined, source: comment[0], rest, trimAfter: close[0] !== "}}" };
  }
  const tokens: Token[] = [];
  let rest = inner;
  for (;;) {
    const close = /^\s+-\}\}|^\s*\}\}/.exec(rest);
    if (close) {
      const source = inner.slice(0, inner.length - rest.length).trim();
      return { tokens, source, rest: rest.slice(close[0].length), trimAfter: close[0].includes("-") };
    }
    const spaced = /^\s/.test(rest);
    rest = rest.trimStart();
    if (rest === "") throw templateError(`unclosed action {{${inner.slice(0, 40)}`);
    const { token, length } = nextToken(rest);
    if (token.kind === "field" && !spaced && isClosing(tokens.at(-1))) {
      throw templateError(`unsupported: a field of a parenthesis, at ${JSON.stringify(rest.slice(0, 20))}`);
    }
    tokens.push(token);
    rest = rest.slice(length);
  }
}

const isClosing = (token: Token | undefined): boolean => token?.kind === "mark" && token.mark === ")";

function nextToken(rest: string): { readonly token: Token; readonly length: number } {
  const match = (pattern: RegExp): string | undefined => pattern.exec(rest)?.[0];
  const found = (token: Token, text: string) => ({ token, length: text.length });
  let text: string | undefined;
  if ((text = match(STRING)) !== undefined) return found({ kind: "string", value: unquote(text) }, text);
  if ((text = match(RAW_STRING)) !== undefined) return found({ kind: "string", value: text.slice(1, -1) }, text);
  if ((text = match(NUMBER)) !== undefined) return found({ kind: "number", value: Number(text) }, text);
  if ((text = match(FIELD)) !== undefined) return found({ kind: "field", path: text.slice(1).split(".") }, text);
  if (/^\.(?![\p{L}\p{N}_])/u.test(rest)) return found({ kind: "field", path: [] }, ".");
  if ((text = match(VARIABLE)) !== undefined) {
    const [name = "$", ...path] = text.split(".");
    return found({ kind: "variable", name, path }, text);
  }
  if ((text = match(WORD)) !== undefined) return found({ kind: "word", name: text }, text);
  if ((text = match(MARK)) !== undefined) {
    return found({ kind: "mark", mark: text as "(" | ")" | "|" | "," | ":=" }, text);
  }
  throw templateError(`unsupported: ${JSON.stringify(rest.slice(0, 20))}`);
}

const ESCAPES: Readonly<Record<string, string>> = {
  a: "\x07",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v",
  "\\": "\\",
  '"': '"',
};

/** The value of a double-quoted Go string. */
function unquote(quoted: string): string {
  return quoted
    .slice(1, -1)
    .replace(/\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|([\s\S]))/g, (all, hex, unicode, simple) => {
      const code: string | undefined = hex ?? unicode;
      if (code !== undefined) return String.fromCodePoint(Number.parseInt(code, 16));
      const value = ESCAPES[String(simple)];
      if (value === undefined) throw templateError(`unsupported escape ${String(all)} in ${quoted}`);
      return value;
    });
}
