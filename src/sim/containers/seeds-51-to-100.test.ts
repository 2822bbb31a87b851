import { range } from "#sim/testing.ts";
import { testContainerSeeds } from "./testing.ts";

testContainerSeeds(range(51, 100));
