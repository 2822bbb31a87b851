/** The rows that a command of iproute2 prints with `-json`; some versions print nothing when there are none. */
export function jsonRows<T>(json: string): readonly T[] {
  const rows: readonly T[] = json.trim().startsWith("[") ? JSON.parse(json) : [];
  return rows;
}
