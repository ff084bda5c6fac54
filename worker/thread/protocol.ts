import type { Config } from '../../common/config/compile.js';
import type { AssignmentItem } from '../../common/model/assignment.js';
import type { ClusterConnection } from '../../common/model/cluster.js';
import type { GapKind } from '../../common/model/gap.js';
import type { Route } from '../../common/model/route.js';
import type { StallCode } from '../../common/model/stalls.js';
import type { LimitScope, PartitionStatus, RuleCount } from '../../common/model/status.js';
import type { LaneRecord } from '../../common/model/worker.js';
import type { ThreadBytes } from '../core/byte-budget.js';
import type { LimitOrder } from '../core/rate-limit.js';
import type { ThreadHoldings } from '../core/thread-views.js';

/*
 * What the supervisor and a data thread say to each other. Plain data: it crosses threads by structured clone.
 * Mirrored bytes never do.
 */

/** Given once, when the thread starts. */
export interface ThreadSettings {
  readonly thread: number;
  /** How often this thread was started before within the incarnation. */
  readonly life: number;
  readonly fleet: string;
  readonly worker: string;
  readonly incarnation: string;
  /** The worker's HTTP address, for its lanes' nodes. */
  readonly http: string;
  readonly clusters: readonly ClusterConnection[];
  readonly settings: Omit<Config['worker'], 'http'>;
  /** Secrets that rules hash with, by name; absent: none. */
  readonly ruleSecrets?: Config['ruleSecrets'];
  /** For tests: instead of an hour. */
  readonly laneRenewalMs?: number;
  /** How the threads divide maxInflightBytes; `taken` has a slot for each. */
  readonly memory: ThreadBytes & { readonly taken: SharedArrayBuffer };
  readonly logLevel: Config['logLevel'];
  /**
   * Until when the thread may write, and until when it may close the logs of others: see core/lease.ts. Shared memory, because a message would wait behind the very work it is to stop.
   */
  readonly lease: SharedArrayBuffer;
}

export type ToThread =
  /** Everything the thread should hold from now on; what it holds beyond that is drained and released. */
  | {
      readonly type: 'assign';
      readonly epoch: number;
      readonly generation: number;
      /** Counts the orders to this thread. */
      readonly order: number;
      readonly routes: readonly Route[];
      readonly items: readonly AssignmentItem[];
      /** The rate limits that hold, all of them. */
      readonly limits: readonly LimitOrder[];
    }
  | { readonly type: 'lane-registered'; readonly transactionalId: string; readonly error?: string }
  /** Drop everything without another byte; the thread ends. */
  | { readonly type: 'stop' };

export type FromThread =
  | { readonly type: 'ready' }
  | { readonly type: 'register-lane'; readonly lane: LaneRecord }
  /** What is held after applying this assignment; sent on every change. */
  | ({ readonly type: 'held' } & ThreadHoldings)
  | { readonly type: 'stats'; readonly stats: ThreadStats }
  /** A lane was fenced: the incarnation is over. */
  | { readonly type: 'lane-dead'; readonly transactionalId: string }
  | { readonly type: 'stopped' };

/** Counters are increases since the last message. */
export interface ThreadStats {
  readonly partitions: readonly PartitionStatus[];
  readonly copied: readonly {
    readonly route: string;
    readonly topic: string;
    readonly records: number;
    readonly bytes: number;
  }[];
  readonly batches: readonly { readonly how: string; readonly reason: string; readonly count: number }[];
  readonly connections: readonly { readonly cluster: string; readonly count: number }[];
  /** Time for which brokers throttled connections. */
  readonly throttles: readonly {
    readonly cluster: string;
    readonly side: 'source' | 'target';
    readonly ms: number;
  }[];
  /** What rules did to records, and records that were not copied because they come from the target. */
  readonly rules: readonly RuleCount[];
  readonly repeats: readonly { readonly route: string; readonly count: number }[];
  readonly gaps: readonly {
    readonly route: string;
    readonly kind: GapKind;
    readonly reason: string;
    /** Declarations, and the records they are about. */
    readonly count: number;
    readonly records: number;
  }[];
  readonly errors: readonly { readonly code: string; readonly count: number }[];
  readonly checkpoints: { readonly ok: number; readonly failed: number };
  /** Closed runs of the offset map that were written, and attempts that came to nothing. */
  readonly mapRuns: { readonly ok: number; readonly failed: number };
  /** Target transactions that ended. */
  readonly transactions: readonly {
    readonly target: string;
    readonly outcome: 'committed' | 'aborted';
    readonly count: number;
  }[];
  readonly lanes: readonly { readonly target: string; readonly count: number }[];
  readonly inflightBytes: number;
  /** How long limits held a route's partitions back in this thread. */
  readonly heldBack: readonly { readonly route: string; readonly scope: LimitScope; readonly seconds: number }[];
  /** Partitions that stalled. */
  readonly stalls: readonly { readonly route: string; readonly code: StallCode; readonly count: number }[];
  /** Partitions that were pushed although nothing blocked them. */
  readonly kicks: readonly { readonly route: string; readonly count: number }[];
  /** Share of the time the thread's loop was busy, 0 to 1. */
  readonly utilization: number;
  readonly loopDelayMs: number;
}
