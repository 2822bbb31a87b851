import { existsSync } from "node:fs";
import { command, type Prerequisite } from "#lab/prerequisites.ts";

/** Clients of the API that Debian has. Those of npm are in package.json. */
export const CLIENT_PREREQUISITES: readonly Prerequisite[] = [
  command("docker-compose", "docker-compose", "a client of the API"),
  {
    package: "python3-docker",
    reason: "a client of the API",
    isMet: () => existsSync("/usr/lib/python3/dist-packages/docker/__init__.py"),
  },
];
