import type { Config } from '../../common/config/compile.js';
import type { CoordinationStore } from '../../common/coordination/ports.js';
import type { Logger } from '../../common/observability/logger.js';
import type { Metrics } from '../../common/observability/metrics.js';
import type { Clock } from '../../common/runtime/clock.js';
import type { Closable } from '../../common/runtime/lifecycle.js';
import type { Random } from '../../common/runtime/random.js';
import type { HookPlace } from '../core/recovery-program.js';
import type { LeaderWork } from '../loop/leader-works.js';
import type { StatusSource } from '../loop/load-watch.js';
import { KafkaRights } from '../metadata/acls/kafka-rights.js';
import { ClusterClients, type OpenClient } from '../metadata/cluster-clients.js';
import type { SourceMetadata, TargetAdmin } from '../metadata/ports.js';
import type { OffsetMaps } from '../offsets/ports.js';
import { KafkaLens } from './cluster-lens.js';
import { RecoveryRights } from './cluster-rights.js';
import { FleetLens } from './fleet-lens.js';
import { Hooks } from './hooks.js';
import { LeaderRpo } from './leader-rpo.js';
import { OffsetMapExport } from './map-export.js';
import type { RecoveryWorld } from './ports.js';
import { RecoveryService } from './recovery-service.js';
import { RecoveryWork } from './recovery-work.js';
import { RpoWatch } from './rpo-watch.js';

export interface RecoveryRoomOptions {
  readonly config: Config;
  readonly store: CoordinationStore;
  readonly metadata: SourceMetadata;
  readonly admin: Pick<TargetAdmin, 'createTopics'>;
  readonly statuses: StatusSource;
  readonly open: OpenClient;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

/** What other rooms lend; a step that needs what nobody lent says so. */
export interface Loans extends Pick<RecoveryWorld, 'groups' | 'drift' | 'copier' | 'schemas'> {
  readonly offsets: OffsetMaps;
}

export interface RecoveryRoom extends Closable {
  readonly works: readonly LeaderWork[];
  readonly recoveries: RecoveryService;
  readonly rpo: LeaderRpo;
  lend(loans: Partial<Loans>): void;
}

/** All that recovery programs need, put together. */
export function openRecoveryRoom(options: RecoveryRoomOptions): RecoveryRoom {
  const { config, store, metadata, admin, statuses, open, clock, random, logger, metrics } = options;
  const { clusters, controller } = config;
  const lens = new KafkaLens(new ClusterClients(clusters, open));
  const rights = new KafkaRights(new ClusterClients(clusters, open));
  const fleet = new FleetLens(store, statuses);
  const rpo = new RpoWatch(fleet, clock, metrics);
  const configured = config.recoveryHooks ?? [];
  const hooks = new Hooks({ hooks: configured, clock, random });
  const parts = { store, clock, random, logger, metrics, fleet };
  const nothing = {
    groups: undefined,
    maps: undefined,
    drift: undefined,
    copier: undefined,
    schemas: undefined,
    offsets: undefined,
  };
  const world: RecoveryWorld = {
    ...parts,
    clusters,
    metadata,
    lens,
    rpo,
    hooks,
    rights: new RecoveryRights(rights),
    ...nothing,
  };
  const places: readonly HookPlace[] = configured.map(({ name, when, step, kinds }) => ({
    name,
    when,
    act: step,
    kinds,
  }));
  return {
    works: [rpo, new RecoveryWork(world)],
    lend: ({ offsets, ...given }) => {
      Object.assign(world, given);
      if (offsets === undefined) return;
      Object.assign(world, { offsets });
      const exporter = { fleetName: config.fleet, maps: offsets, fleet, lens, metadata, admin, clock };
      Object.assign(world, { maps: new OffsetMapExport({ ...exporter, client: (name) => lens.client(name) }) });
    },
    recoveries: new RecoveryService({ ...parts, hooks: places }),
    rpo: new LeaderRpo({ store, fleet, watch: rpo, token: controller.http.token }),
    close: async () => {
      await Promise.all([lens.close(), rights.close()]);
    },
  };
}
