import { systemClock } from "#base/clock.ts";
import { type Logger, silentLogger } from "#base/log.ts";
import { agentRoutes } from "#wire/agent-routes.ts";
import { certificateRoutes } from "#wire/certificate-routes.ts";
import { CurrentIdentity, type Identity } from "#wire/identity.ts";
import { peerRoutes } from "#wire/peer-routes.ts";
import type { AgentService, CertificateService, PeerService } from "#wire/protocol.ts";
import { type OnTunnel, WireServer } from "#wire/server.ts";

export interface TestServer extends AsyncDisposable {
  readonly addr: string;
  readonly port: number;
  readonly identity: CurrentIdentity;
}

export interface TestServerOptions {
  readonly agents?: Partial<AgentService>;
  readonly certificates?: Partial<CertificateService>;
  readonly peers?: Partial<PeerService>;
  readonly removed?: ReadonlySet<string>;
  readonly log?: Logger;
  readonly handshakeTimeoutMs?: number;
  readonly onTunnel?: OnTunnel;
}

/** A server on a free port of the loopback interface. */
export async function openTestServer(own: Identity, options: TestServerOptions = {}): Promise<TestServer> {
  const identity = new CurrentIdentity(own);
  const signal = new AbortController().signal;
  const server = new WireServer(
    {
      identity,
      // Tests give the methods that they call.
      services: [
        agentRoutes(options.agents as AgentService),
        certificateRoutes(options.certificates as CertificateService),
        peerRoutes(options.peers as PeerService),
      ],
      isRemoved: (nodeId) => options.removed?.has(nodeId) ?? false,
      clock: systemClock,
      log: options.log ?? silentLogger,
      ...(options.onTunnel && { onTunnel: options.onTunnel }),
      ...(options.handshakeTimeoutMs === undefined ? {} : { handshakeTimeoutMs: options.handshakeTimeoutMs }),
    },
    signal,
  );
  const { port } = await server.listen({ host: "127.0.0.1", port: 0 });
  return { addr: `127.0.0.1:${port}`, port, identity, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}
