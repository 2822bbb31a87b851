import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "#base/clock.ts";
import { FlotillaError } from "#base/errors.ts";
import type { Random } from "#base/random.ts";
import { DURABLE_KINDS, type StoreObject } from "#model/objects.ts";
import type { View } from "#model/view.ts";
import type { KeyRing } from "#node/key-ring.ts";
import type { NodePaths } from "#node/paths.ts";
import type { NodeState } from "#node/state-file.ts";
import { sealedCodec } from "#store/codec.ts";
import { type Backup, FILES, type SealedObject } from "./format.ts";

interface Deps {
  readonly clock: Clock;
  readonly random: Random;
  readonly paths: NodePaths;
  readonly state: NodeState;
  readonly keys: KeyRing;
  /** The version of this product. */
  readonly product: string;
}

/**
 * A backup of the cluster as `view` shows it at the moment of the call; its objects are sealed one by one as they are
 * asked for. Nothing waits meanwhile: what changes later is not in it.
 */
export async function createBackup(deps: Deps, view: View): Promise<Backup> {
  const { clock, random, paths, state, keys, product } = deps;
  if (keys.dataKey === undefined) throw new FlotillaError("internal", "a manager's keys are missing");
  const { revision } = view;
  // Lists of the objects themselves, which are never changed: this costs a pointer for each.
  const objects = DURABLE_KINDS.flatMap((kind): StoreObject[] => [...view.list(kind)]);
  const codec = sealedCodec(keys.dataKey, random);
  const seal = (object: StoreObject): SealedObject => ({
    kind: object.kind,
    id: object.id,
    version: object.version,
    value: codec.encode(object),
  });
  const certificate = (name: string) => readFile(join(paths.certificates, name), "utf8");
  const createdAt = new Date(clock.now()).toISOString();
  const { nodeId, clusterId } = state;
  return {
    manifest: { product, createdAt, clusterId, nodeId, revision, objects: objects.length },
    dataKey: await readFile(paths.managerKeys, "utf8"),
    nodeKey: await certificate(FILES.nodeKey),
    nodeChain: await certificate(FILES.nodeChain),
    trustRoot: await certificate(FILES.trustRoot),
    objects: { [Symbol.iterator]: () => objects.values().map(seal) },
  };
}
