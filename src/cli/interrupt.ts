/** A signal that aborts when the process is asked to stop. Disposal gives the process its usual behaviour back. */
export function until(...names: readonly NodeJS.Signals[]): { readonly signal: AbortSignal } & Disposable {
  const stop = new AbortController();
  const onSignal = (name: NodeJS.Signals) => stop.abort(new Error(`interrupted by ${name}`));
  for (const name of names) process.once(name, onSignal);
  return {
    signal: stop.signal,
    [Symbol.dispose]() {
      for (const name of names) process.off(name, onSignal);
    },
  };
}
