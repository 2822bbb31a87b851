import { execute, run } from "#lab/command.ts";

/** By its description a context is known as ours. */
const DESCRIPTION = "Flotilla: a cluster of Docker hosts as one";

/** Makes the docker CLI's context `name` point to `host`. A context of that name that is not ours is left alone. */
export async function createContext(name: string, host: string, signal: AbortSignal): Promise<void> {
  const known = await descriptionOf(name, signal);
  if (known !== undefined && known !== DESCRIPTION) return;
  const settings = ["--description", DESCRIPTION, "--docker", `host=${host}`];
  await run({ argv: ["docker", "context", known === undefined ? "create" : "update", ...settings, name] }, signal);
}

/** Removes the context, also when it is in use. No error when there is none, or one that is not ours. */
export async function removeContext(name: string, signal: AbortSignal): Promise<void> {
  if ((await descriptionOf(name, signal)) !== DESCRIPTION) return;
  await execute({ argv: ["docker", "context", "rm", "--force", name] }, signal);
}

/** Undefined when there is no such context. */
async function descriptionOf(name: string, signal: AbortSignal): Promise<string | undefined> {
  const { code, stdout } = await execute({ argv: ["docker", "context", "inspect", name] }, signal);
  if (code !== 0) return undefined;
  const [context] = JSON.parse(stdout) as readonly [{ readonly Metadata: { readonly Description?: string } }];
  return context.Metadata.Description ?? "";
}
