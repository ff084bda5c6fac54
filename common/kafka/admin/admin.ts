import kafkajs, { type Admin } from 'kafkajs';
import { CausewayError, messageOf } from '../../errors/error.js';
import type { ClusterConnection } from '../../model/cluster.js';
import type { Logger } from '../../observability/logger.js';
import { type Clock, systemClock } from '../../runtime/clock.js';
import type { Closable } from '../../runtime/lifecycle.js';
import { KafkaCode } from '../wire/error-codes.js';
import { adminError, faultsByTopic, kafkaCodeOf } from './admin-errors.js';
import { createKafkaJs } from './kafkajs-client.js';

export interface TopicToCreate {
  readonly topic: string;
  readonly partitions: number;
  /** -1: the broker's default. */
  readonly replicationFactor: number;
  readonly configs: Readonly<Record<string, string>>;
}

/** `exists`: a topic of this name was there already, whatever its shape. */
export type CreateOutcome = 'created' | 'exists' | CausewayError;

export type TopicConfigs = Readonly<Record<string, string>>;

/** Changes to the topics of one cluster. Connects when first used; every error is a CausewayError that names cluster and topic. */
export interface ClusterAdmin extends Closable {
  /**
   * Makes topics in one request; the answer has an outcome for each. Those that fail do not keep the others from being made.
   * @param topics at most some hundreds: the cluster's controller makes them within one request timeout
   */
  createTopics(topics: readonly TopicToCreate[]): Promise<ReadonlyMap<string, CreateOutcome>>;
  /** Grows the topic to `count` partitions; `unchanged`: it has that many or more already. */
  createPartitions(topic: string, count: number): Promise<'grown' | 'unchanged'>;
  /** The configs set on the topic itself, not those inherited from the broker; a topic that is not there is missing in the answer. */
  topicConfigs(topics: readonly string[]): Promise<ReadonlyMap<string, TopicConfigs>>;
  /** `absent`: there was none. */
  deleteTopic(topic: string): Promise<'deleted' | 'absent'>;
}

/** A connection that had gone stale costs one attempt. */
const ATTEMPTS = 2;

/** A new topic takes a moment to reach the brokers' metadata; after this it is left to whoever uses it. */
const LEADERS_LIMIT_MS = 5_000;
const LEADERS_POLL_MS = 30;
const NOT_THERE_YET: ReadonlySet<number> = new Set([
  KafkaCode.UNKNOWN_TOPIC_OR_PARTITION,
  KafkaCode.LEADER_NOT_AVAILABLE,
]);

export function openAdmin(cluster: ClusterConnection, logger: Logger, clock: Clock = systemClock): ClusterAdmin {
  return new KafkaJsAdmin(cluster, logger, clock);
}

class KafkaJsAdmin implements ClusterAdmin {
  readonly #cluster: ClusterConnection;
  readonly #logger: Logger;
  readonly #clock: Clock;
  #admin: Promise<Admin> | undefined;
  #closed = false;

  constructor(cluster: ClusterConnection, logger: Logger, clock: Clock) {
    this.#cluster = cluster;
    this.#logger = logger;
    this.#clock = clock;
  }

