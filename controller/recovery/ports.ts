import type { Config } from '../../common/config/compile.js';
import type { CoordinationStore } from '../../common/coordination/ports.js';
import type { AclBinding } from '../../common/model/acl.js';
import type { PlanItem } from '../../common/model/plan-item.js';
import type { CommonPoint, LegFacts, Recovery, RecoveryStep } from '../../common/model/recovery.js';
import type { Route } from '../../common/model/route.js';
import type { Logger } from '../../common/observability/logger.js';
import type { Metrics } from '../../common/observability/metrics.js';
import type { Clock } from '../../common/runtime/clock.js';
import type { Random } from '../../common/runtime/random.js';
import type { StepOutcome } from '../core/recovery-state.js';
import type { GroupSync } from '../groups/ports.js';
import type { Term } from '../loop/leader-works.js';
import type { SourceMetadata } from '../metadata/ports.js';
import type { OffsetMaps } from '../offsets/ports.js';
import type { SchemaSync } from '../schemas/schema-sync.js';
import type { ClusterLens } from './cluster-lens.js';
import type { FleetLens } from './fleet-lens.js';
import type { RpoWatch } from './rpo-watch.js';

/** Copies what is known of a route's offsets to where its reverse route looks them up. */
export interface MapExport {
  /**
   * @param points where copying in the old direction ended: the new one begins there
   * @returns how many partitions' maps were written; repeating it does no harm
   */
  export(
    from: Route,
    to: Route,
    points: readonly CommonPoint[],
    signal: AbortSignal,
  ): Promise<{ readonly partitions: number }>;
}

/** Rights on the topics of a cluster. */
export interface Rights {
  /** What exists already stays. @throws KAFKA_ERROR with SECURITY_DISABLED where the cluster has no authorizer */
  add(cluster: string, bindings: readonly AclBinding[]): Promise<void>;
  /** What is not there is no error. */
  remove(cluster: string, bindings: readonly AclBinding[]): Promise<void>;
  /** @throws CLUSTER_RIGHTS_MISSING: it has none, or we may not see them */
  list(cluster: string): Promise<readonly AclBinding[]>;
}

/** Differences of the route's metadata: topics, configs, rights, schemas. */
export interface Drift {
  /** Everything that differs, and what could not be compared. @throws ROUTE_UNKNOWN */
  drift(
    route: string,
    signal: AbortSignal,
  ): Promise<{
    readonly items: readonly Pick<PlanItem, 'kind' | 'action' | 'reason'>[];
    readonly unread: readonly { readonly part: string; readonly message: string }[];
  }>;
}

/** Schema registries of routes: what the target's lacks, and which of them gives ids. */
export type SchemaTurn = Pick<SchemaSync, 'compare' | 'copy' | 'ensureImport' | 'promote' | 'promotion' | 'resume'>;

/** Copies ranges of topics into topics beside them. */
export interface RangeCopier {
  /** Begins, or goes on. @returns records that are copied, and whether that is all of them */
  copy(order: RangeOrder): Promise<{ readonly copied: number; readonly isDone: boolean }>;
}

export interface RangeOrder {
  /** The same for the same copy: it is made once. */
  readonly id: string;
  readonly route: Pick<Route, 'source' | 'target' | 'isolation' | 'delivery'>;
  readonly topics: readonly RangeTopic[];
}

export interface RangeTopic {
  readonly topic: string;
  readonly targetTopic: string;
  /** Source offsets [from, to). */
  readonly partitions: readonly { readonly partition: number; readonly from: bigint; readonly to: bigint }[];
}

/** What steps work with. */
export interface RecoveryWorld {
  readonly store: CoordinationStore;
  readonly clusters: Config['clusters'];
  readonly metadata: SourceMetadata;
  readonly lens: ClusterLens;
  readonly fleet: FleetLens;
  readonly rpo: RpoWatch;
  readonly hooks: HookRunner;
  readonly rights: Rights;
  /** Absent where group positions are not kept. */
  readonly groups: GroupSync | undefined;
  readonly maps: MapExport | undefined;
  readonly offsets: OffsetMaps | undefined;
  readonly drift: Drift | undefined;
  readonly copier: RangeCopier | undefined;
  readonly schemas: SchemaTurn | undefined;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

/** One attempt at a step. */
export interface StepContext {
  readonly recovery: Recovery;
  readonly step: RecoveryStep;
  readonly world: RecoveryWorld;
  readonly term: Term;
  readonly signal: AbortSignal;
  /** Since the step was begun, over all its attempts and leaders. */
  readonly elapsedMs: number;
  /** Lives as long as this leader works on the program: what may be forgotten. */
  readonly memo: Map<string, unknown>;
  /** Writes facts of the step's leg down before it acts on them: it may break off at any point, and is taken back by them. */
  note(facts: LegFacts): Promise<void>;
}

export interface StepHandler {
  /** Checks and numbers; changes nothing. For a dry run. */
  look(context: StepContext): Promise<StepOutcome>;
  /** Does it, or goes on with it: whatever was done before, by this leader or another. */
  run(context: StepContext): Promise<StepOutcome>;
  /** Takes back what it did, when the program is given up. @returns what it did */
  undo?(context: StepContext): Promise<string>;
}

/** Runs what operators hang before and after steps. */
export interface HookRunner {
  run(name: string, recovery: Recovery, step: RecoveryStep, signal: AbortSignal): Promise<StepOutcome>;
  describe(name: string): string;
}
