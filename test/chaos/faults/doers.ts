import type { FaultKind } from '../catalogue.js';
import type { Doer } from '../field.js';
import {
  duplicateAnswers,
  fetchErrors,
  flipFetch,
  flipProduce,
  loseNotifications,
  loseProduceAnswers,
  loseStoreAnswers,
  produceErrors,
  slowAnswers,
} from './frames.js';
import { coordinatorInFence, refuseFirstBatch, zombieReinitialises } from './lanes.js';
import { cutLeader, cutWorker, lateBatches, throttleTarget } from './lines.js';
import { handBack, loseReports } from './orders.js';
import {
  killBoth,
  killLeader,
  killWorker,
  killWorkerAndBroker,
  replaceStoppedWorker,
  stopLeader,
  stopWorker,
} from './processes.js';
import { bounce, hang, zooKeeperOutage } from './servers.js';
import { wipeStore } from './store.js';
import { deleteTopicInFence, leaderlessInFence, recreateTarget } from './topics.js';

/** How each fault is done. */
export const DOERS: Readonly<Record<FaultKind, Doer>> = {
  'kill-worker': killWorker,
  'kill-leader': killLeader,
  'kill-both': killBoth,
  'kill-worker-and-broker': killWorkerAndBroker,
  'stop-worker': stopWorker,
  'stop-leader': stopLeader,
  'replace-stopped-worker': replaceStoppedWorker,
  'bounce-source': bounce('source'),
  'bounce-target': bounce('target'),
  'hang-source': hang('source'),
  'hang-target': hang('target'),
  'zookeeper-outage': zooKeeperOutage,
  'cut-worker-source': cutWorker('source'),
  'cut-worker-target': cutWorker('target'),
  'cut-worker-zookeeper': cutWorker('zooKeeper'),
  'cut-leader-zookeeper': cutLeader,
  'lose-produce-answers': loseProduceAnswers,
  'duplicate-answers': duplicateAnswers,
  'slow-answers': slowAnswers,
  'produce-errors': produceErrors,
  'fetch-errors': fetchErrors,
  'flip-produce': flipProduce,
  'flip-fetch': flipFetch,
  'throttle-target': throttleTarget,
  'lose-store-answers': loseStoreAnswers,
  'lose-notifications': loseNotifications,
  'late-batches': lateBatches('kill'),
  'late-batches-of-stopped': lateBatches('stop'),
  'refuse-first-batch': refuseFirstBatch,
  'zombie-reinitialises': zombieReinitialises,
  'hand-back': handBack,
  'lose-reports': loseReports,
  'leaderless-in-fence': leaderlessInFence,
  'coordinator-in-fence': coordinatorInFence,
  'delete-topic-in-fence': deleteTopicInFence,
  'recreate-target': recreateTarget,
  'wipe-store': wipeStore,
};
