import { z } from 'zod';
import { tokenUrlFault } from '../model/cluster.js';
import { topicNameFault } from '../model/topic-partition.js';
import { identifierFault } from '../model/worker.js';
import { MAX_PATTERNS, patternFault } from '../patterns/name-patterns.js';
import { continuity } from './continuity-schema.js';
import { bytes, ms } from './fields.js';
import { planner } from './planner-schema.js';

/*
 * The configuration file's form: this schema is its documentation (docs/configuration.md is made from the descriptions), its check
 * and its type. Units are in the names. Secrets may be written in place, as ${ENVIRONMENT} variables, or in files named by the `...File` twins.
 */

const identifier = z.string().superRefine((value, context) => {
  const fault = identifierFault(value);
  if (fault !== undefined) context.addIssue({ code: 'custom', message: fault });
});
const HOST_PORT = /^(?:\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+):(\d{1,5})$/;
const hostPort = z.string().refine((value) => {
  const port = Number(HOST_PORT.exec(value)?.[1] ?? 0);
  return port >= 1 && port <= 65_535;
}, 'write it as host:port, an IPv6 address in brackets');

const zone = z.string().min(1).max(64);

const tls = z.strictObject({
  caFile: z
    .string()
    .min(1)
    .optional()
    .describe(
      'PEM file of the authorities to trust instead of the system’s; like all of these read anew at each connect.',
    ),
  certFile: z.string().min(1).optional().describe('PEM file of our certificate chain, for mutual TLS.'),
  keyFile: z.string().min(1).optional().describe('PEM file of our private key.'),
  passphrase: z.string().optional().describe('Passphrase of the private key.'),
  passphraseFile: z.string().min(1).optional().describe('File that holds the passphrase; read anew at each connect.'),
  serverName: z.string().min(1).optional().describe('Name to verify instead of the host; also sent as SNI.'),
  insecure: z.boolean().optional().describe('true switches verification off; warned about at every start.'),
});

const mechanism = 'How to authenticate.';
const passwordLogin = {
  username: z.string().min(1).describe('Name of the principal, with plain and scram.'),
  password: z.string().min(1).optional().describe('Its password.'),
  passwordFile: z.string().min(1).optional().describe('File that holds the password; read anew at each login.'),
};

const tokenEndpoint = z.strictObject({
  url: z
    .string()
    .superRefine((value, context) => {
      const fault = tokenUrlFault(value);
      if (fault !== undefined) context.addIssue({ code: 'custom', message: fault });
    })
    .describe('Where tokens are issued: https, or http to this very machine.'),
  clientId: z.string().min(1).describe('Our name at the issuer.'),
  clientSecret: z.string().min(1).optional().describe('Our secret at the issuer.'),
  clientSecretFile: z.string().min(1).optional().describe('File that holds the secret; read anew for each token.'),
  scope: z.string().min(1).optional().describe('Scopes to ask for, separated by blanks.'),
  caFile: z
    .string()
    .min(1)
    .optional()
    .describe('PEM file of the authorities to trust for the endpoint instead of the system’s.'),
});

const sasl = z.discriminatedUnion('mechanism', [
  z.strictObject({ mechanism: z.literal('plain').describe(mechanism), ...passwordLogin }),
  z.strictObject({ mechanism: z.literal('scram-sha-256').describe(mechanism), ...passwordLogin }),
  z.strictObject({ mechanism: z.literal('scram-sha-512').describe(mechanism), ...passwordLogin }),
  z.strictObject({
    mechanism: z.literal('oauthbearer').describe(mechanism),
    tokenFile: z
      .string()
      .min(1)
      .optional()
      .describe('With oauthbearer: file that holds a token and is renewed by somebody else; read anew at each login.'),
    tokenEndpoint: tokenEndpoint
      .optional()
      .describe('With oauthbearer: tokens are fetched from their issuer (OAuth 2 client credentials).'),
  }),
]);

const cluster = z.strictObject({
  bootstrap: z.array(hostPort).min(1).max(32).describe('Brokers to begin with, as host:port.'),
  tls: tls
    .optional()
    .describe('TLS towards the brokers; `{}` for TLS with the system’s authorities, absent for plaintext.'),
  sasl: sasl.optional().describe('Authentication towards the brokers.'),
  rack: z
    .string()
    .min(1)
    .max(255)
    .optional()
    .describe(
      'Where the workers are, in the words of the brokers’ `broker.rack`: with a replica selector at the brokers, fetches go to the nearest replica (KIP-392).',
    ),
  zone: zone
    .optional()
    .describe(
      'Where the cluster is, in the words of `worker.zone`: routes to it are copied by the workers of that zone while any is there.',
    ),
  connectTimeoutMs: ms.default(10_000).describe('How long a connection may take to come about.'),
  requestTimeoutMs: ms.default(30_000).describe('How long a broker may take to answer; then the connection is closed.'),
});

