import type { LabHost } from "./host.ts";
import { type ImageSpec, packImages } from "./image-archive.ts";
import { busyboxFiles, type ImageFile } from "./image-files.ts";

/** The port that the demo listens on inside its container. */
export const DEMO_PORT = 80;

/**
 * The demo's main process. It leaves at SIGTERM at once: a process 1 without a handler would not get the signal at all,
 * so the web server is its child.
 */
const DEMO_SCRIPT = `#!/bin/sh
trap 'exit 0' TERM INT
mkdir -p /tmp/www/cgi-bin
echo "$(hostname) runs version $VERSION" > /tmp/www/index.html
cp /usr/share/demo/whoami /tmp/www/cgi-bin/whoami
echo "version $VERSION is up on port ${DEMO_PORT}"
httpd -f -p ${DEMO_PORT} -h /tmp/www &
wait
`;

/** Tells who answers, and which address the request came from. */
const WHOAMI_SCRIPT = `#!/bin/sh
client=\${REMOTE_ADDR#[[]::ffff:}
printf 'Content-Type: text/plain\\r\\n\\r\\n'
printf 'host=%s\\nversion=%s\\nclient=%s\\n' "$(hostname)" "$VERSION" "\${client%]}"
`;

const DEMO_FILES: readonly ImageFile[] = [
  { path: "usr/bin/demo", content: DEMO_SCRIPT, mode: 0o755 },
  { path: "usr/share", directory: true },
  { path: "usr/share/demo", directory: true },
  { path: "usr/share/demo/whoami", content: WHOAMI_SCRIPT, mode: 0o755 },
];

/** `busybox:latest`, on the given files. */
const busyboxImage = (base: readonly ImageFile[]): ImageSpec => ({
  names: ["busybox:latest"],
  layers: [base],
  cmd: ["sh"],
});

/**
 * A web server that says at `/` which container and version it is, and at `/cgi-bin/whoami` also who asked.
 * `base` are the files of busybox; `changes` make a variant of it.
 */
export const demoImage = (
  base: readonly ImageFile[],
  version: string,
  changes: Partial<ImageSpec> = {},
): ImageSpec => ({
  names: [`flotilla/demo:${version}`],
  layers: [base, DEMO_FILES],
  cmd: ["/usr/bin/demo"],
  env: { VERSION: version },
  exposedPorts: [`${DEMO_PORT}/tcp`],
  ...changes,
});

/** What every lab can run: `busybox:latest`, `flotilla/demo:1`, and `flotilla/demo:2` to update it to. */
export async function labImages(signal: AbortSignal): Promise<readonly ImageSpec[]> {
  const base = await busyboxFiles(signal);
  return [busyboxImage(base), demoImage(base, "1"), demoImage(base, "2")];
}

/** Makes the images known to all the engines, under the same ids. */
export async function loadImages(
  hosts: readonly LabHost[],
  specs: readonly ImageSpec[],
  signal: AbortSignal,
): Promise<void> {
  const archive = await packImages(specs);
  await Promise.all(hosts.map((host) => host.loadImages(archive, signal)));
}
