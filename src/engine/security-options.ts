import type { Privileges } from "#model/spec.ts";

/** A service's privileges as the engine's `HostConfig.SecurityOpt`. What is at its default adds nothing. */
export function securityOptions(privileges: Privileges): string[] {
  const { CredentialSpec, SELinuxContext, Seccomp, AppArmor, NoNewPrivileges } = privileges;
  return [
    ...prefixed("credentialspec=file://", CredentialSpec?.File),
    ...prefixed("credentialspec=registry://", CredentialSpec?.Registry),
    ...prefixed("credentialspec=config://", CredentialSpec?.Config),
    ...(SELinuxContext?.Disable ? ["label=disable"] : []),
    ...prefixed("label=user:", SELinuxContext?.User),
    ...prefixed("label=role:", SELinuxContext?.Role),
    ...prefixed("label=level:", SELinuxContext?.Level),
    ...prefixed("label=type:", SELinuxContext?.Type),
    ...(Seccomp?.Mode === "unconfined" ? ["seccomp=unconfined"] : []),
    ...(Seccomp?.Mode === "custom" ? [`seccomp=${decode(Seccomp.Profile ?? "")}`] : []),
    ...(AppArmor?.Mode === "disabled" ? ["apparmor=unconfined"] : []),
    ...(NoNewPrivileges ? ["no-new-privileges=true"] : []),
  ];
}

const prefixed = (prefix: string, value: string | undefined): string[] => (value ? [prefix + value] : []);

/** The profile travels as base64 of its JSON; the engine wants the JSON. */
const decode = (base64: string): string => Buffer.from(base64, "base64").toString("utf8");