const http = z.strictObject({
  host: z
    .string()
    .min(1)
    .default('127.0.0.1')
    .describe('Address to listen on. Without a token only a loopback address is allowed.'),
  port: z.number().int().min(0).max(65_535).default(0).describe('Port to listen on; 0 picks a free one.'),
  advertised: hostPort
    .optional()
    .describe(
      'What others are told to connect to, as host:port; host and the real port unless set. It must lead to this very process: a refused connection there counts as its end.',
    ),
  token: z.string().min(16).optional().describe('Bearer token that every request except probes must carry.'),
  tokenFile: z.string().min(1).optional().describe('File that holds the token.'),
});

const zookeeper = z.strictObject({
  connect: z.string().min(1).describe('ZooKeeper servers as `host:port,host:port`; IPv6 addresses in brackets.'),
  root: z
    .string()
    .regex(/^(?:\/(?!\.{1,2}(?:\/|$))[A-Za-z0-9._-]+)+$/, 'write it as an absolute path such as /causeway')
    .default('/causeway')
    .describe('Everything is kept below `<root>/<fleet>`.'),
  sessionTimeoutMs: ms
    .min(1_000)
    .default(6_000)
    .describe('After this long without a word from us the session is over (the server may bound it).'),
  digest: z
    .string()
    .regex(/^[^:]+:.+$/, 'write it as user:password')
    .optional()
    .describe('Digest credentials, as user:password; nodes are then readable by them alone.'),
  digestFile: z.string().min(1).optional().describe('File that holds the digest credentials.'),
});

const embedded = z.strictObject({
  dir: z.string().min(1).describe('Folder of the embedded store; made when missing.'),
});

const coordination = z.discriminatedUnion('type', [
  z.strictObject({
    type: z
      .literal('zookeeper')
      .describe('Where the fleet’s state is kept: `zookeeper` for fleets, `embedded` for `causeway standalone`.'),
    zookeeper: zookeeper.describe('With type zookeeper.'),
  }),
  z.strictObject({
    type: z
      .literal('embedded')
      .describe('Where the fleet’s state is kept: `zookeeper` for fleets, `embedded` for `causeway standalone`.'),
    embedded: embedded.describe('With type embedded.'),
  }),
]);

const policy =
  'How target topics are named: `identity` keeps the name, `default` is `<source><separator><topic>` as MirrorMaker 2 does.';
export const naming = z.discriminatedUnion('policy', [
  z.strictObject({ policy: z.literal('identity').describe(policy) }),
  z.strictObject({
    policy: z.literal('default').describe(policy),
    separator: z
      .string()
      .min(1)
      .max(8)
      .default('.')
      .describe('Between the source cluster’s name and the topic, with policy default.'),
  }),
]);

export const topicName = z.string().superRefine((value, context) => {
  const fault = topicNameFault(value);
  if (fault !== undefined) context.addIssue({ code: 'custom', message: fault });
});

/** Upper bounds, for routes, topics and workers. */
export const rateLimits = z.strictObject({
  bytesPerS: z.number().int().min(1).optional().describe('Bytes a second; no bound unless set.'),
  recordsPerS: z.number().int().min(1).optional().describe('Records a second; no bound unless set.'),
});

const pattern = z
  .string()
  .min(1)
  .superRefine((value, context) => {
    const fault = patternFault(value);
    if (fault !== undefined) context.addIssue({ code: 'custom', message: fault });
  });

/** Which topics a route mirrors by itself. */
export const selectionSettings = z.strictObject({
  include: z
    .array(pattern)
    .min(1)
    .max(MAX_PATTERNS)
    .describe('Patterns (RE2, whole names) of topics that are mirrored without being added, also those still to come.'),
  exclude: z
    .array(pattern)
    .max(MAX_PATTERNS)
    .default([])
    .describe('Patterns of topics that are not, whatever includes them.'),
  targetMustExist: z
    .boolean()
    .default(false)
    .describe('true: only topics that the target has already, as uReplicator’s automatic whitelisting does.'),
  onUnmatched: z
    .enum(['keep', 'stop'])
    .default('keep')
    .describe(
      'What becomes of a selected topic that does not match any more, after the patterns were changed: it is copied on (`keep`) or paused (`stop`), and told as TOPIC_UNSELECTED in both cases.',
    ),
});