  createTopics(topics: readonly TopicToCreate[]): Promise<ReadonlyMap<string, CreateOutcome>> {
    const [only, ...others] = topics;
    if (only === undefined) return Promise.resolve(new Map());
    const name = others.length === 0 ? only.topic : undefined;
    const what = name === undefined ? `create ${topics.length} topics` : `create topic ${name}`;
    return this.#run(what, name, async (admin) => {
      const outcomes = await this.#create(admin, topics);
      const created = topics.filter(({ topic }) => outcomes.get(topic) === 'created');
      if (created.length > 0)
        await this.#leaders(
          admin,
          created.map(({ topic }) => topic),
        );
      return outcomes;
    });
  }

  async #create(admin: Admin, topics: readonly TopicToCreate[]): Promise<ReadonlyMap<string, CreateOutcome>> {
    const all = (outcome: CreateOutcome) => new Map(topics.map(({ topic }) => [topic, outcome]));
    const wanted = topics.map(({ topic, partitions, replicationFactor, configs }) => ({
      topic,
      numPartitions: partitions,
      replicationFactor,
      configEntries: Object.entries(configs).map(([name, value]) => ({ name, value })),
    }));
    try {
      const timeout = this.#cluster.requestTimeoutMs;
      // kafkajs' own wait fails where the broker it asks does not know the topic yet.
      const created = await admin.createTopics({ topics: wanted, timeout, waitForLeaders: false });
      return all(created ? 'created' : 'exists');
    } catch (error) {
      const faults = faultsByTopic(error);
      if (faults === undefined) throw error;
      const outcomes = all('created');
      for (const [topic, fault] of faults) outcomes.set(topic, this.#outcome(topic, fault));
      return outcomes;
    }
  }

  #outcome(topic: string, fault: unknown): CreateOutcome {
    if (kafkaCodeOf(fault) === KafkaCode.TOPIC_ALREADY_EXISTS) return 'exists';
    return adminError(fault, `create topic ${topic}`, { cluster: this.#cluster.name, topic });
  }

  createPartitions(topic: string, count: number): Promise<'grown' | 'unchanged'> {
    const timeout = this.#cluster.requestTimeoutMs;
    return this.#run(`grow topic ${topic} to ${count} partitions`, topic, async (admin) => {
      try {
        await admin.createPartitions({ topicPartitions: [{ topic, count }], timeout });
        return 'grown';
      } catch (error) {
        // With a count of at least one this says that the topic has that many or more.
        if (count < 1 || kafkaCodeOf(error) !== KafkaCode.INVALID_PARTITIONS) throw error;
        return 'unchanged';
      }
    });
  }

  async topicConfigs(topics: readonly string[]): Promise<ReadonlyMap<string, TopicConfigs>> {
    if (topics.length === 0) return new Map();
    const place = topics.length === 1 ? topics[0] : undefined;
    try {
      return await this.#run('read the configs of topics', place, (admin) => describe(admin, topics));
    } catch (error) {
      if (kafkaCodeOf(error) !== KafkaCode.UNKNOWN_TOPIC_OR_PARTITION) throw error;
    }
    // kafkajs fails the whole answer for one missing topic: leave that one out.
    if (topics.length === 1) return new Map();
    const found = new Map<string, TopicConfigs>();
    for (const topic of topics) {
      for (const [name, configs] of await this.topicConfigs([topic])) found.set(name, configs);
    }
    return found;
  }

  async deleteTopic(topic: string): Promise<'deleted' | 'absent'> {
    const timeout = this.#cluster.requestTimeoutMs;
    try {
      return await this.#run(`delete topic ${topic}`, topic, async (admin) => {
        await admin.deleteTopics({ topics: [topic], timeout });
        return 'deleted' as const;
      });
    } catch (error) {
      if (kafkaCodeOf(error) === KafkaCode.UNKNOWN_TOPIC_OR_PARTITION) return 'absent';
      throw error;
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#discard();
  }

  /** Any failure but a broker's own answer drops the client: kafkajs goes on using a socket that timed out. */
  async #run<T>(what: string, topic: string | undefined, use: (admin: Admin) => Promise<T>): Promise<T> {
    const place = { cluster: this.#cluster.name, ...(topic === undefined ? {} : { topic }) };
    for (let attempt = 1; ; attempt += 1) {
      const fresh = this.#admin === undefined;
      try {
        return await use(await this.#connected());
      } catch (error) {
        const fault = adminError(error, what, place);
        if (isAnswer(fault) || fault.code === 'SHUTTING_DOWN') throw fault;
        await this.#discard();
        if (fresh || attempt === ATTEMPTS) throw fault;
      }
    }
  }

  async #leaders(admin: Admin, topics: string[]): Promise<void> {
    const deadlineMs = this.#clock.monotonicMs() + LEADERS_LIMIT_MS;
    while (this.#clock.monotonicMs() < deadlineMs) {
      try {
        await admin.fetchTopicMetadata({ topics });
        return;
      } catch (error) {
        if (!NOT_THERE_YET.has(kafkaCodeOf(error) ?? KafkaCode.NONE)) throw error;
      }
      await this.#clock.sleep(LEADERS_POLL_MS);
    }
  }

  #connected(): Promise<Admin> {
    if (this.#closed) {
      const place = { cluster: this.#cluster.name };
      return Promise.reject(
        new CausewayError('SHUTTING_DOWN', 'the admin client of this cluster is closed', { place }),
      );
    }
    this.#admin ??= this.#connect();
    return this.#admin;
  }

  async #connect(): Promise<Admin> {
    const admin = (await createKafkaJs(this.#cluster, this.#logger, this.#clock)).admin();
    try {
      await admin.connect();
    } catch (error) {
      await this.#disconnect(admin);
      throw error;
    }
    return admin;
  }

  async #discard(): Promise<void> {
    const connecting = this.#admin;
    this.#admin = undefined;
    const admin = await connecting?.catch(() => undefined);
    if (admin !== undefined) await this.#disconnect(admin);
  }

  async #disconnect(admin: Admin): Promise<void> {
    try {
      await admin.disconnect();
    } catch (error) {
      this.#logger.debug('admin.disconnect-failed', { cluster: this.#cluster.name, reason: messageOf(error) });
    }
  }
}

/** A broker that controls the cluster no more sends us on: that takes a new client. */
function isAnswer({ code, kafkaCode }: CausewayError): boolean {
  return code === 'KAFKA_ERROR' && kafkaCode !== KafkaCode.NOT_CONTROLLER;
}

async function describe(admin: Admin, topics: readonly string[]): Promise<ReadonlyMap<string, TopicConfigs>> {
  const resources = topics.map((name) => ({ type: kafkajs.ConfigResourceTypes.TOPIC, name }));
  const answer = await admin.describeConfigs({ resources, includeSynonyms: false });
  return new Map(
    answer.resources.map((resource) => {
      const own = resource.configEntries.filter((entry) => entry.configSource === kafkajs.ConfigSource.TOPIC_CONFIG);
      // A sensitive value comes as null.
      const set = own.filter((entry) => typeof entry.configValue === 'string');
      return [resource.resourceName, Object.fromEntries(set.map((entry) => [entry.configName, entry.configValue]))];
    }),
  );
}
