/**
 * A structured log. Messages are constant; what varies goes into the fields, which are named as in
 * `docs/nomenclature.md`. An error goes under `err`. `pino` satisfies this; it is bound in `cli/`.
 */
export interface Logger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
  child(fields: object): Logger;
}

/** Drops everything. */
export const silentLogger: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  child: () => silentLogger,
};
