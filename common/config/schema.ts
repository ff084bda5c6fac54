import { z } from 'zod';
import { identifierFault } from '../model/worker.js';
import { topicNameFault } from '../model/topic-partition.js';

/*
 * The configuration file's form: this schema is its documentation, its check and its type.
 * Units are in the names. Secrets may be written in place, as ${ENVIRONMENT} variables, or in files named by the `...File` twins.
 */

const identifier = z.string().superRefine((value, context) => {
  const fault = identifierFault(value);
  if (fault !== undefined) context.addIssue({ code: 'custom', message: fault });
});
const ms = z.number().int().min(1).max(86_400_000);
const bytes = z.number().int().min(1);
const hostPort = z
  .string()
  .regex(/^(?:\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+):\d{1,5}$/, 'write it as host:port, an IPv6 address in brackets');

const tls = z.strictObject({
  caFile: z.string().optional(),
  certFile: z.string().optional(),
  keyFile: z.string().optional(),
  passphrase: z.string().optional(),
  serverName: z.string().optional(),
  insecure: z.boolean().optional(),
});

const sasl = z
  .strictObject({
    mechanism: z.enum(['plain', 'scram-sha-256', 'scram-sha-512']),
    username: z.string().min(1),
    password: z.string().optional(),
    passwordFile: z.string().optional(),
  })
  .refine((value) => (value.password === undefined) !== (value.passwordFile === undefined), {
    message: 'give exactly one of password and passwordFile',
  });

const cluster = z.strictObject({
  bootstrap: z.array(hostPort).min(1).max(32),
  tls: tls.optional(),
  sasl: sasl.optional(),
  connectTimeoutMs: ms.default(10_000),
  requestTimeoutMs: ms.default(30_000),
});

const http = z.strictObject({
  /** Without a token anything but a loopback address is refused. */
  host: z.string().default('127.0.0.1'),
  /** 0 picks a free port. */
  port: z.number().int().min(0).max(65_535).default(0),
  /** What others are told to connect to; host and the real port unless set. */
  advertised: hostPort.optional(),
  token: z.string().min(16).optional(),
  tokenFile: z.string().optional(),
});

const zookeeper = z.strictObject({
  connect: z.string().min(1),
  root: z
    .string()
    .regex(/^(?:\/[A-Za-z0-9._-]+)+$/, 'an absolute path such as /causeway')
    .default('/causeway'),
  sessionTimeoutMs: ms.min(1_000).default(6_000),
  digest: z.string().regex(/^[^:]+:.+$/, 'user:password').optional(),
  digestFile: z.string().optional(),
});

const coordination = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('zookeeper'), zookeeper }),
  z.strictObject({ type: z.literal('embedded'), embedded: z.strictObject({ dir: z.string().min(1) }) }),
]);

export const naming = z.discriminatedUnion('policy', [
  z.strictObject({ policy: z.literal('identity') }),
  z.strictObject({ policy: z.literal('default'), separator: z.string().min(1).max(8).default('.') }),
]);

export const topicName = z.string().superRefine((value, context) => {
  const fault = topicNameFault(value);
  if (fault !== undefined) context.addIssue({ code: 'custom', message: fault });
});

/** A route's settings, shared by the configuration file and PUT /api/v1/routes/{name}. */
export const routeSettings = z.strictObject({
  source: identifier,
  target: identifier,
  naming: naming.default({ policy: 'identity' }),
  delivery: z.enum(['exactly-once', 'transactional', 'at-least-once']).default('at-least-once'),
  start: z.enum(['earliest', 'latest']).default('earliest'),
  isolation: z.enum(['read_committed', 'read_uncommitted']).default('read_committed'),
  targetTopics: z
    .strictObject({ create: z.boolean().default(true), replicationFactor: z.number().int().min(1).max(32).optional() })
    .default({ create: true }),
});

const controller = z.strictObject({
  id: identifier.optional(),
  http: http.default({ host: '127.0.0.1', port: 0 }),
  /** How long a worker may be gone before its partitions move; long enough for a clumsy restart, short enough for a death. */
  takeoverDelayMs: z.number().int().min(0).max(3_600_000).default(2_000),
  /** A handoff without a report by then is treated as a death. */
  handoffTimeoutMs: ms.default(10_000),
  /** The level-triggered full compare (jittered); watches only make it sooner. */
  reconcileIntervalMs: ms.default(5_000),
  /** How often the source clusters are asked for topics and partitions. */
  metadataIntervalMs: ms.default(2_000),
  /** The route that uReplicator's paths (/topics) mean; the only route where there is just one. */
  legacyRoute: identifier.optional(),
});

const worker = z.strictObject({
  id: identifier.optional(),
  http: http.default({ host: '127.0.0.1', port: 0 }),
  zone: z.string().max(64).default(''),
  capacity: z.number().min(0.01).max(1_000).default(1),
  /** Data threads; a partition lives on one. */
  threads: z.number().int().min(1).max(64).default(1),
  /** Bytes fetched and not yet acknowledged by the target, over all partitions. */
  maxInflightBytes: bytes.min(1 << 20).default(256 << 20),
  fetchMaxBytes: bytes.default(16 << 20),
  fetchMaxPartitionBytes: bytes.default(1 << 20),
  fetchMaxWaitMs: ms.default(500),
  /** Connections per target broker; each carries up to 5 requests. */
  produceConnections: z.number().int().min(1).max(16).default(2),
  checkpointIntervalMs: ms.default(1_000),
  /** Unchanged checkpoints are written again: groups without members expire offset by offset (exactly-once.md 4.4). */
  checkpointRefreshMs: ms.default(600_000),
  /** What to do when the session is over while the target is not able to fence: stop until back, or go on and risk repeats. */
  onCoordinationLoss: z.enum(['stop', 'continue']).default('stop'),
  /** How long SIGTERM may take to hand over before the process ends anyway. */
  shutdownTimeoutMs: ms.default(20_000),
});

/** A whole configuration file. */
export const configSchema = z.strictObject({
  fleet: identifier.default('default'),
  coordination,
  clusters: z.record(identifier, cluster).refine((value) => Object.keys(value).length > 0, { message: 'name at least one cluster' }),
  /** Routes created when they do not exist yet; afterwards REST owns them. */
  routes: z.record(identifier, routeSettings).default({}),
  controller: controller.prefault({}),
  worker: worker.prefault({}),
  logging: z.strictObject({ level: z.enum(['debug', 'info', 'warn', 'error']).default('info') }).prefault({}),
});

/** The file as written, checked, with defaults. `compile.ts` turns it into `Config`. */
export type ConfigFile = z.output<typeof configSchema>;
export type RouteSettings = z.output<typeof routeSettings>;
