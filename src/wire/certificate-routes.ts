import { FlotillaError } from "#base/errors.ts";
import type { NodeAvailability } from "#model/spec.ts";
import { CertificateService as definition } from "./generated/flotilla/v1/certificate_pb.ts";
import { MAX_STRANGER_MESSAGE_BYTES } from "./limits.ts";
import type { CertificateService } from "./protocol.ts";
import { callerKey, type WireService } from "./service.ts";

/** Serves those who have no certificate yet, or want a new one. */
export const certificateRoutes = (certificates: CertificateService): WireService => ({
  service: definition,
  access: "anyone",
  register(router) {
    router.service(
      definition,
      {
        async rootCertificate(_request, context) {
          return { certificate: await certificates.rootCertificate(context.signal) };
        },
        async issue({ csr, token, availability }, context) {
          const request = {
            csr,
            ...(token === undefined ? {} : { token }),
            ...(availability === undefined ? {} : { availability: parseAvailability(availability) }),
          };
          return await certificates.issue(context.values.get(callerKey), request, context.signal);
        },
      },
      { readMaxBytes: MAX_STRANGER_MESSAGE_BYTES },
    );
  },
});

function parseAvailability(text: string): NodeAvailability {
  if (text === "active" || text === "pause" || text === "drain") return text;
  throw new FlotillaError("invalid", `invalid availability ${JSON.stringify(text)}: want active, pause or drain`);
}
