import { existsSync, mkdirSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Where control groups are mounted. Source: Linux, Documentation/admin-guide/cgroup-v1 and cgroup-v2. */
const ROOT = "/sys/fs/cgroup";
const PROCESSES = "cgroup.procs";
const PERIOD_US = 10_000;

/** Processes that are held to a part of a processor, until this is disposed of: they then have all that there is. */
export class CpuShare implements Disposable {
  readonly #group: string;
  readonly #home: string;
  readonly #pid: number;

  /**
   * @param name of the group that is made, with ours in front of it.
   * @param share of one processor, above 0.
   */
  constructor(name: string, pid: number, share: number) {
    const isFirstVersion = existsSync(join(ROOT, "cpu", "cpu.cfs_quota_us"));
    this.#home = isFirstVersion ? join(ROOT, "cpu") : ROOT;
    this.#group = join(this.#home, `flotilla-bench-${name}`);
    this.#pid = pid;
    mkdirSync(this.#group, { recursive: true });
    const quota = String(Math.round(PERIOD_US * share));
    if (isFirstVersion) {
      writeFileSync(join(this.#group, "cpu.cfs_period_us"), String(PERIOD_US));
      writeFileSync(join(this.#group, "cpu.cfs_quota_us"), quota);
    } else {
      writeFileSync(join(this.#group, "cpu.max"), `${quota} ${PERIOD_US}`);
    }
    writeFileSync(join(this.#group, PROCESSES), String(pid));
  }

  [Symbol.dispose](): void {
    writeFileSync(join(this.#home, PROCESSES), String(this.#pid));
    rmdirSync(this.#group);
  }
}
