import { BROKER_RESOURCE, DESCRIBE_CONFIGS } from '../wire/apis/describe-configs.js';
import { call } from '../wire/call.js';
import { type FencingClient, unlessAborted } from './fencing-client.js';

const PURPOSE = 'fencing';
const PRODUCER_EXPIRATION = 'producer.id.expiration.ms';
const ID_EXPIRATION = 'transactional.id.expiration.ms';

/** How long a cluster's brokers remember who wrote. */
export interface BrokerMemory {
  /** A partition's producer after its newest record (`producer.id.expiration.ms`): sequences, and what a fence left there. */
  readonly producerMs: number;
  /** An idle transactional id (`transactional.id.expiration.ms`). */
  readonly transactionalIdMs: number;
}

/** Kafka's own, where brokers cannot or may not tell. */
export const DEFAULT_BROKER_MEMORY: BrokerMemory = { producerMs: 86_400_000, transactionalIdMs: 604_800_000 };

/**
 * The shortest memory among the brokers that tell theirs: DescribeConfigs needs DESCRIBE_CONFIGS on the cluster. One that does not tell counts
 * as one with Kafka's own.
 * @throws CLUSTER_UNREACHABLE and the like when not even metadata can be had, SHUTTING_DOWN
 */
export async function brokerMemory(client: FencingClient, signal: AbortSignal): Promise<BrokerMemory> {
  const { brokers } = await unlessAborted(client.metadata([]), signal);
  const told = await Promise.all([...brokers.keys()].map((broker) => memoryOf(client, broker, signal)));
  return {
    producerMs: Math.min(...told.map(({ producerMs }) => producerMs)),
    transactionalIdMs: Math.min(...told.map(({ transactionalIdMs }) => transactionalIdMs)),
  };
}

async function memoryOf(client: FencingClient, broker: number, signal: AbortSignal): Promise<BrokerMemory> {
  try {
    const connection = await unlessAborted(client.connection(broker, PURPOSE), signal);
    const resource = { type: BROKER_RESOURCE, name: String(broker), keys: [PRODUCER_EXPIRATION, ID_EXPIRATION] };
    const answer = await unlessAborted(call(connection, DESCRIBE_CONFIGS, { resources: [resource] }), signal);
    const configs = new Map(answer.results[0]?.configs.map(({ name, value }) => [name, Number(value)]));
    const known = (name: string, otherwise: number): number => {
      const value = configs.get(name);
      return value !== undefined && Number.isSafeInteger(value) && value > 0 ? value : otherwise;
    };
    return {
      producerMs: known(PRODUCER_EXPIRATION, DEFAULT_BROKER_MEMORY.producerMs),
      transactionalIdMs: known(ID_EXPIRATION, DEFAULT_BROKER_MEMORY.transactionalIdMs),
    };
  } catch (error) {
    if (signal.aborted) throw error;
    return DEFAULT_BROKER_MEMORY;
  }
}
