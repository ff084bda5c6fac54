import { setTimeout as sleep } from 'node:timers/promises';
import type { FaultProxy } from '../../proxy/fault-proxy.js';
import { workerId } from '../crew.js';
import { type Doer, type Field, type Heal, linksOf, way } from '../field.js';
import type { PlannedFault } from '../plan.js';
import { killWorker, leaderOf, stopWorker } from './processes.js';

/** What is on its way when the line is held: enough for requests in flight. */
const GATHER_MS = 400;
const THIN_LINE_BYTES_PER_S = 60_000;

type Peer = 'source' | 'target' | 'zooKeeper';

function linesTo(field: Field, id: string, peer: Peer): readonly FaultProxy[] {
  const links = linksOf(field, id);
  return peer === 'zooKeeper' ? [links.zooKeeper] : links[peer];
}

/** Silence in both directions or in one, or resets; what was on its way when it ends is lost with its connections. */
function cutOff(field: Field, fault: PlannedFault, id: string, peer: Peer): Heal {
  const lines = linesTo(field, id, peer);
  const how = way(fault, ['both ways', 'toServer', 'toClient', 'resets'] as const);
  field.say(`${id} to ${peer}: ${how}`);
  for (const { tcp } of lines) {
    if (how === 'both ways') tcp.hold();
    else if (how === 'resets') {
      tcp.refuse(true);
      tcp.cut();
    } else tcp.hold(how);
  }
  return async () => {
    for (const line of lines) line.heal({ forget: true });
  };
}

export const cutWorker =
  (peer: Peer): Doer =>
  async (field, fault) =>
    cutOff(field, fault, workerId(fault.slot), peer);

export const cutLeader: Doer = async (field, fault) => {
  field.measured('failover', field.sampler.failover());
  return cutOff(field, fault, leaderOf(field), 'zooKeeper');
};

export const throttleTarget: Doer = async (field, fault) => {
  const lines = linesTo(field, workerId(fault.slot), 'target');
  for (const { tcp } of lines) tcp.throttle(THIN_LINE_BYTES_PER_S, 'toServer');
  return async () => {
    for (const { tcp } of lines) tcp.throttle(Infinity, 'toServer');
  };
};

/** Requests are held on their way to the target, their sender ends, and they arrive when somebody else has its partitions. */
export const lateBatches =
  (end: 'kill' | 'stop'): Doer =>
  async (field, fault) => {
    const lines = linesTo(field, workerId(fault.slot), 'target');
    for (const { tcp } of lines) tcp.hold('toServer');
    await sleep(GATHER_MS);
    const undo = await (end === 'kill' ? killWorker : stopWorker)(field, fault);
    return async () => {
      for (const { tcp } of lines) tcp.release('toServer');
      await undo();
    };
  };