/** A route's settings, shared by the configuration file and PUT /api/v1/routes/{name}. */
export const routeSettings = z.strictObject({
  source: identifier.describe('Name of the cluster to read from.'),
  target: identifier.describe('Name of the cluster to write to.'),
  naming: naming.default({ policy: 'identity' }).describe('How target topics are named.'),
  delivery: z
    .enum(['exactly-once', 'transactional', 'at-least-once'])
    .default('exactly-once')
    .describe(
      'What is promised per record. `exactly-once`: the target’s own log tells a new owner what is there, nothing comes twice; needs the right to write under transactional ids `causeway.*` at the target, and that nobody else writes into its topics. `transactional`: records and their positions in one transaction of the target, whoever else writes there: for several routes into one topic and for topics with producers of their own; readers must be read_committed, offsets are not dense. `at-least-once`: after a worker’s death up to a second comes again.',
    ),
  start: z
    .enum(['earliest', 'latest'])
    .default('earliest')
    .describe(
      'Where a topic’s present partitions begin when it is added; partitions that appear later always begin at their first record.',
    ),
  isolation: z
    .enum(['read_committed', 'read_uncommitted'])
    .default('read_committed')
    .describe('Whether records of open and aborted source transactions are left out.'),
  targetTopics: z
    .strictObject({
      create: z.boolean().default(true).describe('Create missing target topics and grow short ones.'),
      replicationFactor: z
        .number()
        .int()
        .min(1)
        .max(32)
        .optional()
        .describe(
          'Replication factor of created topics; the source topic’s, at most the number of target brokers, unless set.',
        ),
      shared: z
        .boolean()
        .optional()
        .describe(
          'true: others write into the target topics, too. Not with delivery exactly-once; transactional is for it.',
        ),
    })
    .default({ create: true })
    .describe('What to do about topics at the target.'),
  compression: z
    .enum(['source', 'none', 'gzip', 'snappy', 'lz4', 'zstd'])
    .default('source')
    .describe(
      'Codec of the target’s batches: `source` passes them as they are; any other decodes and compresses anew what differs, to save bytes on a thin link for CPU here.',
    ),
  coalesceBelowBytes: z
    .number()
    .int()
    .min(0)
    .max(1 << 20)
    .optional()
    .describe(
      'Source batches smaller than this are merged while they wait for the target; 0 never. Unless set it follows the target’s round trip: small nearby, larger far away.',
    ),
  onRefusedRecord: z
    .enum(['pause', 'skip', 'dead-letter'])
    .default('pause')
    .describe(
      'What becomes of a single record that the target will never take (larger than its max.message.bytes, no key for a compacted topic, its timestamp refused): the partition pauses, or the record is left out and declared as a gap, or it is also written to deadLetterTopic.',
    ),
  deadLetterTopic: topicName
    .optional()
    .describe('Topic at the target for refused records, with onRefusedRecord dead-letter; created when missing.'),
  continuity: continuity
    .prefault({})
    .describe(
      'What to do when a topic is not what it was: recreated, deleted, truncated, or gone behind the position. Nothing of it is ever passed in silence.',
    ),
  limits: rateLimits.default({}).describe('Upper bounds of what this route copies, over all workers.'),
  zones: z
    .array(zone)
    .min(1)
    .max(16)
    .optional()
    .describe(
      'Zones whose workers copy this route; others only while none of these is there. Unless set: the target cluster’s `zone`.',
    ),
  selection: selectionSettings
    .optional()
    .describe('Topics that are mirrored by their names. Unless set: only those that are added one by one.'),
});

const controller = z.strictObject({
  id: identifier.optional().describe('Name of this controller; the host’s name unless set.'),
  http: http.default({ host: '127.0.0.1', port: 0 }).describe('The REST server.'),
  takeoverDelayMs: z
    .number()
    .int()
    .min(0)
    .max(3_600_000)
    .default(2_000)
    .describe(
      'How long a worker may be gone before its partitions move: long enough for a clumsy restart, short enough for a death. One whose process is over for certain (its HTTP port refuses connections) is not waited for.',
    ),
  handoffTimeoutMs: ms
    .default(10_000)
    .describe(
      'A planned move without a report by then is treated as a death; six times as long where the worker says that it holds the partition and has not begun it.',
    ),
  reconcileIntervalMs: ms
    .default(5_000)
    .describe('How often desired and actual are compared in full (jittered); watches only make it sooner.'),
  metadataIntervalMs: ms.default(2_000).describe('How often the source clusters are asked for topics and partitions.'),
  legacyRoute: identifier
    .optional()
    .describe('The route that uReplicator’s paths (`/topics`) mean; the only route where there is just one.'),
  deny: z
    .array(pattern)
    .max(MAX_PATTERNS)
    .default([])
    .describe(
      'Patterns (RE2, whole names) of topics that are never mirrored: no selection takes them, none can be added, those that are mirrored stop. The same in every controller’s file.',
    ),
  planner: planner.prefault({}).describe('When partitions move between workers that live.'),
});

