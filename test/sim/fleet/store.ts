import type { CoordinationStore } from '../../../common/coordination/ports.js';
import { openZooKeeperStore } from '../../../common/coordination/zookeeper/store.js';
import type { Logger } from '../../../common/observability/logger.js';
import type { Actor } from '../kernel/actor.js';
import { asZkConnection, SimZkConnection, type SimZooKeeper } from '../zookeeper/client.js';
import { OPERATION_TIMEOUT_MS, SESSION_TIMEOUT_MS } from './settings.js';

/** The product's store, over the model of ZooKeeper. */
export function openStore(actor: Actor, zookeeper: SimZooKeeper, logger: Logger): CoordinationStore {
  return openZooKeeperStore({
    connect: 'zookeeper:2181',
    root: '/',
    sessionTimeoutMs: SESSION_TIMEOUT_MS,
    operationTimeoutMs: OPERATION_TIMEOUT_MS,
    clock: actor.clock,
    random: actor.dice,
    logger,
    connection: ({ sessionTimeoutMs }, listener) =>
      asZkConnection(new SimZkConnection(actor, zookeeper, sessionTimeoutMs, listener)),
  });
}
