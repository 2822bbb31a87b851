import { FlotillaError } from "#base/errors.ts";

/** What a client is told of this daemon's membership. The texts are Docker's, since clients and people search for them. */
const unavailable = (message: string) => () => new FlotillaError("unavailable", message);

export const noSwarm = unavailable("This node is not part of a swarm");

export const swarmExists = unavailable(
  'This node is already part of a swarm. Use "docker swarm leave" to leave this swarm and join another one.',
);

export const joinTimedOut = unavailable(
  'Timeout was reached before node joined. The attempt to join the swarm will continue in the background. Use the "docker info" command to see the current swarm status of your node.',
);

export const swarmLocked = unavailable(
  'Swarm is encrypted and needs to be unlocked before it can be used. Please use "docker swarm unlock" to unlock it.',
);

export const certificatesExpired = unavailable(
  "Swarm certificates have expired. To replace them, leave the swarm and join again.",
);

export const notInSwarm = unavailable(
  'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" to connect this node to swarm and try again.',
);

export const managerStarting = unavailable(
  "This node is not a swarm manager. Manager is being prepared or has trouble connecting to the cluster.",
);

export const onlyWorker = unavailable(
  "This node is not a swarm manager. Worker nodes can't be used to view or modify cluster state. Please run this command on a manager node or promote the current node to a manager.",
);

export const lastManagerLeaves = unavailable(
  "You are attempting to leave the swarm on a node that is participating as a manager. Removing the last manager erases all current state of the swarm. Use `--force` to ignore this message. ",
);

/** @param consequence a sentence with a space after it, or "". */
export const managerLeaves = (consequence: string) =>
  new FlotillaError(
    "unavailable",
    `You are attempting to leave the swarm on a node that is participating as a manager. ${consequence}The only way to restore a swarm that has lost consensus is to reinitialize it with \`--force-new-cluster\`. Use \`--force\` to suppress this message.`,
  );

export const lockedLeaves = unavailable(
  "Swarm is encrypted and locked. Please unlock it first or use `--force` to ignore this message.",
);

export const notLocked = () => new FlotillaError("exists", "swarm is not locked");

export const wrongUnlockKey = () =>
  new FlotillaError("unauthenticated", "swarm could not be unlocked: invalid key provided");

export const onlyWorkersReconnect = unavailable(
  'Only a worker whose swarm is unlocked and whose certificate is valid can be told of another manager. Use "docker swarm leave --force" and join the swarm again.',
);

export const badManagerAddress = (addr: string) =>
  new FlotillaError("invalid", `bad manager address ${JSON.stringify(addr)}: expected HOST[:PORT]`);
