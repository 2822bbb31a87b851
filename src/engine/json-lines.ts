/**
 * The values of a stream of JSON values, one per line, as the engine writes progress and events. Blank lines are
 * skipped; an unfinished last line is parsed as well.
 */
export async function* parseJsonLines<T>(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<T, void, undefined> {
  const decoder = new TextDecoder();
  let pending = "";
  for await (const chunk of chunks) {
    const lines = (pending + decoder.decode(chunk, { stream: true })).split("\n");
    pending = lines.pop() ?? "";
    for (const line of lines) if (line.trim() !== "") yield JSON.parse(line) as T;
  }
  if (pending.trim() !== "") yield JSON.parse(pending) as T;
}
