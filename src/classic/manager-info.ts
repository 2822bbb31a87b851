import { hostname, machine, release, type } from "node:os";
import type { Json } from "#api/convert/meta-json.ts";
import type { ManagerRole } from "./classic-cluster.ts";

/**
 * What `docker info` says of a manager that has no engine of its own, besides what adds up over the engines. Clients ask
 * for some of it before they use what engines can do. Source: fact sheet classic-swarm 13.
 */
export const managerInfo = (version: string, { isPrimary, primary }: ManagerRole): Json => ({
  ID: "",
  Name: hostname(),
  ServerVersion: `flotilla/${version}`,
  OperatingSystem: type(),
  OSType: "linux",
  Architecture: machine(),
  KernelVersion: release(),
  Driver: "",
  MemoryLimit: true,
  SwapLimit: true,
  CpuCfsPeriod: true,
  CpuCfsQuota: true,
  CPUShares: true,
  CPUSet: true,
  PidsLimit: true,
  IPv4Forwarding: true,
  OomKillDisable: true,
  SystemStatus: [
    ["Role", isPrimary ? "primary" : "replica"],
    ...(isPrimary || primary === undefined ? [] : [["Primary", primary]]),
  ],
});
