/** The middle value; of an even number of them the upper of the two. NaN for none. */
export const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;

export const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

/**
 * The least disturbed of several trials: whatever else the machine does can only make one slower. Infinity for none.
 */
export const best = (values: readonly number[]): number => Math.min(...values);

/** Runs `work` and gives back how long it took, in ms. */
export async function milliseconds(work: () => unknown): Promise<number> {
  const began = performance.now();
  await work();
  return performance.now() - began;
}
