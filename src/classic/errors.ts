import { FlotillaError } from "#base/errors.ts";

const INSTEAD =
  "It is one Docker host made of plain engines (flotilla manage), which have no services, secrets, configs and networks of a cluster: run flotilla daemon on each host for those.";

/** Begins as Docker's own refusal does: clients look for it. */
export const noSwarmHere = () => new FlotillaError("unavailable", `This node is not a swarm manager. ${INSTEAD}`);

/** For `swarm init`, `join` and whatever else makes a swarm of a node. */
export const noSwarmToBe = () =>
  new FlotillaError("unimplemented", `This node cannot become part of a swarm. ${INSTEAD}`);

export const noHealthyEngine = () => new FlotillaError("unavailable", "No healthy node available in the cluster");
