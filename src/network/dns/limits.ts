/** The numbers of the name server, each with its reason. */

/**
 * How long an asker may keep an answer about names of the cluster, in seconds: a change is to be seen everywhere within a
 * second. Not 0, which some caches take for an error. Docker's 600 is why clients of it go on asking dead tasks.
 */
export const ANSWER_TTL_SECONDS = 1;

/** Questions that wait for an upstream at once. Source: moby libnetwork resolver.go maxConcurrent. */
export const MAX_FORWARDED = 1_024;
/** Of these, from one source: a container that asks much of a dead upstream leaves seven eighths to the others. */
export const MAX_FORWARDED_PER_SOURCE = 128;
/** Upstreams that are tried. Source: moby libnetwork resolver.go maxExtDNS, and MAXNS of the C library. */
export const MAX_UPSTREAMS = 3;
/**
 * When a forwarded question has failed. Docker gives each upstream 4 s; but between a container and us is the engine's
 * own server, which gives us 4 s (moby libnetwork resolver.go extIOTimeout). So all our upstreams together get less.
 */
export const FORWARD_TIMEOUT_MS = 3_500;
/** How long an upstream may be silent until the next one is asked too, so that a dead one delays and does not deny. */
export const NEXT_UPSTREAM_MS = 1_000;
/** How long until a datagram counts as lost and is sent again. */
export const RESEND_MS = 1_000;
/** How old what was read in the host's list of name servers may be. */
export const RESOLV_CONF_AGE_MS = 1_000;

/**
 * Questions of one source in one second; more are not answered. An answer takes some 50 µs of the daemon's only thread
 * (measured: 15 µs for one address, 50 µs for ten): a flooding container gets 5 % of it, and one that looks a name up for
 * each of 1,000 requests a second is not held up.
 */
export const MAX_QUESTIONS_PER_SECOND = 1_000;
/** Sources that are counted in one second; beyond them nobody new is heard, so that forged sources cost no memory. */
export const MAX_SOURCES_PER_SECOND = 16_384;

/** The longest question: a name has 255 bytes, and what resolvers add (cookies, client subnet, padding) some hundred. */
export const MAX_QUESTION_BYTES = 4_096;
/** What every asker takes over UDP. Source: RFC 1035, section 4.2.1. */
export const MIN_UDP_ANSWER_BYTES = 512;
/** The longest answer that we send over UDP to one who takes it. Source: RFC 6891, section 6.2.5. */
export const MAX_UDP_ANSWER_BYTES = 4_096;
export const MAX_TCP_ANSWER_BYTES = 65_535;

/** TCP connections at once: of all, of one source. Resolvers use one for one question, seldom more than a few. */
export const MAX_CONNECTIONS = 256;
export const MAX_CONNECTIONS_PER_SOURCE = 16;
/** When a silent TCP connection is closed: longer than a forwarded question takes. Source: RFC 7766, section 6.2.3. */
export const IDLE_CONNECTION_MS = 8_000;
