import { range, testSeeds } from "./testing.ts";

testSeeds(range(101, 200));
