import type { CoordinationStore } from '../../common/coordination/ports.js';
import { decodeTopicProgress } from '../../common/coordination/records/desired.js';
import { progressPath } from '../../common/coordination/znodes.js';
import { isCausewayError } from '../../common/errors/error.js';
import { type MapSink, MapTail } from '../../common/kafka/offset-maps/map-tail.js';
import type { ClusterClient } from '../../common/kafka/wire/cluster-client.js';
import { KafkaCode } from '../../common/kafka/wire/error-codes.js';
import { appendRecords } from '../../common/kafka/wire/operations/append-records.js';
import type { DecodedRecord, KafkaRecord } from '../../common/kafka/wire/records/record-codec.js';
import { isJobRoute } from '../../common/model/job.js';
import { offsetMapTopic } from '../../common/model/offset-map.js';
import { decodeMapKey, type MapPlace } from '../../common/model/offset-map-record.js';
import { type TopicProgress, timelineOf } from '../../common/model/topic-progress.js';
import type { Logger } from '../../common/observability/logger.js';
import type { Clock } from '../../common/runtime/clock.js';
import { isMapDead, MAP_RETENTION_MS, type TargetTopicFact } from '../core/map-retention.js';
import type { LeaderWork, Term } from '../loop/leader-works.js';

/** A new leader has other things to do first. */
const FIRST_SWEEP_MS = 600_000;
const SWEEP_INTERVAL_MS = 6 * 3_600_000;
/** Records that one sweep removes of one target; the next one goes on. */
const MAX_TOMBSTONES = 100_000;
/** Maps of one target that are remembered from sweep to sweep. */
const MAX_SUSPECTS = 100_000;
/** Topics that one request asks about. */
const MAX_TOPICS_PER_QUESTION = 500;

export interface MapSweeperDeps {
  readonly store: Pick<CoordinationStore, 'get'>;
  readonly client: (cluster: string) => ClusterClient;
  readonly fleet: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Removes from the map topics what no question can be about any more, so that they do not grow with every topic and timeline there ever was. */
export class MapSweeper implements LeaderWork {
  readonly name = 'offset-map-sweep';
  readonly #deps: MapSweeperDeps;
  /** Maps that the last sweep found dead, by target. */
  readonly #suspects = new Map<string, ReadonlySet<string>>();

  constructor(deps: MapSweeperDeps) {
    this.#deps = deps;
  }

  async run(term: Term): Promise<void> {
    const { clock, logger } = this.#deps;
    this.#suspects.clear();
    await clock.sleep(FIRST_SWEEP_MS, term.signal);
    while (!term.signal.aborted) {
      for (const target of new Set(term.routes().map((route) => route.target))) {
        try {
          await this.sweep(target, term.signal);
        } catch (error) {
          if (!isCausewayError(error)) throw error;
          logger.warn('offset-map.sweep-failed', { target, err: error });
        }
      }
      await clock.sleep(SWEEP_INTERVAL_MS, term.signal);
    }
  }

  /**
   * Goes through one target's map topic. What is removed was dead in the sweep before as well, hours ago: what a cluster or the store says once
   * may be a passing error. In this one it is looked at twice, before its records are gathered and before they are removed.
   * @returns how many records were removed
   * @throws CLUSTER_UNREACHABLE and the like
   */
  async sweep(target: string, signal: AbortSignal): Promise<number> {
    const { logger } = this.#deps;
    const places = new Places();
    await this.#read(target, places);
    const found = await this.#dead(target, [...places.all.values()]);
    const before = this.#suspects.get(target);
    this.#suspects.set(target, new Set(found.slice(0, MAX_SUSPECTS).map(nameOf)));
    const dead = found.filter((place) => before?.has(nameOf(place)) === true);
    if (dead.length === 0 || signal.aborted) return 0;
    const beforeMs = this.#deps.clock.wallMs() - MAP_RETENTION_MS;
    const old = new OldRecords(new Set(dead.map(nameOf)), beforeMs);
    await this.#read(target, old);
    const still = new Set((await this.#dead(target, dead)).map(nameOf));
    let removed = 0;
    for (const [part, keys] of old.parts) {
      if (signal.aborted) break;
      const gone = [...keys].filter(([, place]) => still.has(place)).map(([key]) => key);
      await this.#remove(target, part, gone);
      removed += gone.length;
    }
    if (removed > 0) logger.info('offset-map.swept', { target, records: removed, maps: still.size });
    return removed;
  }

  async #read(target: string, sink: MapSink): Promise<void> {
    const { client, fleet, logger } = this.#deps;
    await new MapTail({ client: client(target), fleet, logger, sink }).refresh(0);
  }

  async #dead(target: string, places: readonly MapPlace[]): Promise<readonly MapPlace[]> {
    const topics = await this.#topics(target, [...new Set(places.map(({ targetTopic }) => targetTopic))]);
    const progress = new Map<string, TopicProgress | undefined>();
    const dead: MapPlace[] = [];
    for (const place of places) {
      const path = progressPath(place.route, place.topic);
      if (!progress.has(path)) progress.set(path, await this.#progress(path));
      const known = progress.get(path);
      const unknown = isJobRoute(place.route) ? 'forsaken' : undefined;
      const present = known === undefined ? unknown : timelineOf(known, place.partition);
      if (isMapDead(place, topics.get(place.targetTopic) ?? { kind: 'unsure' }, present)) dead.push(place);
    }
    return dead;
  }

  async #topics(target: string, names: readonly string[]): Promise<ReadonlyMap<string, TargetTopicFact>> {
    const facts = new Map<string, TargetTopicFact>();
    const client = this.#deps.client(target);
    for (let from = 0; from < names.length; from += MAX_TOPICS_PER_QUESTION) {
      const asked = names.slice(from, from + MAX_TOPICS_PER_QUESTION);
      const { topics } = await client.metadata(asked);
      for (const name of asked) facts.set(name, factOf(topics.get(name)));
    }
    return facts;
  }

