import { Router } from 'express';
import { groupPaths } from '../groups/group-paths.js';
import type { GroupService } from '../groups/group-service.js';
import { type JobPathsOptions, jobPaths } from '../jobs/job-paths.js';
import { type TakeoverPathsOptions, takeoverPaths } from '../mm2/takeover-paths.js';
import { type OffsetPathsOptions, offsetPaths } from '../offsets/offset-paths.js';
import { type RulesPathsOptions, rulesPaths } from '../rules/rules-paths.js';
import { type SchemaPathsOptions, schemaPaths } from '../schemas/schema-paths.js';
import { syncPaths } from '../sync/sync-paths.js';
import type { SyncService } from '../sync/sync-service.js';
import { type FleetPathsOptions, fleetPaths } from './fleet-paths.js';
import { orderPaths } from './order-paths.js';
import type { OrderService } from './order-service.js';
import { type RecoveryPathsOptions, recoveryPaths } from './recovery-paths.js';
import { routePaths } from './route-paths.js';
import type { RouteService } from './route-service.js';
import { selectionPaths } from './selection-paths.js';
import type { SelectionService } from './selection-service.js';
import { type TopicPathsOptions, topicPaths } from './topic-paths.js';
import { transferPaths } from './transfer-paths.js';
import type { TransferService } from './transfer-service.js';
import { whyPaths } from './why-paths.js';

export interface ApiOptions
  extends TopicPathsOptions,
    FleetPathsOptions,
    JobPathsOptions,
    OffsetPathsOptions,
    RecoveryPathsOptions,
    RulesPathsOptions,
    SchemaPathsOptions,
    TakeoverPathsOptions {
  readonly routes: RouteService;
  readonly orders: OrderService;
  readonly selections: SelectionService;
  readonly transfer: TransferService;
  readonly groups: GroupService;
  readonly syncs: SyncService;
}

/** The router of /api/v1. Paths are static strings; other methods on them answer 405. */
export function apiRouter(options: ApiOptions): Router {
  const router = Router({ caseSensitive: true });
  routePaths(router, options);
  selectionPaths(router, options);
  topicPaths(router, options);
  whyPaths(router, options);
  orderPaths(router, options);
  fleetPaths(router, options);
  transferPaths(router, options);
  rulesPaths(router, options);
  schemaPaths(router, options);
  syncPaths(router, options);
  jobPaths(router, options);
  offsetPaths(router, options);
  groupPaths(router, options);
  takeoverPaths(router, options);
  recoveryPaths(router, options);
  return router;
}
