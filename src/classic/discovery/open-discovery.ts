import { FlotillaError } from "#base/errors.ts";
import type { Discovery, DiscoveryDeps } from "./discovery.ts";
import { fileDiscovery } from "./file-discovery.ts";
import { nodesDiscovery } from "./nodes-discovery.ts";
import { tokenDiscovery } from "./token-discovery.ts";

const SUPPORTED = "nodes://HOST:PORT,…, file:///PATH, token:///SHARED/TOKEN or etcd://HOST:PORT,…/PREFIX";

/** A discovery argument, taken apart; without a scheme it is a list of addresses. */
export function splitDiscovery(uri: string): { readonly scheme: string; readonly rest: string } {
  const [, scheme = "nodes", rest = uri] = /^([^:/]*):\/\/(.*)$/s.exec(uri) ?? [];
  return { scheme, rest };
}

/**
 * Opens what a discovery argument names.
 * @throws FlotillaError `invalid` for what is not understood, `unimplemented` for a store that is not supported.
 */
export async function openDiscovery(uri: string, deps: DiscoveryDeps): Promise<Discovery> {
  const { scheme, rest } = splitDiscovery(uri);
  if (scheme !== "etcd" && deps.options.size > 0) {
    throw new FlotillaError("invalid", `--discovery-opt goes with etcd://, not with ${scheme}://`);
  }
  switch (scheme) {
    case "nodes":
      return nodesDiscovery(rest);
    case "file":
      return fileDiscovery(rest, deps);
    case "token":
      return tokenDiscovery(rest, deps);
    case "etcd": {
      // Its client is more code than all the rest.
      const [{ EtcdDiscovery }, { etcdPlace }] = await Promise.all([
        import("./etcd-discovery.ts"),
        import("./etcd-place.ts"),
      ]);
      return new EtcdDiscovery(etcdPlace(rest, deps.options), deps.clock);
    }
    case "consul":
    case "zk":
      throw new FlotillaError("unimplemented", `${scheme}:// is not supported: use ${SUPPORTED}`);
    default:
      throw new FlotillaError("invalid", `discovery service ${scheme}:// is not supported: use ${SUPPORTED}`);
  }
}
