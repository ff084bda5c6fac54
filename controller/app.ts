import type { Config } from '../common/config/compile.js';
import type { CoordinationStore } from '../common/coordination/ports.js';
import type { ControllerRecord } from '../common/coordination/records/control.js';
import { startHttpServer } from '../common/http/server.js';
import { Health } from '../common/observability/health.js';
import type { Logger } from '../common/observability/logger.js';
import type { Metrics } from '../common/observability/metrics.js';
import type { Clock } from '../common/runtime/clock.js';
import { type Closable, Lifecycle } from '../common/runtime/lifecycle.js';
import type { Random } from '../common/runtime/random.js';
import { type GroupRoom, openGroups } from './groups/open-groups.js';
import { JobKeeper } from './jobs/job-keeper.js';
import { JobService } from './jobs/job-service.js';
import { KafkaLogEnds } from './jobs/log-ends.js';
import type { FleetMemory } from './loop/bootstrap.js';
import { Candidate } from './loop/election.js';
import { type Fencer, WaitingFencer } from './loop/fencer.js';
import { StoredLaneRegistry } from './loop/lane-registry.js';
import { ControllerPresence } from './loop/presence.js';
import { connectionRefused } from './loop/process-probe.js';
import { RuleBook } from './loop/rule-book.js';
import { Ruler } from './loop/ruler.js';
import { StoreAlarms } from './loop/store-alarms.js';
import { TargetFencer } from './loop/target-fencer.js';
import { openRights } from './metadata/acls/open-rights.js';
import { ClearingProver } from './metadata/clearing-prover.js';
import { KafkaAdmin } from './metadata/kafka-admin.js';
import { KafkaMetadata } from './metadata/kafka-metadata.js';
import { KafkaProver } from './metadata/kafka-prover.js';
import type { DeliveryProver, SourceMetadata, TargetAdmin } from './metadata/ports.js';
import { targetClients } from './metadata/target-clients.js';
import { type OffsetRoom, openOffsets } from './offsets/open-offsets.js';
import { JobCopier } from './recovery/job-copier.js';
import { openRecoveryRoom, type RecoveryRoom } from './recovery/recovery-room.js';
import { DenialStore } from './rest/denial-store.js';
import { LeaderPlan } from './rest/leader-plan.js';
import { LeaderProblems } from './rest/leader-problems.js';
import { OrderService } from './rest/order-service.js';
import { ResolveService, type ResolveServiceDeps } from './rest/resolve-service.js';
import { checkRoute } from './rest/route-rules.js';
import { RouteService } from './rest/route-service.js';
import { controllerRouter } from './rest/router.js';
import { SelectionService } from './rest/selection-service.js';
import { SkipService } from './rest/skip-service.js';
import { TopicService } from './rest/topic-service.js';
import { TransferService } from './rest/transfer-service.js';
import { FleetViews } from './rest/views.js';
import { WorkerStatuses } from './rest/worker-statuses.js';
import { openRules } from './rules/open-rules.js';
import { type SchemasRoom, schemasRoom } from './schemas/schemas-room.js';
import { openSync, type SyncRoom } from './sync/open-sync.js';
import type { SyncPart } from './sync/ports.js';

export interface ControllerDeps {
  /** Opened by the caller, closed by the caller after the controller. */
  readonly store: CoordinationStore;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** For tests: instead of the configured Kafka clusters. */
  readonly kafka?: Kafka;
  readonly fencer?: Fencer;
}

export interface ControllerApp extends Closable {
  /** `http://host:port` */
  readonly httpAddress: string;
}

/**
 * Starts a controller: REST answers from now on (503 until the store does), and it stands for election for as long as it is open.
 * `close` gives leadership up at once. Coordination or clusters that do not answer are waited for, not failed on.
 * @throws CONFIG_INVALID, CLUSTER_UNKNOWN, ROUTE_INVALID: faults of the configuration
 */
