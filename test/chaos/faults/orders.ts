import { setTimeout as sleep } from 'node:timers/promises';
import type { CausewayClient } from '../../../common/api/client.js';
import { ZooKeeperOp } from '../../proxy/zookeeper-dialect.js';
import { workerId } from '../crew.js';
import { type Doer, type Field, linksOf } from '../field.js';
import { impose } from './frames.js';

const RETRY_MS = 300;
const ORDER_LIMIT_MS = 20_000;

/** Gives an order over REST until it is taken: whoever answers may be without a store, or be killed meanwhile. @throws when nobody takes it */
export async function order<T>(field: Field, give: (client: CausewayClient) => Promise<T>): Promise<T> {
  const untilMs = performance.now() + ORDER_LIMIT_MS;
  for (;;) {
    try {
      return await give(field.api());
    } catch (error) {
      if (performance.now() > untilMs) throw error;
      await sleep(RETRY_MS);
    }
  }
}

/** A worker is to give everything away, and is filled again by the same process under the same lane (3.1). */
export const handBack: Doer = async (field, fault) => {
  const id = workerId(fault.slot);
  await order(field, (client) => client.orderWorker(id, { role: 'drained', reason: 'chaos' }));
  return async () => void (await order(field, (client) => client.releaseWorker(id)));
};

/** The same, while the worker's reports are lost on their way with the connection that carries them. */
export const loseReports: Doer = async (field, fault) => {
  const id = workerId(fault.slot);
  const found = impose(field, `${fault.kind} of ${id}`, [linksOf(field, id).zooKeeper], {
    direction: 'toServer',
    apis: [ZooKeeperOp.setData, ZooKeeperOp.create, ZooKeeperOp.create2, ZooKeeperOp.multi],
    only: (frame) => frame.includes('/reports/'),
    action: { kind: 'cut' },
    every: 2,
    times: 6,
  });
  await order(field, (client) => client.orderWorker(id, { role: 'drained', reason: 'chaos' }));
  return async () => {
    await order(field, (client) => client.releaseWorker(id));
    await found();
  };
};
