import type { Labels } from "#model/spec.ts";
import { always, bool, labels, list, pointer, since, sparse, string, struct } from "./schema.ts";

/** Networks: a row for each field. Source: moby api/types/network. */

/** `POST /networks/create`. */
export interface NetworkRequest {
  readonly Name: string;
  readonly Driver: string;
  readonly Scope: string;
  readonly EnableIPv4?: boolean;
  readonly EnableIPv6?: boolean;
  readonly IPAM?: IpamRequest;
  readonly Internal: boolean;
  readonly Attachable: boolean;
  readonly Ingress: boolean;
  readonly ConfigOnly: boolean;
  readonly ConfigFrom?: { readonly Network: string };
  readonly Options: Labels;
  readonly Labels: Labels;
}

export interface IpamRequest {
  readonly Driver: string;
  readonly Options: Labels;
  readonly Config: readonly IpamBlock[];
}

export interface IpamBlock {
  readonly Subnet?: string;
  readonly IPRange?: string;
  readonly Gateway?: string;
  readonly AuxiliaryAddresses?: Labels;
}

export const NETWORK_REQUEST = struct<NetworkRequest>({
  Name: always(string),
  Driver: always(string),
  Scope: always(string),
  EnableIPv4: since("1.48", pointer(bool)),
  EnableIPv6: pointer(bool),
  IPAM: pointer(
    struct<IpamRequest>({
      Driver: always(string),
      Options: always(labels),
      Config: always(
        list(
          struct<IpamBlock>({
            Subnet: sparse(string),
            IPRange: sparse(string),
            Gateway: sparse(string),
            AuxiliaryAddresses: sparse(labels),
          }),
        ),
      ),
    }),
  ),
  Internal: always(bool),
  Attachable: always(bool),
  Ingress: always(bool),
  ConfigOnly: always(bool),
  ConfigFrom: pointer(struct<{ readonly Network: string }>({ Network: always(string) })),
  Options: always(labels),
  Labels: always(labels),
});
