import { z } from 'zod';
import { MAX_PATTERNS } from '../patterns/name-patterns.js';
import { cluster } from './cluster-schema.js';
import { bytes, hostPort, identifier, ms, pattern } from './fields.js';
import { planner } from './planner-schema.js';
import { recovery } from './recovery-schema.js';
import { rateLimits, routeSettings } from './route-schema.js';

/*
 * The configuration file's form: this schema is its documentation (docs/configuration.md is made from the descriptions), its check
 * and its type. Units are in the names. Secrets may be written in place, as ${ENVIRONMENT} variables, or in files named by the `...File` twins.
 */

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
  ruleSecrets: z
    .record(
      identifier,
      z
        .strictObject({
          secret: z.string().min(16).optional().describe('The secret, at least 16 characters.'),
          secretFile: z.string().min(1).optional().describe('File that holds the secret.'),
        })
        .describe('A secret by the name that rules use.'),
    )
    .default({})
    .describe(
      'Secrets that rules hash fields with (HMAC), by name; the same in every controller’s and worker’s file. They are never shown, nor part of a route.',
    ),
  recovery: recovery
    .prefault({})
    .describe('What recovery programs (`causeway switchover` and the like) do besides their own steps.'),
  controller: controller.prefault({}).describe('For `causeway controller` and `causeway standalone`.'),
  worker: worker.prefault({}).describe('For `causeway worker` and `causeway standalone`.'),
  logging: logging.prefault({}).describe('Logs are JSON lines on stdout.'),
});

/** The file as written, checked, with defaults. `compile.ts` turns it into `Config`. */
export type ConfigFile = z.output<typeof configSchema>;
