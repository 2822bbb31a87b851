import type { Host } from "#network/host.ts";
import { localHost } from "#network/local-host.ts";

/** Runs commands as `localHost` does, in the network namespace of this name. */
export function namespaceHost(namespace: string): Host {
  const enter = ["nsenter", `--net=/run/netns/${namespace}`, "--"];
  const never = AbortSignal.any([]);
  return {
    run: (argv, signal, input) => localHost.run([...enter, ...argv], signal, input),
    watch: (argv, onLine, signal) => localHost.watch([...enter, ...argv], onLine, signal),
    async readSetting(path) {
      const { code, stdout } = await localHost.run([...enter, "cat", `/proc/sys/${path}`], never);
      return code === 0 ? stdout.trim() : undefined;
    },
    async writeSetting(path, value) {
      const { code, stderr } = await localHost.run([...enter, "tee", `/proc/sys/${path}`], never, value);
      if (code !== 0) throw new Error(stderr);
    },
  };
}
