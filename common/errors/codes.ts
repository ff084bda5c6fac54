/** What a code means to the three audiences: HTTP clients, process supervisors, retry loops. */
export interface ErrorCodeInfo {
  /** HTTP status when the error reaches a REST client. */
  readonly httpStatus: number;
  /** Exit code when the error ends a process (sysexits.h: 64 usage, 69 unavailable, 70 internal, 78 configuration). */
  readonly exitCode: number;
  /** True where the same call may succeed later without anybody changing anything. */
  readonly retryable: boolean;
  /** One sentence for the reader of docs/errors. */
  readonly meaning: string;
}

const info = (httpStatus: number, exitCode: number, retryable: boolean, meaning: string): ErrorCodeInfo => ({
  httpStatus,
  exitCode,
  retryable,
  meaning,
});

/** The one catalogue of error codes. Codes are an interface: never renamed, only added. */
export const ERROR_CODES = {
  // configuration and usage
  CONFIG_INVALID: info(500, 78, false, 'The configuration file has faults; each is listed with line and column.'),
  USAGE: info(400, 64, false, 'The command line is wrong.'),
  WORKER_ID_TAKEN: info(409, 78, false, 'Another live process runs under this worker id.'),
  // REST
  MALFORMED_JSON: info(400, 1, false, 'The request body is not JSON of the expected form.'),
  INVALID_REQUEST: info(400, 1, false, 'A field of the request is missing, unknown or of the wrong type.'),
  UNAUTHENTICATED: info(401, 1, false, 'A bearer token is required.'),
  FORBIDDEN: info(
    403,
    1,
    false,
    'The request comes from where none may come: another origin, or under another server’s name.',
  ),
  NOT_FOUND: info(404, 1, false, 'There is no such resource.'),
  METHOD_NOT_ALLOWED: info(405, 1, false, 'The resource does not answer this method.'),
  ROUTE_UNKNOWN: info(404, 1, false, 'No route has this name.'),
  ROUTE_EXISTS: info(409, 1, false, 'A different route of this name exists already.'),
  ROUTE_IN_USE: info(409, 1, false, 'The route still has topics.'),
  ROUTE_INVALID: info(422, 1, false, 'The route contradicts itself, the clusters or another route.'),
  CLUSTER_UNKNOWN: info(422, 1, false, 'The operators’ configuration names no such cluster.'),
  TOPIC_NAME_ILLEGAL: info(422, 1, false, 'The topic name breaks Kafka’s rules.'),
  TOPIC_UNKNOWN: info(404, 1, false, 'The topic is not mirrored by this route.'),
  TOPIC_UNKNOWN_AT_SOURCE: info(422, 1, false, 'The source cluster has no such topic.'),
  TOPIC_EXISTS: info(409, 1, false, 'The topic is mirrored by this route already.'),
  TARGET_CONFLICT: info(422, 1, false, 'Another source partition is mirrored into the same target partition.'),
  TOPIC_DENIED: info(422, 1, false, 'The topic is never mirrored: it is on a deny list, or Kafka’s or Causeway’s own.'),
  TOPIC_UNSELECTED: info(409, 1, false, 'A selected topic does not match its route’s selection any more.'),
  PARTITIONS_BELOW_CURRENT: info(422, 1, false, 'Partition counts never shrink.'),
  PARTITIONS_BEYOND_SOURCE: info(422, 1, false, 'The source topic has fewer partitions than asked for.'),
  SOURCE_RECREATED: info(409, 1, false, 'The source topic was deleted and created again; its partitions are paused.'),
  SOURCE_TOPIC_DELETED: info(409, 1, false, 'The source topic was mirrored and does not exist any more.'),
  TARGET_TOPIC_DELETED: info(
    409,
    1,
    false,
    'The target topic was deleted with what was copied; the route does not have it made anew.',
  ),
  RECOVERY_UNKNOWN: info(404, 1, false, 'No recovery program has this id.'),
  RECOVERY_UNDER_WAY: info(409, 1, false, 'Another recovery program works on one of its routes.'),
  RECOVERY_NOT_POSSIBLE: info(409, 1, false, 'The recovery program is not in a state in which this can be ordered.'),
  HOOK_FAILED: info(502, 1, true, 'A hook of the operators’ own failed, or did not end in time.'),
  NOTHING_TO_RESOLVE: info(409, 1, false, 'Nothing waits for an operator’s word on how it goes on.'),
  TARGET_NOT_READY: info(503, 1, true, 'The target topic does not exist yet or has too few partitions.'),
  DELIVERY_UNPROVEN: info(
    409,
    1,
    false,
    'The target has not shown, or failed to show, that it refuses what a fenced producer sends: nothing is begun there exactly once, and where it failed, new routes are delivered at least once.',
  ),
  JOB_UNKNOWN: info(404, 1, false, 'There is no such job.'),
  JOB_EXISTS: info(409, 1, false, 'There is a job of this id already.'),
  JOB_INVALID: info(
    422,
    1,
    false,
    'What the job is to copy is empty, not there, not there yet, or not to be had in this form.',
  ),
  JOB_STATE: info(409, 1, false, 'The job is not in a state in which this could be done to it.'),
  TAKEOVER_REFUSED: info(409, 1, false, 'What MirrorMaker 2 left does not say, or not yet, where copying is to go on.'),
  GROUPS_TOO_MANY: info(409, 1, false, 'A route has more consumer groups, or positions of them, than it takes along.'),
  PRECONDITION_FAILED: info(412, 1, false, 'The resource changed since it was read (ETag).'),
  PRECONDITION_REQUIRED: info(428, 1, false, 'If-Match is required here.'),
  NO_LEADER: info(503, 75, true, 'No controller leads at the moment.'),
  REQUEST_TOO_LARGE: info(413, 1, false, 'The request body is larger than allowed.'),
  RATE_LIMITED: info(429, 1, true, 'Too many requests.'),
  // coordination
  COORDINATION_UNAVAILABLE: info(503, 69, true, 'ZooKeeper (or the embedded store) does not answer.'),
  COORDINATION_SESSION_LOST: info(503, 69, true, 'The coordination session is over; its ephemeral nodes are gone.'),
  NODE_EXISTS: info(409, 1, false, 'The node exists already.'),
  NODE_MISSING: info(404, 1, false, 'The node does not exist.'),
  NODE_NOT_EMPTY: info(409, 1, false, 'The node has children.'),
  BAD_VERSION: info(412, 1, false, 'The node changed since it was read.'),
  NODE_TOO_LARGE: info(413, 1, false, 'The value is larger than a coordination node may be.'),
  NODE_CORRUPT: info(500, 70, false, 'A coordination node holds something this version cannot read.'),
  EPOCH_LOST: info(503, 70, false, 'Another controller has begun a reign; this one’s is over.'),
  STORE_DAMAGED: info(503, 70, false, 'Nodes that every fleet has are gone from the store: nothing is assigned.'),
  STORE_CONTRADICTS: info(
    503,
    70,
    false,
    'The store is not the one this process knows: wiped, restored from an older copy, or another fleet’s. Nothing is assigned.',
  ),
  STORE_LOCKED: info(409, 78, false, 'Another process uses the embedded store’s folder.'),
  COORDINATION_AUTH_FAILED: info(503, 78, false, 'The coordination service refused our credentials.'),
  // Kafka
  CLUSTER_UNREACHABLE: info(503, 69, true, 'No broker of the cluster could be reached.'),
  KAFKA_AUTH_FAILED: info(503, 78, false, 'The cluster refused our credentials or certificate.'),
  KAFKA_ERROR: info(502, 70, false, 'A broker answered with an error code.'),
  KAFKA_PROTOCOL: info(502, 70, false, 'A broker’s answer does not follow the protocol.'),
  CONNECTION_LOST: info(503, 69, true, 'The connection to a broker ended.'),
  REQUEST_TIMEOUT: info(504, 69, true, 'A broker did not answer in time; the connection was closed.'),
  REGISTRY_UNREACHABLE: info(503, 69, true, 'The cluster’s schema registry does not answer.'),
  REGISTRY_REFUSED: info(502, 70, false, 'The cluster’s schema registry refused what was asked of it.'),
  REGISTRY_PROTOCOL: info(502, 70, false, 'What answers at the schema registry’s address is none.'),
  REGISTRY_MISSING: info(422, 78, false, 'The configuration names no schema registry for the cluster.'),
  SCHEMA_CONFLICT: info(
    409,
    70,
    false,
    'The target’s registry has another schema under an id or version of the source’s: nothing is copied.',
  ),
  CLUSTER_RIGHTS_MISSING: info(
    502,
    78,
    false,
    'The cluster does not let Causeway’s principal do what the route’s settings ask for.',
  ),
  UNSUPPORTED_BROKER: info(502, 78, false, 'The broker offers no version of an API that is needed.'),
  // partitions
  BATCH_CORRUPT: info(500, 70, false, 'A record batch is damaged.'),
  BATCH_UNSUPPORTED: info(
    500,
    70,
    false,
    'A record batch cannot pass as it is and is not handled yet; the partition pauses.',
  ),
  SOURCE_TOPIC_RECREATED: info(
    409,
    70,
    false,
    'The source topic was deleted and made anew; its offsets mean other records now.',
  ),
  SOURCE_TOPIC_MISSING: info(409, 70, true, 'The source topic or partition does not exist at the moment.'),
  SOURCE_OFFSET_GONE: info(409, 70, false, 'The source no longer has the next record: retention passed us.'),
  SOURCE_TRUNCATED: info(
    409,
    70,
    false,
    'The source lost records that were copied already: a leader without them was elected, or its log was damaged.',
  ),
  TARGET_TOPIC_RECREATED: info(
    409,
    70,
    false,
    'The target topic was deleted and made anew; the checkpoint speaks of the old one.',
  ),
  TARGET_TRUNCATED: info(
    409,
    70,
    false,
    'The target lost records that it had acknowledged: a leader without them was elected, or its log was damaged.',
  ),
  TARGET_TOPIC_MISSING: info(409, 70, true, 'The target topic or partition does not exist at the moment.'),
  TARGET_SHARED: info(
    409,
    70,
    false,
    'Somebody else writes into a target partition that is delivered exactly once, or its records are not the source’s.',
  ),
  TARGET_REFUSED: info(409, 70, false, 'The target refuses a batch for good (size, timestamp, key or form).'),
  RECORD_UNREADABLE: info(
    409,
    70,
    false,
    'A rule of the route has to look into a record and cannot; the partition stops in front of it.',
  ),
  RULES_UNUSABLE: info(
    409,
    70,
    false,
    'The worker lacks something that its route’s rules or provenance rest on: a secret, a cluster’s id.',
  ),
  START_BEYOND_END: info(
    409,
    70,
    true,
    'The partition is to begin at a source offset that may not be read yet: its log ends before, or transactions are open.',
  ),
  CHECKPOINT_MISSING: info(
    409,
    70,
    false,
    'The partition was mirrored before, but its checkpoint is gone from the target.',
  ),
  SEQUENCE_BROKEN: info(
    409,
    70,
    true,
    'The target does not accept the next sequence number; the partition goes on under a new lane.',
  ),
  PAUSED_BY_OPERATOR: info(409, 0, false, 'An operator paused the topic.'),
  LANE_DEAD: info(500, 70, false, 'The producer identity was fenced or forgotten by the target.'),
  // anything else
  TIMEOUT: info(504, 69, true, 'The operation did not end in time.'),
  SHUTTING_DOWN: info(503, 75, true, 'The process is stopping.'),
  INTERNAL_INVARIANT: info(500, 70, false, 'Our own code reached a state it must never reach: a bug.'),
} as const satisfies Record<string, ErrorCodeInfo>;

export type ErrorCode = keyof typeof ERROR_CODES;
