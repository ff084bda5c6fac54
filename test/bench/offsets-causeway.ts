import { CausewayClient } from '../../common/api/client.js';
import type { RouteBody } from '../../common/api/desired-shapes.js';
import { OffsetClient } from '../../common/api/offset-client.js';
import { RestTransport } from '../../common/api/rest-transport.js';
import type { PartitionMap, Translation } from '../../common/model/offset-map.js';
import { inverse, translate } from '../../common/model/offset-map-lookup.js';
import { seededRandom } from '../../common/runtime/random.js';
import type { AuditRecord } from '../audit/record.js';
import { mapOverRest } from '../audit/rest-map.js';
import { type EveryOffset, judgeEveryOffset, pairedLogs } from '../audit/translation-truth.js';
import { waitUntil } from '../bed/wait.js';
import { causeway } from './causeway.js';
import { copiesAt, GroupTally, type JudgedGroups, positionsOf, SHARED_TOPICS } from './offsets-groups.js';
import { endOf, type OffsetsLog, type OffsetsTopic, recordsOf, topics } from './offsets-log.js';
import { type MirrorHost, type MirrorRun, targetTopicOf } from './subject.js';

const alias = 'offsets-causeway';
/** The route under rules. */
const filter = 'with-rules';
const rules = {
  list: [
    { name: 'no-fives', when: { on: 'key', matches: '.*5' }, action: { do: 'drop' } },
    { name: 'most', action: { do: 'sample', fraction: 0.7 } },
  ],
} satisfies RouteBody['rules'];
const copyLimitMs = 180_000;
const pausedLimitMs = 30_000;
/** So many offsets of each side are asked about one by one, too. */
const questions = 50;

/** What the map of one partition says. */
export interface JudgedMap extends EveryOffset {
  readonly topic: string;
  readonly timeline: number;
  readonly runs: number;
  readonly lost: number;
  /** Single questions over REST that were answered otherwise than by the map. */
  readonly otherwise: number;
}

/** Causeway with two routes: four topics as they are, one under rules. */
export class CausewayOffsets {
  readonly judged: JudgedMap[] = [];
  readonly #host: MirrorHost;
  readonly #log: OffsetsLog;
  readonly #run: MirrorRun;
  readonly #client: CausewayClient;
  readonly #transport: RestTransport;

  private constructor(host: MirrorHost, log: OffsetsLog, run: MirrorRun) {
    const baseUrl = String(run.controllerUrl);
    this.#host = host;
    this.#log = log;
    this.#run = run;
    this.#client = new CausewayClient({ baseUrl });
    this.#transport = new RestTransport({ baseUrl });
  }

