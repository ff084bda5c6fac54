import type { Router } from 'express';
import type { Config } from '../common/config/compile.js';
import type { CoordinationStore } from '../common/coordination/ports.js';
import type { Health } from '../common/observability/health.js';
import type { Logger } from '../common/observability/logger.js';
import type { Clock } from '../common/runtime/clock.js';
import type { Random } from '../common/runtime/random.js';
import type { GroupRoom } from './groups/open-groups.js';
import { JobService } from './jobs/job-service.js';
import { KafkaLogEnds } from './jobs/log-ends.js';
import type { FleetMemory } from './loop/bootstrap.js';
import { RuleBook } from './loop/rule-book.js';
import type { Ruler } from './loop/ruler.js';
import type { StoreAlarms } from './loop/store-alarms.js';
import { ClusterQuestions, type OpenClient } from './metadata/cluster-clients.js';
import type { SourceMetadata, TargetAdmin } from './metadata/ports.js';
import { Mm2Takeover } from './mm2/takeover-service.js';
import type { OffsetRoom } from './offsets/open-offsets.js';
import { JobCopier } from './recovery/job-copier.js';
import type { RecoveryRoom } from './recovery/recovery-room.js';
import { DenialStore } from './rest/denial-store.js';
import { LeaderPlan } from './rest/leader-plan.js';
import { LeaderProblems } from './rest/leader-problems.js';
import { OrderService } from './rest/order-service.js';
import { ResolveService, type ResolveServiceDeps } from './rest/resolve-service.js';
import { RouteService } from './rest/route-service.js';
import { controllerRouter } from './rest/router.js';
import { SelectionService } from './rest/selection-service.js';
import { SkipService } from './rest/skip-service.js';
import { TopicService } from './rest/topic-service.js';
import { TransferService } from './rest/transfer-service.js';
import { FleetViews } from './rest/views.js';
import type { WorkerStatuses } from './rest/worker-statuses.js';
import { openRules } from './rules/open-rules.js';
import type { SchemasRoom } from './schemas/schemas-room.js';
import type { SyncRoom } from './sync/open-sync.js';
import type { SyncPart } from './sync/ports.js';

export interface RouterParts {
  readonly config: Config;
  readonly store: CoordinationStore;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly open: OpenClient;
  readonly metadata: SourceMetadata;
  readonly admin: TargetAdmin;
  readonly ruler: Ruler;
  readonly recovery: RecoveryRoom;
  readonly groups: GroupRoom;
  readonly offsets: OffsetRoom;
  readonly rights: { readonly parts: readonly SyncPart[] };
  readonly schemas: SchemasRoom;
  readonly sync: SyncRoom;
  readonly statuses: WorkerStatuses;
  readonly health: Health;
  readonly alarms: StoreAlarms;
  readonly memory: FleetMemory;
}

/** The services behind REST, over the rooms of a controller; recovery programs borrow two of them. */
export function buildRouter(rooms: RouterParts): Router {
  const { config, store, clock, random, logger, open, metadata, admin } = rooms;
  const { ruler, recovery, groups, offsets, rights, schemas, sync, statuses, health, alarms, memory } = rooms;
  const rules = new RuleBook(config.controller.deny);
  const denials = new DenialStore(store, clock);
  const clusters = [...config.clusters.keys()];
  const { identities } = sync;
  const routes = new RouteService({ store, config, metadata, rules, identities });
  const topics = new TopicService({ store, routes, metadata, denials, rules, identities, clock });
  const selections = new SelectionService({ store, routes, denials, metadata, rules, clusters, identities, logger });
  const questions = new ClusterQuestions(config.clusters, open, clock);
  const logEnds = new KafkaLogEnds(questions);
  const parts = { store, rules, identities, statuses: () => views.statuses(), clock, random, logger };
  const jobs = new JobService({ ...parts, clusters: config.clusters, metadata, admin, logEnds });
  const syncs = sync.service(routes, [...rights.parts, schemas.part]);
  recovery.lend({ copier: new JobCopier(jobs), drift: syncs });
  const problems = new LeaderProblems(() => ruler.problems, config.controller.http.token);
  const views = new FleetViews({ store, fleet: config.fleet, statuses, problems, alarms, clock });
  const plan = new LeaderPlan({
    store,
    own: () => ruler.lastPlan,
    epoch: () => ruler.epoch,
    token: config.controller.http.token,
  });
  const skips = new SkipService({ store, topics, clock, logger });
  const status: ResolveServiceDeps['status'] = (route, entry) => views.topic(route, entry);
  const resolves = new ResolveService({ store, topics, status, clock, logger });
  const orders = new OrderService({ store, routes, clock, logger });
  const highestEpoch = (): number => memory.highestEpoch;
  const transfer = new TransferService({ store, fleet: config.fleet, highestEpoch, clock, logger });
  return controllerRouter(store, {
    ...{ recoveries: recovery.recoveries, rpo: recovery.rpo },
    transfer,
    jobs,
    groups: groups.service,
    ...offsets.services(topics),
    rules: openRules(config, { routes, metadata, statuses: () => views.statuses(), questions, clock }),
    mm2: new Mm2Takeover({ store, questions, routes, topics, metadata, logger }),
    syncs,
    schemas: schemas.service,
    routes,
    topics,
    selections,
    skips,
    resolves,
    orders,
    views,
    problems,
    plan,
    health,
    clock,
  });
}