const worker = z.strictObject({
  id: identifier.optional().describe('Name of this worker, unique in the fleet; the host’s name unless set.'),
  http: http.default({ host: '127.0.0.1', port: 0 }).describe('Status, metrics and probes.'),
  zone: z
    .string()
    .max(64)
    .default('')
    .describe(
      'Where the worker runs: routes that name this zone, or whose target cluster is there, are for its workers.',
    ),
  capacity: z.number().min(0.01).max(1_000).default(1).describe('Relative share of the load.'),
  standby: z
    .boolean()
    .default(false)
    .describe('true: it takes partitions only where too few other workers are there. An order over REST wins.'),
  routes: z
    .array(identifier)
    .max(100)
    .default([])
    .describe(
      'Routes this worker is for: it copies them, and nobody else does while it is there. An order over REST wins.',
    ),
  threads: z.number().int().min(1).max(64).default(1).describe('Data threads; a partition lives on one.'),
  maxInflightBytes: bytes
    .min(1 << 20)
    .default(256 << 20)
    .describe('Bytes fetched and not yet acknowledged by the target, over all partitions.'),
  fetchMaxBytes: bytes.default(16 << 20).describe('Bytes of one answer to Fetch; at most maxInflightBytes.'),
  fetchMaxPartitionBytes: bytes
    .default(1 << 20)
    .describe('Bytes of one partition in an answer to Fetch; at most fetchMaxBytes.'),
  fetchMaxWaitMs: ms.default(500).describe('How long a broker may hold a Fetch back while there is nothing new.'),
  fetchConnections: z
    .number()
    .int()
    .min(1)
    .max(64)
    .default(1)
    .describe(
      'Connections per source broker and thread for partitions at the head, and as many for those behind; more than one where one TCP window is less than bandwidth times round trip.',
    ),
  limits: rateLimits
    .default({})
    .describe('Upper bounds of what this worker copies, over all routes; those of routes and topics hold beside them.'),
  produceConnections: z
    .number()
    .int()
    .min(1)
    .max(64)
    .default(2)
    .describe('Connections per target broker; each carries up to 5 requests.'),
  crcCheckEvery: z
    .number()
    .int()
    .min(0)
    .max(1_000_000)
    .default(100)
    .describe(
      'The full checksum of every so many-th batch that passes as it is, is verified here; 0: of none. The target verifies all of them.',
    ),
  checkpointIntervalMs: ms.default(1_000).describe('How often changed positions are committed at the target.'),
  checkpointRefreshMs: ms
    .default(600_000)
    .describe('How often unchanged positions are committed again: group offsets without members expire one by one.'),
  stallAfterMs: ms
    .min(100)
    .default(25_000)
    .describe(
      'A partition that has something to do and does not move for so long counts as stalled: what blocks it is looked for and told.',
    ),
  onCoordinationLoss: z
    .enum(['by-delivery', 'stop', 'continue'])
    .default('by-delivery')
    .describe(
      'When the coordination session is over: by-delivery goes on where all that the worker copies is delivered exactly once (the target refuses whoever was replaced) and stops otherwise; stop waits until it is back; continue goes on and risks repeats of what is delivered at least once.',
    ),
  shutdownTimeoutMs: ms
    .default(20_000)
    .describe('How long SIGTERM may take to hand over before the process ends anyway.'),
});

const logging = z.strictObject({
  level: z.enum(['debug', 'info', 'warn', 'error']).default('info').describe('The least severe event that is logged.'),
});

/** A whole configuration file. */
export const configSchema = z.strictObject({
  fleet: identifier
    .default('default')
    .describe('Name of the fleet; part of znode paths, transactional ids and lane names.'),
  coordination: coordination.describe('Where the fleet’s state is kept.'),
  clusters: z
    .record(identifier, cluster)
    .refine((value) => Object.keys(value).length > 0, { message: 'name at least one cluster' })
    .describe('Kafka clusters by name. They come from this file only, never over REST.'),
  routes: z
    .record(identifier, routeSettings)
    .default({})
    .describe('Routes to create when they do not exist yet; afterwards REST owns them.'),
  controller: controller.prefault({}).describe('For `causeway controller` and `causeway standalone`.'),
  worker: worker.prefault({}).describe('For `causeway worker` and `causeway standalone`.'),
  logging: logging.prefault({}).describe('Logs are JSON lines on stdout.'),
});

/** The file as written, checked, with defaults. `compile.ts` turns it into `Config`. */
export type ConfigFile = z.output<typeof configSchema>;
export type RouteSettings = z.output<typeof routeSettings>;
