/**
 * Programs that move a route's clusters into other roles. `switchover`: planned, both clusters alive · `failover`: the source is gone or given
 * up · `failback`: back to the old source after a failover, with what is new only · `cutover`: a migration's end · `drill`: a rehearsal that
 * changes nothing.
 */
export const RECOVERY_KINDS = ['switchover', 'failover', 'failback', 'cutover', 'drill'] as const;
export type RecoveryKind = (typeof RECOVERY_KINDS)[number];

/** What a step does; `controller/core/recovery-program.ts` says in which order. */
export const RECOVERY_ACTS = [
  'survey',
  'rpo',
  'translations',
  'fence-producers',
  'quiet',
  'drain',
  'stop',
  'settle',
  'groups',
  'admit-producers',
  'promote-schemas',
  'export-map',
  'stranded',
  'quarantine',
  'reverse',
  'follow',
  'catch-up',
  'read-only',
  'hook',
] as const;
export type RecoveryAct = (typeof RECOVERY_ACTS)[number];

/** `waiting`: for an operator's word, or for something that is on its way. `skipped`: there was nothing to do. */
export const STEP_STATES = ['pending', 'running', 'waiting', 'done', 'failed', 'skipped'] as const;
export type StepState = (typeof STEP_STATES)[number];

/** `waiting`: for an operator. `failed`: a step did; resume tries it again. */
export const RECOVERY_STATES = ['running', 'waiting', 'failed', 'aborting', 'done', 'aborted'] as const;
export type RecoveryState = (typeof RECOVERY_STATES)[number];

/** `out`: the route as it copied when the program began, and away from there; `back`: its reverse, and away from there. */
export type Leg = 'out' | 'back';

/** Numbers and short texts that a step goes by; rows are about one topic, group or partition each. */
export interface Evidence {
  readonly [name: string]: string | number | boolean | null | readonly EvidenceRow[];
}
export type EvidenceRow = Readonly<Record<string, string | number | boolean | null>>;

export interface RecoveryStep {
  /** Unique within the program: the act, `back-` before it on the way back, `hook-<name>`. */
  readonly id: string;
  readonly act: RecoveryAct;
  readonly leg: Leg;
  /** Of the operators' configuration, for `hook`. */
  readonly hook?: string;
  readonly state: StepState;
  /** ISO 8601, of its first attempt since it was last pending. */
  readonly startedAt?: string;
  readonly endedAt?: string;
  /** How often it was begun; leaders that died in it included. */
  readonly attempts: number;
  /** What it waits for, why it failed or was skipped. */
  readonly message?: string;
  readonly evidence?: Evidence;
}

/** How far one partition was copied when its route stopped: what both clusters have in common ends there. */
export interface CommonPoint {
  readonly topic: string;
  readonly targetTopic: string;
  /** Of the source. */
  readonly partition: number;
  /** The next source offset that was not copied. */
  readonly source: bigint;
  /** The target offset that belongs to `source` in the pair; copies of later source records lie from here on. */
  readonly pairTarget: bigint;
  /** The target's log end; all that the target has from there on is its own. */
  readonly target: bigint;
  /** The source position is beyond doubt. False: at least so far was copied, and everything before `target` is a copy. */
  readonly exact: boolean;
  /** Incarnations of the two topics, null where a cluster has no topic ids. */
  readonly sourceTopicId: string | null;
  readonly targetTopicId: string | null;
}

/** The end of a source partition's log, as it was seen last. */
export interface KnownEnd {
  readonly topic: string;
  readonly partition: number;
  readonly end: bigint;
}

/** Records of one partition that the old source has and the other cluster never got. */
export interface Stranded {
  readonly topic: string;
  readonly partition: number;
  readonly records: number;
  /** Their offsets, as inclusive ranges in order; at most `MAX_STRANDED_RANGES`. */
  readonly ranges: readonly { readonly from: bigint; readonly to: bigint }[];
  /** The last one's offset. */
  readonly last: bigint;
  /** There are more ranges than those. */
  readonly truncated: boolean;
}

