import type { ProduceRequest } from '../../../common/kafka/wire/apis/produce.js';
import { leaderFault, type Respond } from './answering.js';
import type { Broker, KafkaCluster } from './cluster.js';

const REQUEST_TIMED_OUT = 7;
const NOT_ENOUGH_REPLICAS = 19;
const NOT_ENOUGH_REPLICAS_AFTER_APPEND = 20;

interface Stored {
  readonly topic: string;
  readonly partition: number;
  errorCode: number;
  baseOffset: number;
  logAppendTimeMs: number;
}

/** acks=-1: answered when every batch is safe, or after the request's own bound, or when the leader is gone. */
export function answerProduce(cluster: KafkaCluster, broker: Broker, request: ProduceRequest, respond: Respond): void {
  const results: Stored[] = [];
  const open = new Set<{ cancel(): void }>();
  let isAnswered = false;
  const done = (): void => {
    if (isAnswered) return;
    isAnswered = true;
    overdue.cancel();
    respond(responseOf(results));
  };
  const overdue = cluster.timeline.after(request.timeoutMs, () => {
    for (const each of open) each.cancel();
    for (const result of results) if (result.errorCode === PENDING) result.errorCode = REQUEST_TIMED_OUT;
    done();
  });
  for (const { topic, partition: number, records } of request.partitions) {
    const result: Stored = { topic, partition: number, errorCode: PENDING, baseOffset: -1, logAppendTimeMs: -1 };
    results.push(result);
    const end = store(cluster, broker, Buffer.concat(records), result);
    if (end === undefined) continue;
    let waiting: { cancel(): void } | undefined;
    waiting = cluster.partition(result)?.whenSafe(end, (code) => {
      if (waiting !== undefined) open.delete(waiting);
      result.errorCode = code || (result.errorCode === PENDING ? 0 : result.errorCode);
      if (results.length === request.partitions.length && !results.some(isPending)) done();
    });
    if (waiting !== undefined && result.errorCode === PENDING) open.add(waiting);
  }
  if (!results.some(isPending)) done();
}

const PENDING = -100;
const isPending = ({ errorCode }: Stored): boolean => errorCode === PENDING;

/** @returns the offset that has to be safe before the answer; undefined: it is answered as it is */
function store(cluster: KafkaCluster, broker: Broker, bytes: Buffer, result: Stored): number | undefined {
  const partition = cluster.partition(result);
  const fault = leaderFault(partition, broker, -1);
  const isRefused = cluster.dice.chance(cluster.refusals);
  if (partition === undefined || fault !== 0 || isRefused) {
    result.errorCode = fault === 0 ? NOT_ENOUGH_REPLICAS : fault;
    return undefined;
  }
  const appended = partition.append(bytes);
  if (appended.kind === 'refused') {
    result.errorCode = appended.code;
    return undefined;
  }
  if (cluster.dice.chance(cluster.refusals)) {
    result.errorCode = NOT_ENOUGH_REPLICAS_AFTER_APPEND;
    return undefined;
  }
  result.baseOffset = appended.base;
  // A batch that was there already is told by its time (broker-probes 8).
  if (appended.kind === 'known') result.logAppendTimeMs = 1;
  return appended.kind === 'known' ? partition.log.end : appended.base + 1;
}

function responseOf(results: readonly Stored[]): object {
  return {
    throttleTimeMs: 0,
    topics: results.map(({ topic, partition, errorCode, baseOffset, logAppendTimeMs }) => ({
      topic,
      partitions: [
        {
          partition,
          errorCode,
          baseOffset: errorCode === 0 ? baseOffset : -1,
          logAppendTimeMs: errorCode === 0 ? logAppendTimeMs : -1,
          logStartOffset: 0,
          recordErrors: [],
          errorMessage: null,
        },
      ],
    })),
  };
}
