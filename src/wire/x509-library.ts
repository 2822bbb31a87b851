import type * as library from "@peculiar/x509";

/** The library's module. */
export type X509 = typeof library;

/**
 * The library that writes certificates. It takes about 20 MB and a quarter of a second, and a daemon needs it only when
 * it makes a key or signs, so it is loaded then. What *reads* certificates uses node:crypto.
 */
export async function loadX509(): Promise<X509> {
  await import("reflect-metadata");
  return await import("@peculiar/x509");
}
