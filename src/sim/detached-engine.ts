import { aborted, LinkedAbort } from "#base/abort.ts";
import type { Engine } from "#engine/engine.ts";

/**
 * The engine as a daemon sees it: a process of its own, which carries out what it was asked even if who asked has left
 * meanwhile. `life` ends it all, at the end of the simulation.
 */
export function detachedEngine(engine: Engine, life: AbortSignal): Engine {
  const detached = async <T>(signal: AbortSignal, work: (signal: AbortSignal) => Promise<T>): Promise<T> => {
    signal.throwIfAborted();
    const done = work(life);
    using waiting = new LinkedAbort(signal);
    await Promise.race([done, aborted(waiting.signal)]);
    signal.throwIfAborted();
    return done;
  };
  return {
    describe: (signal) => engine.describe(signal),
    pullImage: (reference, auth, signal) => engine.pullImage(reference, auth, signal),
    inspectImage: (reference, signal) => engine.inspectImage(reference, signal),
    createContainer: (name, body, signal) => detached(signal, (own) => engine.createContainer(name, body, own)),
    startContainer: (id, signal) => detached(signal, (own) => engine.startContainer(id, own)),
    stopContainer: (id, graceMs, signal) => detached(signal, (own) => engine.stopContainer(id, graceMs, own)),
    removeContainer: (id, signal) => detached(signal, (own) => engine.removeContainer(id, own)),
    inspectContainer: (id, signal) => engine.inspectContainer(id, signal),
    listContainers: (labels, signal) => engine.listContainers(labels, signal),
    createVolume: (volume, signal) => detached(signal, (own) => engine.createVolume(volume, own)),
    listNetworks: (labels, signal) => engine.listNetworks(labels, signal),
    createNetwork: (network, signal) => detached(signal, (own) => engine.createNetwork(network, own)),
    removeNetwork: (id, signal) => detached(signal, (own) => engine.removeNetwork(id, own)),
    connectNetwork: (id, container, endpoint, signal) =>
      detached(signal, (own) => engine.connectNetwork(id, container, endpoint, own)),
    disconnectNetwork: (id, container, signal) =>
      detached(signal, (own) => engine.disconnectNetwork(id, container, own)),
    events: (labels, signal) => engine.events(labels, signal),
    logs: (id, options, signal) => engine.logs(id, options, signal),
  };
}
