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
import { buildRouter } from './app-router.js';
import { openGroups } from './groups/open-groups.js';
import { JobKeeper } from './jobs/job-keeper.js';
import type { FleetMemory } from './loop/bootstrap.js';
import { Candidate } from './loop/election.js';
import { type Fencer, WaitingFencer } from './loop/fencer.js';
import { StoredLaneRegistry } from './loop/lane-registry.js';
import { ControllerPresence } from './loop/presence.js';
import { connectionRefused } from './loop/process-probe.js';
import { Ruler } from './loop/ruler.js';
import { StoreAlarms } from './loop/store-alarms.js';
import { TargetFencer } from './loop/target-fencer.js';
import { openRights } from './metadata/acls/open-rights.js';
import { ClearingProver } from './metadata/clearing-prover.js';
import { type ClientParts, clientOpener, type OpenClient } from './metadata/cluster-clients.js';
import { KafkaAdmin } from './metadata/kafka-admin.js';
import { KafkaMetadata } from './metadata/kafka-metadata.js';
import { KafkaProver } from './metadata/kafka-prover.js';
import type { DeliveryProver, SourceMetadata, TargetAdmin } from './metadata/ports.js';
import { openOffsets } from './offsets/open-offsets.js';
import { openRecoveryRoom } from './recovery/recovery-room.js';
import { checkRoute } from './rest/route-rules.js';
import { WorkerStatuses } from './rest/worker-statuses.js';
import { schemasRoom } from './schemas/schemas-room.js';
import { openSync } from './sync/open-sync.js';

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
    const parts = { store, clock, random, logger, metrics };
    const clientId = `causeway-controller-${config.controller.id}`;
    const open = clientOpener({ ...parts, clientId });
    const kafka = deps.kafka ?? openKafka(config, { ...parts, clientId, open }, lifecycle);
    const fencer = deps.fencer ?? makeFencer(config, open, parts);
    const statuses = new WorkerStatuses(config.worker.http.token, clock);
    const alarms = new StoreAlarms({ clock, logger, metrics });
    const memory: FleetMemory = { fleetId: undefined, highestEpoch: 0 };
    const base = { config, ...parts, open };
    const recovery = lifecycle.add('recovery', openRecoveryRoom({ ...base, ...kafka, statuses }));
    const rights = openRights(config, base, lifecycle);
    const schemas = schemasRoom({ ...base, clusters: config.clusters, metadata: kafka.metadata });
    const sync = openSync(config, { ...base, ...kafka }, lifecycle);
    // Doubles of clusters have no configs.
    const syncWorks = deps.kafka === undefined ? [sync.work] : [];
    const offsets = openOffsets(config, base, lifecycle);
    const groups = openGroups(config, { ...base, admin: kafka.admin, maps: offsets.maps }, lifecycle);
    recovery.lend({ groups: groups.sync, offsets: offsets.maps, schemas: schemas.sync });
    const works = [
      ...syncWorks,
      rights.work,
      schemas.work,
      new JobKeeper({ store, statuses, clock, logger, metrics }),
      ...recovery.works,
      ...groups.works,
      offsets.work,
    ];
    const ruler = new Ruler({ config, ...parts, kafka, fencer, statuses, alarms, works });
    const health = new Health();
    health.add(() => ({
      name: 'coordination',
      ok: store.session().state === 'connected',
      detail: store.session().state,
    }));
    const rooms = { recovery, groups, offsets, rights, schemas, sync };
    const router = buildRouter({ ...base, ...kafka, ...rooms, ruler, statuses, health, alarms, memory });
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
  { clusters, fleet }: Config,
  open: OpenClient,
  { clock, logger, metrics }: Pick<ControllerDeps, 'clock' | 'logger' | 'metrics'>,
): Fencer {
  const otherwise = new WaitingFencer({ clusters, clock, isGone: connectionRefused(clock) });
  return new TargetFencer({ clusters, fleet, open, otherwise, clock, logger, metrics });
}

interface Kafka {
  readonly metadata: SourceMetadata;
  readonly admin: TargetAdmin;
  /** Without: every target counts as able to fence. */
  readonly prover?: DeliveryProver;
}

function openKafka(
  { clusters, fleet }: Config,
  { store, open, ...parts }: ClientParts & Pick<ControllerDeps, 'store'> & { readonly open: OpenClient },
  lifecycle: Lifecycle,
): Kafka {
  const metadata = lifecycle.add('metadata', new KafkaMetadata({ clusters, ...parts }));
  const admin = lifecycle.add('admin', new KafkaAdmin(clusters, parts.logger));
  const prover = new ClearingProver({
    prover: new KafkaProver({ clusters, fleet, open }),
    registry: new StoredLaneRegistry(store),
    clusters,
    fleet,
    open,
    logger: parts.logger,
  });
  return { metadata, admin, prover };
}
