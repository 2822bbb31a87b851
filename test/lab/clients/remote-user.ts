import { copyFileSync } from "node:fs";
import { execute, type Finished, run } from "#lab/command.ts";
import type { Lab } from "#lab/lab.ts";
import type { Certificates } from "../certificates.ts";
import { signal } from "../cluster.ts";

/** The port of the API with TLS, by custom. */
const PORT = 2376;

/** Flags of a daemon that serves remote users. */
export const servingRemotely = (certificates: Certificates): readonly string[] => [
  "--host=unix:///run/flotilla.sock",
  `--host=tcp://0.0.0.0:${PORT}`,
  "--tlsverify",
  `--tlscacert=${certificates.path("ca.pem")}`,
  `--tlscert=${certificates.path("server.pem")}`,
  `--tlskey=${certificates.path("server.key")}`,
];

/** Somebody on the lab's network who uses the API of a host with TLS, as the usual variables tell every client. */
export class RemoteUser {
  readonly #lab: Lab;
  readonly #environment: Readonly<Record<string, string>>;

  constructor(lab: Lab, address: string, certificates: Certificates) {
    this.#lab = lab;
    copyFileSync(certificates.path("client.pem"), certificates.path("cert.pem"));
    copyFileSync(certificates.path("client.key"), certificates.path("key.pem"));
    this.#environment = {
      DOCKER_HOST: `tcp://${address}:${PORT}`,
      DOCKER_TLS_VERIFY: "1",
      DOCKER_CERT_PATH: certificates.directory,
      DOCKER_CONFIG: certificates.directory,
      // What it would start to clean up after tests comes from Docker's registry.
      TESTCONTAINERS_RYUK_DISABLED: "true",
      // Python's clients would take a bundle that this machine names for the one that they are given.
      REQUESTS_CA_BUNDLE: "",
      CURL_CA_BUNDLE: "",
    };
  }

  /** Runs a command to its end, whatever its exit code. */
  exec(argv: readonly string[]): Promise<Finished> {
    return execute({ argv: this.#lab.enter(argv), env: this.#environment }, signal);
  }

  /** Runs a command that has to succeed: what it printed, without the line end. */
  async run(...argv: readonly string[]): Promise<string> {
    return (await run({ argv: this.#lab.enter(argv), env: this.#environment }, signal)).trimEnd();
  }
}
