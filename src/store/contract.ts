import { describe } from "node:test";
import { commitContract } from "./testing/commit-contract.ts";
import { conflictContract } from "./testing/conflict-contract.ts";
import type { CreateDatabase } from "./testing/driver.ts";
import { leaseContract } from "./testing/lease-contract.ts";
import { watchContract } from "./testing/watch-contract.ts";

/** What every driver of the store must do. Nothing in it relies on how soon a watch delivers. */
export function storeContract(name: string, createDatabase: CreateDatabase): void {
  describe(`${name} store`, () => {
    commitContract(createDatabase);
    conflictContract(createDatabase);
    watchContract(createDatabase);
    leaseContract(createDatabase);
  });
}