export async function startController(config: Config, deps: ControllerDeps): Promise<ControllerApp> {
  for (const route of config.routes) checkRoute(route, config.clusters);
  const { store, clock, random, metrics } = deps;
  const logger = deps.logger.child({ controller: config.controller.id });
  const lifecycle = new Lifecycle((name, error) => logger.warn('controller.close-failed', { part: name, err: error }));
  try {
    const kafka = deps.kafka ?? openKafka(config, { store, clock, random, logger, metrics }, lifecycle);
    const fencer = deps.fencer ?? makeFencer(config, { clock, random, logger, metrics });
    const statuses = new WorkerStatuses(config.worker.http.token, clock);
    const alarms = new StoreAlarms({ clock, logger, metrics });
    const memory: FleetMemory = { fleetId: undefined, highestEpoch: 0 };
    const base = { config, store, clock, random, logger, metrics };
    const recovery = lifecycle.add('recovery', openRecoveryRoom({ ...base, ...kafka, statuses }));
    const rights = openRights(config, { store, clock, random, logger, metrics }, lifecycle);
    const schemas = schemasRoom({ ...base, clusters: config.clusters, metadata: kafka.metadata });
    const sync = openSync(config, { ...kafka, store, clock, random, logger, metrics }, lifecycle);
    // Doubles of clusters have no configs.
    const syncWorks = deps.kafka === undefined ? [sync.work] : [];
    const offsets = openOffsets(config, base, lifecycle);
    const groups = openGroups(config, { ...base, admin: kafka.admin, maps: offsets.maps }, lifecycle);
    recovery.lend({ groups: groups.sync, offsets: offsets.maps });
    const works = [
      ...syncWorks,
      rights.work,
      schemas.work,
      new JobKeeper({ store, statuses, clock, logger }),
      ...recovery.works,
      ...groups.works,
    ];
    const ruler = new Ruler({ config, store, kafka, fencer, statuses, alarms, works, clock, random, logger, metrics });
    const health = new Health();
    health.add(() => ({
      name: 'coordination',
      ok: store.session().state === 'connected',
      detail: store.session().state,
    }));
    const router = buildRouter(config, deps, {
      kafka,
      ruler,
      recovery,
      groups,
      offsets,
      rights,
      schemas,
      sync,
      statuses,
      health,
      alarms,
      memory,
    });
    const http = lifecycle.add(
      'http',
      await startHttpServer({ ...deps, logger, settings: config.controller.http, health }, router),
    );
    const startedAt = new Date(clock.wallMs()).toISOString();
    const self = (): Omit<ControllerRecord, 'epoch'> => ({
      controller: config.controller.id,
      http: http.address,
      startedAt,
    });
    const presence = new ControllerPresence(store, clock, logger, () => ({ ...self(), epoch: ruler.epoch }));
    lifecycle.add('presence', presence);
    const rule = async (reign: Parameters<Ruler['rule']>[0]): Promise<void> => {
      presence.update();
      await ruler.rule(reign).finally(() => presence.update());
    };
    const parts = { store, clock, random, logger, metrics };
    const { fleet, routes: seeds } = config;
    const candidate = new Candidate({ ...parts, fleet, alarms, memory, self, seeds, rule });
    lifecycle.add('election', candidate);
    health.add(() => ({ name: 'fleet-prepared', ok: candidate.bootstrapped }));
    candidate.start();
    logger.info('controller.started', { http: http.address });
    return {
      httpAddress: http.address,
      close: () => {
        health.drain();
        return lifecycle.close();
      },
    };
  } catch (error) {
    await lifecycle.close();
    throw error;
  }
}

function makeFencer(
  { clusters, fleet, controller }: Config,
  parts: Pick<ControllerDeps, 'clock' | 'random' | 'logger' | 'metrics'>,
): Fencer {
  const { clock, logger, metrics } = parts;
  const otherwise = new WaitingFencer({ clusters, clock, isGone: connectionRefused(clock) });
  const open = targetClients({ ...parts, clientId: `causeway-controller-${controller.id}` });
  return new TargetFencer({ clusters, fleet, open, otherwise, clock, logger, metrics });
}

interface Kafka {
  readonly metadata: SourceMetadata;
  readonly admin: TargetAdmin;
  /** Without: every target counts as able to fence. */
  readonly prover?: DeliveryProver;
}

function openKafka(
  { clusters, fleet, controller }: Config,
  parts: Pick<ControllerDeps, 'store' | 'clock' | 'random' | 'logger' | 'metrics'>,
  lifecycle: Lifecycle,
): Kafka {
  const clientId = `causeway-controller-${controller.id}`;
  const metadata = lifecycle.add('metadata', new KafkaMetadata({ clusters, clientId, ...parts }));
  const admin = lifecycle.add('admin', new KafkaAdmin(clusters, parts.logger));
  const open = targetClients({ ...parts, clientId });
  const prover = new ClearingProver({
    prover: new KafkaProver({ clusters, fleet, open }),
    registry: new StoredLaneRegistry(parts.store),
    clusters,
    fleet,
    open,
    logger: parts.logger,
  });
  return { metadata, admin, prover };
}

function buildRouter(
  config: Config,
  { store, clock, random, logger }: ControllerDeps,
  {
    kafka,
    ruler,
    recovery,
    groups,
    offsets,
    rights,
    schemas,
    sync,
    statuses,
    health,
    alarms,
    memory,
  }: {
    readonly kafka: Kafka;
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
  },
) {
  const routes = new RouteService(store, config, kafka.metadata);
  const { metadata } = kafka;
  const rules = new RuleBook(config.controller.deny);
  const denials = new DenialStore(store, clock);
  const clusters = [...config.clusters.keys()];
  const { identities } = sync;
  const topics = new TopicService({ store, routes, metadata, denials, rules, identities, clock });
  const selections = new SelectionService({ store, routes, denials, metadata, rules, clusters, identities, logger });
  const clientId = `causeway-controller-${config.controller.id}`;
  const logEnds = new KafkaLogEnds({ clusters: config.clusters, clientId, clock, random, logger });
  const parts = { store, rules, identities, statuses: () => views.statuses(), clock, random, logger };
  const jobs = new JobService({ ...parts, clusters: config.clusters, metadata, admin: kafka.admin, logEnds });
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
    rules: openRules(config, { routes, metadata, statuses: () => views.statuses(), clock, random, logger }),
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