  static async start(host: MirrorHost, log: OffsetsLog): Promise<CausewayOffsets> {
    const continuity = { sourceRecreated: 'restart', retentionOverrun: 'continue' };
    const route = { delivery: 'exactly-once', isolation: 'read_committed', continuity };
    const run = await causeway.start(host, { alias, topics: SHARED_TOPICS, compression: 'none', route });
    const started = new CausewayOffsets(host, log, run);
    try {
      const naming = { policy: 'default' } as const;
      await started.#client.putRoute(filter, {
        source: alias,
        target: 'target',
        naming,
        isolation: 'read_committed',
        rules,
      });
      await started.#client.addTopic(filter, { topic: topics.filtered });
      return started;
    } catch (error) {
      await run.stop();
      throw error;
    }
  }

  stop(): Promise<void> {
    return this.#run.stop();
  }

  /** @param timeline of this one, or a later one */
  async copied(topic: OffsetsTopic, timeline = 1): Promise<void> {
    const { end } = this.#log.partition(topic);
    const isCopied = async (): Promise<boolean> => {
      const map = await this.#mapOf(topic);
      return map.timeline >= timeline && Number(map.head.source) >= end;
    };
    await waitUntil(`Causeway has copied ${topic} up to ${end}`, isCopied, { timeoutMs: copyLimitMs });
  }

  async pause(names: readonly OffsetsTopic[]): Promise<void> {
    for (const topic of names) {
      await this.#client.patchTopic(alias, topic, { paused: true });
      const isPaused = async (): Promise<boolean> => {
        const { partitions } = await this.#client.describeTopic(alias, topic);
        return partitions.every(({ state }) => state === 'paused');
      };
      await waitUntil(`${topic} is paused`, isPaused, { timeoutMs: pausedLimitMs });
    }
  }

  async resume(names: readonly OffsetsTopic[]): Promise<void> {
    for (const topic of names) await this.#client.patchTopic(alias, topic, { paused: false });
  }

  /** Where the copy of the topic ends now. */
  targetEnd(topic: OffsetsTopic): Promise<number> {
    return endOf(this.#servers, targetTopicOf({ alias }, topic));
  }

  /** Every offset of the topic, both ways. @param targetFrom where its present timeline begins at the target */
  async judge(topic: OffsetsTopic, targetFrom = 0): Promise<void> {
    const map = await this.#mapOf(topic);
    const source = this.#log.partition(topic);
    const own = (await this.#target(topic)).filter(({ offset }) => offset >= targetFrom);
    const isExpected = ({ offset }: AuditRecord): boolean => topic !== topics.filtered && !source.isLost(offset);
    const copies = pairedLogs(source.records, own, isExpected);
    const { end: sourceEnd, from, kindOf } = source;
    const targetEnd = await this.targetEnd(topic);
    this.judged.push({
      topic,
      timeline: map.timeline,
      ...judgeEveryOffset(map, { copies, from, sourceEnd, targetEnd, kindOf }),
      runs: map.runs.length,
      lost: map.lost?.length ?? 0,
      otherwise: await this.#otherwise(topic, map, { sourceEnd, targetEnd }),
    });
  }

  async groups(count: number): Promise<JudgedGroups> {
    const tally = new GroupTally();
    for (const topic of SHARED_TOPICS) {
      const map = await this.#mapOf(topic);
      const target = copiesAt(this.#log.partition(topic).records, await this.#target(topic));
      for (const position of positionsOf(this.#log, topic, count)) {
        tally.add(target, position, positionIn(translate(map, BigInt(position))));
        if (position < this.#log.partition(topic).from) tally.judged.before += 1;
      }
    }
    return tally.judged;
  }

  /** Asks about single offsets, as an operator would. */
  async #otherwise(
    topic: OffsetsTopic,
    map: PartitionMap,
    { sourceEnd, targetEnd }: { readonly sourceEnd: number; readonly targetEnd: number },
  ): Promise<number> {
    const client = new OffsetClient(this.#transport);
    const route = this.#routeOf(topic);
    const random = seededRandom(topic.length);
    let otherwise = 0;
    for (let i = 0; i < questions; i += 1) {
      const offset = Math.floor(random.unit() * sourceEnd);
      const [there] = (await client.translate(route, topic, { partition: 0, offset: String(offset) })).translations;
      if (!isSame(there, translate(map, BigInt(offset)))) otherwise += 1;
      const back = Math.floor(random.unit() * targetEnd);
      const [here] = (await client.inverse(route, topic, 0, String(back))).translations;
      if (!isSame(here, inverse(map, BigInt(back)))) otherwise += 1;
    }
    return otherwise;
  }

  get #servers(): string {
    return this.#host.target.plaintextBootstrapServers;
  }

  #routeOf(topic: OffsetsTopic): string {
    return topic === topics.filtered ? filter : alias;
  }

  #mapOf(topic: OffsetsTopic): Promise<PartitionMap> {
    return mapOverRest(this.#transport, this.#routeOf(topic), topic);
  }

  #target(topic: OffsetsTopic): Promise<AuditRecord[]> {
    return recordsOf(this.#servers, targetTopicOf({ alias }, topic));
  }
}

/** What somebody who has to go on somewhere does with an answer; undefined: there is none. */
function positionIn(found: Translation): number | undefined {
  switch (found.kind) {
    case 'exact':
    case 'hole':
    case 'head':
      return Number(found.offset);
    case 'before-mirror':
    case 'unknown':
      return undefined;
  }
}

function isSame(
  view: { readonly kind: string; readonly translated: string | null } | undefined,
  found: Translation,
): boolean {
  const offset = 'offset' in found ? String(found.offset) : null;
  return view?.kind === found.kind && view.translated === offset;
}
