import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import type { Mounter } from "./secret-files.ts";
import { createSecretFiles } from "./secret-files.ts";
import { tmpfsMounter } from "./tmpfs.ts";

const folder = mkdtempSync(join(tmpdir(), "flotilla-secrets-"));
after(() => rmSync(folder, { recursive: true }));
const { signal } = new AbortController();
const uid = process.getuid?.() ?? 0;
const file = (target: string, text: string, mode = 0o444) => ({ target, data: Buffer.from(text), uid, gid: uid, mode });

/** Counts mounts, and never lets two overlap. */
class CountingMounter implements Mounter {
  mounts = 0;
  #busy = false;

  async mount(): Promise<void> {
    assert.equal(this.#busy, false);
    this.#busy = true;
    await Promise.resolve();
    this.#busy = false;
    this.mounts++;
  }

  async unmount(): Promise<void> {
    this.mounts = 0;
  }
}

test("nothing is mounted while no task has files", async () => {
  const mounter = new CountingMounter();
  const files = createSecretFiles({ root: join(folder, "none"), mounter });
  assert.deepEqual(await files.write("t1", [], signal), new Map());
  await files.sweep(new Set());
  await files.remove("t1");
  assert.equal(mounter.mounts, 0);
  assert.equal(existsSync(join(folder, "none")), false);
});

test("files have their content, mode and place, and are kept when they are written again", async () => {
  const root = join(folder, "some");
  const files = createSecretFiles({ root, mounter: new CountingMounter() });
  const [paths] = await Promise.all([
    files.write("t1", [file("/run/secrets/a", "A"), file("/b", "B", 0o400)], signal),
    files.write("t2", [file("/b", "other")], signal),
  ]);
  const [a = "", b = ""] = paths.values();
  assert.deepEqual([...paths.keys()], ["/run/secrets/a", "/b"]);
  assert.equal(readFileSync(a, "utf8"), "A");
  assert.equal(statSync(b).mode & 0o777, 0o400);
  assert.equal(statSync(root).mode & 0o777, 0o700);

  const { ino } = statSync(a);
  const restarted = createSecretFiles({ root, mounter: new CountingMounter() });
  await restarted.sweep(new Set(["t1"]));
  assert.deepEqual(await restarted.write("t1", [file("/run/secrets/a", "A"), file("/b", "B", 0o400)], signal), paths);
  assert.equal(statSync(a).ino, ino);
  assert.equal(existsSync(join(root, "t2")), false);
  await restarted.remove("t1");
  assert.equal(existsSync(a), false);
});

test("on a real tmpfs, which a second daemon does not mount over", {
  skip: uid !== 0 && "mounting needs root",
}, async () => {
  const root = join(folder, "with space", "secrets");
  const files = createSecretFiles({ root, mounter: tmpfsMounter });
  try {
    const paths = await files.write("t1", [file("/run/secrets/a", "A")], signal);
    const again = createSecretFiles({ root, mounter: tmpfsMounter });
    await again.write("t2", [file("/run/secrets/a", "B")], signal);
    assert.equal(readFileSync(paths.get("/run/secrets/a") ?? "", "utf8"), "A");
    const mounts = readFileSync("/proc/self/mountinfo", "utf8").split("\n");
    const mine = mounts.filter((line) => line.includes(root.replaceAll(" ", "\\040")));
    assert.equal(mine.length, 1);
    assert.match(mine[0] ?? "", /nosuid,nodev,noexec/);
  } finally {
    await files.clear();
  }
  assert.equal(readFileSync("/proc/self/mountinfo", "utf8").includes(root.replaceAll(" ", "\\040")), false);
});
