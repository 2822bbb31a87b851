import { join } from "node:path";
import { FlotillaError } from "#base/errors.ts";

/** Sockets, records and everything else of a lab that a reboot of the machine would clear. */
export const RUN_ROOT = "/run/flotilla-lab";
/** What a lab's hosts keep on their "disks". */
export const DATA_ROOT = "/var/lib/flotilla-lab";

/** Every process that a lab starts has this in its environment: the lab's name. */
export const LAB_VARIABLE = "FLOTILLA_LAB";

/** A name has no dash, so that no lab's namespaces can be taken for another's (`NAME-h1`). */
const LAB_NAME = /^[a-z][a-z0-9]{0,19}$/;

export interface LabPaths {
  readonly run: string;
  readonly data: string;
  /** What the lab is: its name, subnet and hosts. */
  readonly definition: string;
  /** One file for each process that was started. */
  readonly processes: string;
  /** Parent of all its containers' cgroups, from the root of each cgroup hierarchy. */
  readonly cgroup: string;
}

/** @throws FlotillaError `invalid` for a name that cannot be a lab's. */
export function labPaths(lab: string): LabPaths {
  if (!LAB_NAME.test(lab))
    throw new FlotillaError(
      "invalid",
      `invalid lab name ${JSON.stringify(lab)}: use at most 20 of a-z and 0-9, a letter first`,
    );
  const run = join(RUN_ROOT, lab);
  return {
    run,
    data: join(DATA_ROOT, lab),
    definition: join(run, "lab.json"),
    processes: join(run, "processes"),
    cgroup: `/flotilla-lab/${lab}`,
  };
}

export interface HostPaths {
  /** The host sees this directory as its /run, which is empty each time it is powered on. */
  readonly run: string;
  readonly data: string;
  /** Files that take the place of the machine's own in /etc. */
  readonly etc: string;
  readonly log: string;
  /** The engine's API socket, as seen from outside the host. */
  readonly engineSocket: string;
  /** The Flotilla daemon's API socket, as seen from outside the host. */
  readonly daemonSocket: string;
  readonly cgroup: string;
}

export function hostPaths(lab: string, host: string): HostPaths {
  const { run, data, cgroup } = labPaths(lab);
  return {
    run: join(run, host),
    data: join(data, host),
    etc: join(data, host, "etc"),
    log: join(data, host, "log"),
    engineSocket: join(run, host, "docker.sock"),
    daemonSocket: join(run, host, "flotilla.sock"),
    cgroup: `${cgroup}/${host}`,
  };
}