export const MAX_STRANDED_RANGES = 1_000;
/** Of all partitions of a program together; beyond it only the first one of each. */
export const MAX_STRANDED_RANGES_IN_ALL = 20_000;

/** A denial to write. */
export interface Fence {
  readonly cluster: string;
  readonly topics: readonly string[];
  readonly principals: readonly string[];
}

/** What one leg found out and its later steps go by. */
export interface LegFacts {
  /** The source's log ends once nobody wrote there any more. */
  readonly ends?: readonly KnownEnd[];
  /** Ends as workers saw them last, with the time of the sight: what a lost source is judged by. */
  readonly known?: readonly KnownEnd[];
  readonly knownAt?: string;
  readonly points?: readonly CommonPoint[];
  readonly stranded?: readonly Stranded[];
  /** What was not denied before the program denied it, or was about to; and the same as the route's copying of rights makes it at the target. */
  readonly fences?: readonly Fence[];
  /** Route of the other direction that copied no schemas, its target's registry promoted, until the program had it copy them again. */
  readonly schemasResumed?: string;
}

export interface RecoveryOptions {
  /** Ids of steps before which an operator has to confirm. */
  readonly confirm: readonly string[];
  /** Of the route back; the first one between the same clusters, or `<route>-reverse`, unless set. */
  readonly reverse?: string;
  /** Principals (`User:app`) that are denied to write to the source's topics; none: producers have to be stopped. */
  readonly fencePrincipals: readonly string[];
  /** For so long a log end must not move. */
  readonly stillMs: number;
  /** How long producers may take to stop, and copying to catch up. */
  readonly drainTimeoutMs: number;
  /** How long workers may take to let go. */
  readonly stopTimeoutMs: number;
  /** Failover: also while the source answers. Others: in spite of findings that would stop it. */
  readonly force: boolean;
  /** Switchover, cutover: the route back is begun. */
  readonly reverseCopy: boolean;
  /** Failback: goes on to a switchover back once the old source has caught up. */
  readonly switchBack: boolean;
  /** Failback: stranded records are copied to `<topic><suffix>` at the target; empty: they are listed only. */
  readonly quarantineSuffix: string;
  /** Cutover: nobody but super users may write to the old source's topics afterwards. */
  readonly readOnlySource: boolean;
  /** Group positions are moved. */
  readonly groups: boolean;
  /** Records that each group position of a drill is compared with, at most. */
  readonly sampleRecords: number;
}

/** One line of the audit log. */
export interface AuditLine {
  /** ISO 8601. */
  readonly at: string;
  /** Step id, or empty for the program as a whole. */
  readonly step: string;
  readonly event: string;
  readonly detail: string;
}

/** The latest are kept. */
export const MAX_AUDIT_LINES = 300;

export interface Recovery {
  readonly id: string;
  readonly kind: RecoveryKind;
  readonly route: string;
  /** Source topics of the route; fixed by the first step. Empty before. */
  readonly topics: readonly string[];
  /** As ordered; empty: all of the route. */
  readonly asked: readonly string[];
  readonly options: RecoveryOptions;
  /** Checks and numbers only; nothing is changed. */
  readonly dryRun: boolean;
  readonly state: RecoveryState;
  /** ISO 8601. */
  readonly createdAt: string;
  readonly updatedAt: string;
  /** The route back, once it is known. */
  readonly reverse?: string;
  /** Failback: the failover that it undoes. */
  readonly origin?: string;
  readonly steps: readonly RecoveryStep[];
  /** Step ids that an operator has confirmed. */
  readonly confirmed: readonly string[];
  readonly facts: Readonly<Record<Leg, LegFacts>>;
  readonly audit: readonly AuditLine[];
}

/** Still to be worked on, by the leader or after an operator's word: two of them must not share a route. */
export function isOpen({ state }: Pick<Recovery, 'state'>): boolean {
  return state !== 'done' && state !== 'aborted';
}
