import { setTimeout as sleep } from 'node:timers/promises';
import { PRODUCE } from '../../../common/kafka/wire/apis/produce.js';
import { call } from '../../../common/kafka/wire/call.js';
import { ClusterClient } from '../../../common/kafka/wire/cluster-client.js';
import type { BrokerConnection } from '../../../common/kafka/wire/connection.js';
import { silentLogger } from '../../../common/observability/logger.js';
import { systemClock } from '../../../common/runtime/clock.js';
import { systemRandom } from '../../../common/runtime/random.js';

const LEADER_PATIENCE_MS = 60_000;

/** Appends batches to a cluster whose leaders stay where they are. */
export class Appender {
  readonly #client: ClusterClient;
  readonly #connections = new Map<string, Promise<BrokerConnection>>();

  constructor(bootstrapServers: string) {
    const bootstrap = bootstrapServers.split(',');
    const cluster = { name: 'appender', bootstrap, connectTimeoutMs: 10_000, requestTimeoutMs: 10_000 };
    const deps = { clock: systemClock, random: systemRandom, logger: silentLogger };
    this.#client = new ClusterClient({ cluster, clientId: 'appender', ...deps });
  }

  async append(topic: string, partition: number, batch: Buffer): Promise<void> {
    const key = `${topic}-${partition}`;
    const connection = this.#connections.get(key) ?? this.#connect(topic, partition);
    this.#connections.set(key, connection);
    const partitions = [{ topic, partition, records: [batch] }];
    const request = { transactionalId: null, acks: -1, timeoutMs: 5_000, partitions } as const;
    for (const untilMs = performance.now() + LEADER_PATIENCE_MS; ; await sleep(50)) {
      const answer = (await call(await connection, PRODUCE, request)).topics[0]?.partitions[0];
      if (answer?.errorCode === 0) return;
      // A leader may not have heard yet that it is one.
      if (performance.now() > untilMs) throw new Error(`append to ${key} failed with ${answer?.errorCode}`);
    }
  }

  close(): Promise<void> {
    return this.#client.close();
  }

  async #connect(topic: string, partition: number): Promise<BrokerConnection> {
    for (const untilMs = performance.now() + LEADER_PATIENCE_MS; performance.now() < untilMs; await sleep(50)) {
      const { topics } = await this.#client.metadata([topic]);
      const leader = topics.get(topic)?.partitions.find((candidate) => candidate.partition === partition)?.leader ?? -1;
      if (leader >= 0) return await this.#client.connection(leader, `append-${topic}-${partition}`);
    }
    throw new Error(`${topic}-${partition} has no leader`);
  }
}
