/**
 * What users are told when the store has no majority: Docker's words, then what to do.
 * Source: swarmkit manager/state/raft/proposer, moby daemon/cluster/errors.go.
 */
export const NO_MAJORITY =
  "The swarm does not have a leader. It's possible that too few managers are online. Make sure more than half of the " +
  'managers are online. If they are lost for good, run "docker swarm init --force-new-cluster" on one that is left: it ' +
  "goes on alone with the cluster's state.";
