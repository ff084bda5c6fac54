import { setTimeout as sleep } from 'node:timers/promises';
import { ClusterClient } from '../../common/kafka/wire/cluster-client.js';
import { commitOffsets } from '../../common/kafka/wire/operations/commit-offsets.js';
import { decodeCheckpoint } from '../../common/mm2/records.js';
import { checkpointsTopic } from '../../common/mm2/topic-names.js';
import { silentLogger } from '../../common/observability/logger.js';
import { systemClock } from '../../common/runtime/clock.js';
import { systemRandom } from '../../common/runtime/random.js';
import { waitUntil } from '../bed/wait.js';
import { mirrorMaker2 } from './mm2.js';
import { copiesAt, GroupTally, type JudgedGroups, positionsOf, SHARED_TOPICS } from './offsets-groups.js';
import { endOf, type OffsetsLog, recordsOf } from './offsets-log.js';
import { type MirrorHost, type MirrorRun, targetTopicOf } from './subject.js';

const alias = 'offsets-mm2';
const copyLimitMs = 180_000;
/** It translates every five seconds here; what stays for this long has settled. */
const settledMs = 15_000;
const settleLimitMs = 150_000;

/** MirrorMaker 2 with its defaults, but for how often it looks at groups. It translates what groups have committed, and nothing else. */
export class Mm2Offsets {
  readonly #host: MirrorHost;
  readonly #log: OffsetsLog;
  #run: MirrorRun | undefined;

  constructor(host: MirrorHost, log: OffsetsLog) {
    this.#host = host;
    this.#log = log;
  }

  async start(): Promise<void> {
    this.#run = await mirrorMaker2.start(this.#host, {
      alias,
      topics: SHARED_TOPICS,
      compression: 'none',
      tuning: 'defaults',
      mm2Settings: {
        'SOURCE.consumer.isolation.level': 'read_committed',
        'SOURCE->target.emit.checkpoints.interval.seconds': '5',
        'SOURCE->target.refresh.groups.interval.seconds': '5',
        'SOURCE->target.sync.group.offsets.interval.seconds': '5',
      },
    });
  }

  /** In order: it commits how far it has come. */
  async leave(): Promise<void> {
    await this.#run?.leave?.();
    this.#run = undefined;
  }

  async stop(): Promise<void> {
    await this.#run?.stop();
  }

  /** All that is there of the first act. */
  async copied(): Promise<void> {
    for (const topic of SHARED_TOPICS) {
      const { records, isLost } = this.#log.partition(topic);
      const expected = records.filter(({ offset }) => !isLost(offset)).length;
      const isCopied = async (): Promise<boolean> => (await this.#end(topic)) >= expected;
      await waitUntil(`MirrorMaker 2 has copied ${topic}`, isCopied, { timeoutMs: copyLimitMs });
    }
  }

  /** From outside the groups: joining each would take seconds. */
  async commit(groups: number): Promise<void> {
    const client = new ClusterClient({
      cluster: {
        name: 'source',
        bootstrap: this.#host.source.plaintextBootstrapServers.split(','),
        connectTimeoutMs: 5_000,
        requestTimeoutMs: 10_000,
      },
      clientId: 'bench',
      clock: systemClock,
      random: systemRandom,
      logger: silentLogger,
    });
    const positions = SHARED_TOPICS.map((topic) => ({ topic, at: positionsOf(this.#log, topic, groups) }));
    try {
      for (let group = 0; group < groups; group += 1) {
        const offsets = positions.map(({ topic, at }) => {
          return { topic, partition: 0, offset: BigInt(at[group] as number), metadata: '' };
        });
        const failed = (await commitOffsets(client, nameOf(group), offsets)).find(({ errorCode }) => errorCode !== 0);
        if (failed !== undefined) throw new Error(`committing was answered with ${failed.errorCode}`);
      }
    } finally {
      await client.close();
    }
  }

  /** Once neither its copies nor its answers change any more. */
  async judge(groups: number): Promise<JudgedGroups & { readonly neverCopied: number; readonly copiedTwice: number }> {
    const said = await this.#settled();
    const tally = new GroupTally();
    let neverCopied = 0;
    let copiedTwice = 0;
    for (const topic of SHARED_TOPICS) {
      const { records, isLost } = this.#log.partition(topic);
      const target = copiesAt(records, await recordsOf(this.#servers, targetTopicOf({ alias }, topic)));
      const there = new Set(target.map(({ source }) => source).filter((source) => source >= 0));
      neverCopied += records.filter(({ offset }) => !isLost(offset) && !there.has(offset)).length;
      copiedTwice += target.filter(({ source }) => source >= 0).length - there.size;
      for (const [group, position] of positionsOf(this.#log, topic, groups).entries()) {
        tally.add(target, position, said.get(`${nameOf(group)}/${targetTopicOf({ alias }, topic)}`));
      }
    }
    return { ...tally.judged, neverCopied, copiedTwice };
  }

  async #settled(): Promise<ReadonlyMap<string, number>> {
    const untilMs = performance.now() + settleLimitMs;
    let last = '';
    let sinceMs = performance.now();
    for (;;) {
      const said = await this.#said();
      const ends = await Promise.all(SHARED_TOPICS.map((topic) => this.#end(topic)));
      const text = JSON.stringify([ends, ...said]);
      if (text !== last) {
        last = text;
        sinceMs = performance.now();
      }
      const isSettled = said.size > 0 && performance.now() - sinceMs > settledMs;
      if (isSettled) return said;
      if (performance.now() > untilMs) throw new Error(`MirrorMaker 2's ${said.size} answers do not settle`);
      await sleep(1_000);
    }
  }

  /** The latest of its checkpoints, by group and target topic. */
  async #said(): Promise<ReadonlyMap<string, number>> {
    const said = new Map<string, number>();
    for (const { key, value } of await recordsOf(this.#servers, checkpointsTopic(alias)).catch(() => [])) {
      if (key === null || value === null) continue;
      const { group, topic, downstreamOffset } = decodeCheckpoint({ key, value });
      said.set(`${group}/${topic}`, Number(downstreamOffset));
    }
    return said;
  }

  get #servers(): string {
    return this.#host.target.plaintextBootstrapServers;
  }

  #end(topic: string): Promise<number> {
    return endOf(this.#servers, targetTopicOf({ alias }, topic)).catch(() => -1);
  }
}

function nameOf(group: number): string {
  return `group-${group}`;
}
