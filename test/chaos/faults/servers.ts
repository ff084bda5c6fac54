import type { BrokerHandle } from '../../bed/broker.js';
import { type Doer, type Field, way } from '../field.js';
import { brokerOf, type PlannedFault } from '../plan.js';

type Side = 'source' | 'target';

function brokerAt({ bed }: Field, side: Side, { slot }: PlannedFault): BrokerHandle {
  const broker = bed[side].brokers[brokerOf(slot) - 1];
  if (broker === undefined) throw new Error(`the ${side} has no broker ${brokerOf(slot)}`);
  return broker;
}

export const bounce =
  (side: Side): Doer =>
  async (field, fault) => {
    const broker = brokerAt(field, side, fault);
    const signal = way(fault, ['SIGTERM', 'SIGKILL']);
    field.say(`${signal} to broker ${broker.id} of the ${side}`);
    await (signal === 'SIGTERM' ? broker.stop() : broker.kill());
    return () => broker.start();
  };

export const hang =
  (side: Side): Doer =>
  async (field, fault) => {
    const broker = brokerAt(field, side, fault);
    broker.pause();
    return async () => broker.resume();
  };

export const zooKeeperOutage: Doer = async ({ bed, say }, fault) => {
  const { zooKeeper } = bed;
  if (way(fault, ['kill', 'stop']) === 'stop') {
    say('SIGSTOP to ZooKeeper');
    zooKeeper.pause();
    return async () => zooKeeper.resume();
  }
  say('SIGKILL to ZooKeeper');
  await zooKeeper.kill();
  return () => zooKeeper.start();
};
