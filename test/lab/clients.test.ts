import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { run } from "#lab/command.ts";
import { SHOP_PREREQUISITES, shopImages } from "#lab/images-shop.ts";
import { pushImage, REGISTRY_PREREQUISITE, startRegistry } from "#lab/registry.ts";
import { Certificates } from "./certificates.ts";
import { nearProject, spreadProject } from "./clients/compose.ts";
import { callAsComposeV2 } from "./clients/compose-v2.ts";
import { useDockerode } from "./clients/dockerode.ts";
import { CLIENT_PREREQUISITES } from "./clients/prerequisites.ts";
import { RemoteUser, servingRemotely } from "./clients/remote-user.ts";
import { openCluster, sceneWith, signal } from "./cluster.ts";

const MANAGER = "10.77.0.1";

const program = (name: string): string => fileURLToPath(new URL(`./clients/${name}`, import.meta.url));

test("clients of Docker's API use the cluster as one host", {
  ...sceneWith([...CLIENT_PREREQUISITES, ...SHOP_PREREQUISITES, REGISTRY_PREREQUISITE]),
  timeout: 600_000,
}, async (t) => {
  using certificates = new Certificates([MANAGER]);
  await using cluster = await openCluster({
    name: "clients",
    hosts: 3,
    daemon: servingRemotely(certificates),
    images: await shopImages(signal),
  });
  const { lab, manager } = cluster;
  const registry = await startRegistry(manager, signal);
  const pullable = await pushImage(manager, "busybox:latest", registry, signal);
  const user = new RemoteUser(lab, MANAGER, certificates);

  await t.test("docker-compose 1.29: a project over all hosts", (t) => spreadProject(t, user));
  await t.test("docker-compose 1.29: a project on one host", (t) => nearProject(t, user));
  await t.test("the calls of docker compose 2", (t) => callAsComposeV2(t, manager.daemonSocket));
  await t.test("docker-py", async () => {
    // Not with TLS: it waits for a socket to be readable when what it waits for has been decrypted already.
    const env = { DOCKER_HOST: `unix://${manager.daemonSocket}` };
    await run({ argv: ["/usr/bin/python3", program("docker-py.py")], env }, signal);
  });
  await t.test("dockerode", (t) => useDockerode(t, manager.daemonSocket, pullable));
  await t.test("Testcontainers", async () => {
    await user.run(process.execPath, program("testcontainers-program.ts"));
  });
});