  async #progress(path: string): Promise<TopicProgress | undefined> {
    const node = await this.#deps.store.get(path);
    return node === undefined ? undefined : decodeTopicProgress(node.data, path);
  }

  async #remove(target: string, partition: number, keys: readonly string[]): Promise<void> {
    if (keys.length === 0) return;
    const { client, fleet, clock } = this.#deps;
    const timestamp = BigInt(Math.floor(clock.wallMs()));
    const tombstones = keys.map((key): KafkaRecord => ({ key: Buffer.from(key), value: null, headers: [], timestamp }));
    await appendRecords(client(target), { topic: offsetMapTopic(fleet), partition }, tombstones);
  }
}

function factOf(topic: { readonly errorCode: number; readonly topicId: string | null } | undefined): TargetTopicFact {
  if (topic?.errorCode === KafkaCode.NONE) return { kind: 'there', topicId: topic.topicId };
  return { kind: topic?.errorCode === KafkaCode.UNKNOWN_TOPIC_OR_PARTITION ? 'missing' : 'unsure' };
}

/** One map: a partition of a route in one timeline, into one incarnation of its target topic. */
function nameOf({ route, topic, partition, targetTopicId, targetTopic, timeline }: MapPlace): string {
  return JSON.stringify([route, topic, partition, targetTopicId, targetTopic, timeline]);
}

function placeOf(key: Buffer | null): MapPlace | undefined {
  if (key === null) return undefined;
  try {
    return decodeMapKey(key).place;
  } catch (error) {
    // Another program's, or a later version's: not ours to remove.
    if (isCausewayError(error, 'NODE_CORRUPT')) return undefined;
    throw error;
  }
}

/** Which maps the topic has. */
class Places implements MapSink {
  readonly all = new Map<string, MapPlace>();

  clear(): void {
    // What was there before cannot be removed by mistake: it is looked for again.
  }

  take(_part: number, { key, value }: DecodedRecord): void {
    const place = value === null ? undefined : placeOf(key);
    if (place !== undefined) this.all.set(nameOf(place), place);
  }
}

/** The keys of some maps' records that are old enough, and not removed already; each with its map. */
class OldRecords implements MapSink {
  readonly parts = new Map<number, Map<string, string>>();
  readonly #names: ReadonlySet<string>;
  readonly #beforeMs: number;
  #size = 0;

  constructor(names: ReadonlySet<string>, beforeMs: number) {
    this.#names = names;
    this.#beforeMs = beforeMs;
  }

  clear(part: number): void {
    this.#size -= this.parts.get(part)?.size ?? 0;
    this.parts.delete(part);
  }

  take(part: number, { key, value, timestamp }: DecodedRecord): void {
    const place = placeOf(key);
    if (place === undefined || key === null || !this.#names.has(nameOf(place))) return;
    const keys = this.parts.get(part) ?? new Map<string, string>();
    this.parts.set(part, keys);
    const text = key.toString();
    if (keys.delete(text)) this.#size -= 1;
    // A later record of the same key says how old it is.
    if (value === null || Number(timestamp) >= this.#beforeMs || this.#size >= MAX_TOMBSTONES) return;
    keys.set(text, nameOf(place));
    this.#size += 1;
  }
}
