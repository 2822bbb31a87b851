import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

function openssl(directory: string, ...args: string[]): void {
  const { status, stderr } = spawnSync("openssl", args, { cwd: directory });
  assert.equal(status, 0, String(stderr));
}

/** An authority (`ca.pem`), and the certificates of a server (`server.pem`, `.key`) and of a client (`client.pem`, `.key`). */
export class Certificates implements Disposable {
  readonly directory = mkdtempSync(join(tmpdir(), "flotilla-tls-"));

  /** @param addresses of the server. */
  constructor(addresses: readonly string[] = ["127.0.0.1"]) {
    const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
    const names = `subjectAltName=${addresses.map((address) => `IP:${address}`).join(",")}\n`;
    openssl(this.directory, "req", "-x509", ...key, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=ca");
    for (const name of ["server", "client"]) {
      writeFileSync(join(this.directory, `${name}.ext`), names);
      openssl(this.directory, "req", ...key, "-keyout", `${name}.key`, "-out", `${name}.csr`, "-subj", `/CN=${name}`);
      const authority = ["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial"];
      const files = ["-in", `${name}.csr`, "-out", `${name}.pem`, "-extfile", `${name}.ext`];
      openssl(this.directory, "x509", "-req", ...authority, ...files);
    }
  }

  path(name: string): string {
    return join(this.directory, name);
  }

  read(name: string): string {
    return readFileSync(this.path(name), "utf8");
  }

  [Symbol.dispose](): void {
    rmSync(this.directory, { recursive: true });
  }
}
