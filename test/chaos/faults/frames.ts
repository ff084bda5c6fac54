import { ApiKey } from '../../../common/kafka/wire/api-keys.js';
import type { FaultProxy, FaultRule } from '../../proxy/fault-proxy.js';
import { ZooKeeperOp } from '../../proxy/zookeeper-dialect.js';
import { workerId } from '../crew.js';
import { type Doer, type Field, type Heal, linksOf, way } from '../field.js';
import type { PlannedFault } from '../plan.js';
import { leaderOf } from './processes.js';

/** Kafka's codes: the leader is another one, it took too long (the batch is in the log), too few replicas (it is there too). */
const NOT_LEADER = 6;
const REQUEST_TIMED_OUT = 7;
const REPLICA_NOT_AVAILABLE = 9;
const NOT_ENOUGH_REPLICAS_AFTER_APPEND = 20;
const STORAGE_ERROR = 56;

const LEAST_DELAY_MS = 100;
const MOST_DELAY_MS = 1_500;

/** Applies the rule on all these lines until healed; says how often it struck. */
export function impose(field: Field, what: string, lines: readonly FaultProxy[], rule: FaultRule): Heal {
  const inForce = lines.map((line) => line.add(rule));
  return async () => {
    for (const each of inForce) each.remove();
    field.say(`${what}: ${inForce.reduce((sum, { hits }) => sum + hits, 0)} times`);
  };
}

type MakeRule = (fault: PlannedFault) => FaultRule;

const onLine =
  (peer: 'source' | 'target', ruleOf: MakeRule): Doer =>
  async (field, fault) => {
    const id = workerId(fault.slot);
    return impose(field, `${fault.kind} at ${id}`, linksOf(field, id)[peer], ruleOf(fault));
  };

const answers = { direction: 'toClient', apis: [ApiKey.Produce] } as const;

export const loseProduceAnswers = onLine('target', (fault) => ({
  ...answers,
  action: { kind: way(fault, ['cut', 'stall', 'drop'] as const) },
  every: 5,
}));

export const slowAnswers = onLine('target', ({ variant }) => ({
  ...answers,
  action: { kind: 'delay', delayMs: LEAST_DELAY_MS + variant * (MOST_DELAY_MS - LEAST_DELAY_MS) },
}));

export const produceErrors = onLine('target', (fault) => ({
  ...answers,
  action: { kind: 'error', code: way(fault, [NOT_LEADER, REQUEST_TIMED_OUT, NOT_ENOUGH_REPLICAS_AFTER_APPEND]) },
  every: 4,
  times: 10,
}));

export const duplicateAnswers: Doer = async (field, fault) => {
  const id = workerId(fault.slot);
  const { source, target } = linksOf(field, id);
  const twice: FaultRule = { direction: 'toClient', action: { kind: 'duplicate' }, every: 5, times: 3 };
  return impose(field, `${fault.kind} at ${id}`, [...source, ...target], twice);
};

export const fetchErrors = onLine('source', (fault) => ({
  direction: 'toClient',
  apis: [ApiKey.Fetch],
  action: { kind: 'error', code: way(fault, [NOT_LEADER, REPLICA_NOT_AVAILABLE, STORAGE_ERROR]) },
  every: 4,
  times: 10,
}));

export const flipProduce = onLine('target', () => ({
  direction: 'toServer',
  apis: [ApiKey.Produce],
  action: { kind: 'flip' },
  every: 7,
  times: 2,
}));

export const flipFetch = onLine('source', () => ({
  direction: 'toClient',
  apis: [ApiKey.Fetch],
  action: { kind: 'flip' },
  every: 7,
  times: 2,
}));

const WRITES = [
  ZooKeeperOp.create,
  ZooKeeperOp.create2,
  ZooKeeperOp.setData,
  ZooKeeperOp.delete,
  ZooKeeperOp.multi,
] as const;

const onStoreLines =
  (rule: FaultRule): Doer =>
  async (field, fault) => {
    const lines = [workerId(fault.slot), leaderOf(field)].map((id) => linksOf(field, id).zooKeeper);
    return impose(field, fault.kind, lines, rule);
  };

export const loseStoreAnswers = onStoreLines({
  direction: 'toClient',
  apis: WRITES,
  action: { kind: 'cut' },
  every: 2,
  times: 3,
});

export const loseNotifications = onStoreLines({
  direction: 'toClient',
  apis: [ZooKeeperOp.notification],
  action: { kind: 'drop' },
});
