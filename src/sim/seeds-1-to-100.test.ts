import { range, testSeeds } from "./testing.ts";

testSeeds(range(1, 100));
