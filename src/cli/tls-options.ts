import { readFileSync } from "node:fs";
import type { TlsFiles } from "#api/listener.ts";
import { FlotillaError } from "#base/errors.ts";

/** Paths of PEM files. */
export interface TlsPaths {
  /** Whether clients must show a certificate of the authority. */
  readonly verify: boolean;
  /** "" when nobody is to be verified. */
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** Docker's options of TLS, as the command line or a configuration file gave them. */
export interface TlsFlags {
  readonly tls?: unknown;
  readonly tlsverify?: unknown;
  readonly tlscacert?: unknown;
  readonly tlscert?: unknown;
  readonly tlskey?: unknown;
}

const FILES = ["tlscacert", "tlscert", "tlskey"] as const;

/** @throws FlotillaError `invalid` for options that do not go together. */
export function readTls(given: TlsFlags): TlsPaths | undefined {
  const verify = given.tlsverify === true;
  if (!verify && given.tls !== true) {
    const idle = FILES.find((flag) => given[flag] !== undefined);
    if (idle !== undefined) throw new FlotillaError("invalid", `--${idle} goes with --tlsverify or --tls`);
    return undefined;
  }
  const need = (flag: (typeof FILES)[number]): string => {
    const path = given[flag];
    if (typeof path !== "string") throw new FlotillaError("invalid", `TLS needs --${flag}`);
    return path;
  };
  return { verify, ca: verify ? need("tlscacert") : "", cert: need("tlscert"), key: need("tlskey") };
}

/** @throws FlotillaError `invalid` for a file that cannot be read. */
export function loadTls({ verify, ca, cert, key }: TlsPaths): TlsFiles {
  return { cert: read(cert), key: read(key), ...(verify && { ca: read(ca) }) };
}

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    throw new FlotillaError("invalid", `cannot read ${path}`, { cause });
  }
}
