import type { Node } from "#model/objects.ts";

/**
 * Where the tunnels of other nodes lead to a node: the address that it was given for this (`--data-path-addr`), else the
 * one that managers see it at; "" while nobody knows.
 */
export const dataPathAddr = ({ description, status }: Node): string => description?.DataPathAddr ?? status.addr;
