import { existsSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { FlotillaError } from "#base/errors.ts";
import { isAlive, type ProcessIdentity, signalProcess } from "#base/process-identity.ts";
import { removeCgroups } from "./cgroups.ts";
import { startDetached } from "./detached.ts";
import { createHostNetwork, hostNamespace, namespacePath, removeHostNetwork } from "./network.ts";
import { type HostPaths, hostPaths } from "./paths.ts";
import { INIT, loadRecord, saveRecord } from "./process-record.ts";
import { until } from "./until.ts";

/** How long the kernel may take to end every process of a host, in ms: some tens are usual. */
const POWER_OFF_MS = 20_000;
const BOOT_MS = 10_000;

/**
 * What the first process of a host does before it becomes its init; `$1` is the host's name, `$2` its /run, `$3` its
 * files of /etc.
 *
 * - /run/netns goes first: a copy of its mounts would keep the namespaces of other hosts alive after they were removed.
 * - /run is the host's own, so that programs find their sockets and pid files where they always do.
 * - /opt becomes read-only: containerd otherwise makes a directory in the machine's own.
 * - Mounts are shared at the end, as systemd has them: containers may ask for propagation.
 */
const BOOT_SCRIPT = `set -e
hostname "$1"
umount -l /run/netns 2>/dev/null || true
mount --bind "$2" /run
for file in hosts resolv.conf; do
  target=$(readlink -m "/etc/$file")
  mkdir -p "$(dirname "$target")"
  [ -e "$target" ] || : > "$target"
  mount --bind "$3/$file" "$target"
done
mount --bind "$3/docker" /etc/docker
if [ -d /opt ]; then mount --bind /opt /opt && mount -o remount,bind,ro /opt; fi
mount --make-rshared /
: > /run/booted
exec docker-init -- sleep infinity`;

/**
 * One host's hardware and kernel, so to say: namespaces for network, mounts, host name and processes, held by an init.
 * Because processes have a namespace of their own, the end of the init is the end of every process of the host, at once
 * and by the kernel's own doing: engine, daemon, shims, containers.
 */
export class Machine {
  readonly lab: string;
  readonly name: string;
  readonly address: string;
  readonly paths: HostPaths;

  constructor(lab: string, name: string, address: string) {
    this.lab = lab;
    this.name = name;
    this.address = address;
    this.paths = hostPaths(lab, name);
  }

  get isOn(): boolean {
    return this.#init() !== undefined;
  }

  /** Powers the host on: an empty /run, a new network namespace, no process but the init. */
  async boot(signal: AbortSignal): Promise<void> {
    if (this.isOn) throw new FlotillaError("precondition", `${this.name} is on already`);
    const { run, etc, log } = this.paths;
    await removeHostNetwork(this.lab, this.name, signal);
    await createHostNetwork(this.lab, this, signal);
    rmSync(run, { recursive: true, force: true });
    mkdirSync(run, { recursive: true });
    const inNetwork = ["nsenter", `--net=${namespacePath(hostNamespace(this.lab, this.name))}`];
    const inOwn = ["unshare", "--mount", "--uts", "--pid", "--fork", "--kill-child=SIGKILL", "--mount-proc"];
    const argv = [...inNetwork, ...inOwn, "sh", "-c", BOOT_SCRIPT, `${this.lab}-${this.name}`, this.name, run, etc];
    const init = await startDetached({ lab: this.lab, argv, log: join(log, "init.log") }, signal);
    await saveRecord(this.lab, this.name, INIT, { ...init, argv });
    await until(`the boot of ${this.name}`, BOOT_MS, () => existsSync(join(run, "booted")), signal);
  }

  /** Ends every process of the host with no warning, as a power cut does; what is on its disk stays. */
  async powerOff(signal: AbortSignal): Promise<void> {
    const init = this.#init();
    if (init !== undefined) {
      signalProcess(init, "SIGKILL");
      await until(`the end of ${this.name}`, POWER_OFF_MS, () => !isAlive(init), signal);
    }
    await removeHostNetwork(this.lab, this.name, signal);
    await removeCgroups(this.paths.cgroup, signal);
  }

  /**
   * The command that runs `argv` inside the host.
   * @throws FlotillaError `precondition` when the host is off.
   */
  enter(argv: readonly string[]): readonly string[] {
    const init = this.#init();
    if (init === undefined) throw new FlotillaError("precondition", `${this.name} is off: power it on first`);
    return ["nsenter", `--target=${init.pid}`, "--net", "--mount", "--uts", "--pid", "--", ...argv];
  }

  #init(): ProcessIdentity | undefined {
    const record = loadRecord(this.lab, this.name, INIT);
    return record !== undefined && isAlive(record) ? record : undefined;
  }
}
