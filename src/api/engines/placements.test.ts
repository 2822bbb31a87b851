import assert from "node:assert/strict";
import { Readable } from "node:stream";
import { test } from "node:test";
import type { ApiContext } from "#api/call.ts";
import { systemClock } from "#base/clock.ts";
import { ContainerIndex } from "./container-index.ts";
import { Placements } from "./placements.ts";

const summary = (id: string) => ({ Id: id, Names: [`/${id}`] });

test("containers that come while others are looked at are looked at too", async () => {
  const index = new ContainerIndex();
  index.put("n1", summary("first"));
  const open = async () => {
    index.put("n2", summary("second"));
    const document = JSON.stringify({ Config: {}, HostConfig: { Memory: 64 } });
    return Object.assign(Readable.from([document]), { statusCode: 200, setEncoding: () => undefined });
  };
  const api = {
    mirrors: { index, isSilent: () => false },
    engines: { engineOf: () => ({ open }) },
    clock: systemClock,
  };
  const placements = new Placements();
  await placements.look(api as unknown as ApiContext, AbortSignal.any([]));
  for (const id of ["first", "second"]) assert.equal(placements.demandOf(id)?.memoryBytes, 64, id);
});
