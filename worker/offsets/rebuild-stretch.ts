import type { BufferPool } from '../../common/kafka/wire/buffer-pool.js';
import type { ClusterClient } from '../../common/kafka/wire/cluster-client.js';
import { appendRecords } from '../../common/kafka/wire/operations/append-records.js';
import { type LostStretch, offsetMapTopic } from '../../common/model/offset-map.js';
import {
  encodeMapKey,
  encodeMapValue,
  FIRST_OF_TIMELINE,
  linkBehind,
  type MapEntry,
  type MapLink,
  type MapPlace,
  type MapStart,
  mapPartition,
} from '../../common/model/offset-map-record.js';
import type { Clock } from '../../common/runtime/clock.js';
import type { Random } from '../../common/runtime/random.js';
import type { WalkedRun } from '../core/walk-runs.js';
import type { MirroredPartition } from '../partition/mirrored-partition.js';
import { walkPartition } from '../walk/walk-partition.js';

const MAX_RUNS_PER_RECORD = 16_384;
/** Runs of one walk that are held until they are written; a stretch with more is gone through again from there. */
const MAX_FOUND_RUNS = 131_072;

export interface StretchDeps {
  readonly fleet: string;
  readonly source: ClusterClient;
  readonly target: ClusterClient;
  readonly pool: BufferPool;
  readonly clock: Clock;
  readonly random: Random;
  readonly signal: AbortSignal;
}

export type RebuiltStretch =
  | { readonly kind: 'rebuilt'; readonly runs: number; readonly message: string }
  /** The logs do not tell any more: it stays unknown. */
  | { readonly kind: 'untold'; readonly runs: number; readonly message: string }
  | { readonly kind: 'wait'; readonly runs: number; readonly message: string };

/** Who wrote what is looked at: long gone lanes whose ids nobody knows any more. Content decides. */
class AnyProducer extends Set<bigint> {
  override has(): boolean {
    return true;
  }
}

/**
 * Walks both logs over a stretch of which no runs are known, and writes those that it finds into the map topic. They are no news of copies, so
 * no lane writes them.
 * @throws what walking and appending throw; SHUTTING_DOWN
 */
export async function rebuildStretch(
  partition: MirroredPartition,
  { source, target }: LostStretch,
  deps: StretchDeps,
): Promise<RebuiltStretch> {
  const { item, route, sourceTopicId, targetTopicId } = partition;
  const found = new FoundRuns(Number(source.from), Number(target.from));
  const { fleet, pool, clock, random, signal } = deps;
  const outcome = await walkPartition(
    {
      item,
      route,
      pair: { sourceOffset: source.from, targetOffset: target.from, sourceTopicId, targetTopicId },
      closedEnd: target.to,
      ours: new AnyProducer(),
      fleet,
      source: deps.source,
      target: deps.target,
      targetIsolation: partition.transactional ? 'read_committed' : 'read_uncommitted',
      pool,
      clock,
      random,
      onRun: (run) => found.add(run),
    },
    signal,
  );
  if (outcome.kind === 'wait') return { kind: 'wait', runs: 0, message: outcome.message };
  if (outcome.kind !== 'resume' || outcome.basis !== 'records' || found.size === 0) {
    const message = outcome.kind === 'resume' ? 'records of the stretch are gone' : `the logs differ (${outcome.kind})`;
    return { kind: 'untold', runs: 0, message };
  }
  const isBeginning = source.from === 0n;
  const entries = found.entries(isBeginning, { source: Number(source.to), target: Number(target.to) });
  await write(partition, deps, entries, isBeginning ? FIRST_OF_TIMELINE : Number(target.from));
  return found.isFull
    ? { kind: 'wait', runs: found.size, message: 'there are more runs in it' }
    : { kind: 'rebuilt', runs: found.size, message: '' };
}

/** The runs of a walk, from the beginning again where it starts over. */
class FoundRuns {
  readonly #from: MapEntry;
  #runs: WalkedRun[] = [];

  constructor(source: number, target: number) {
    this.#from = { source, target, length: 0, targetLength: 0, lost: false };
  }

  get size(): number {
    return this.#runs.length;
  }

  get isFull(): boolean {
    return this.#runs.length >= MAX_FOUND_RUNS;
  }

  add(run: WalkedRun): void {
    const last = this.#runs.at(-1);
    if (last !== undefined && run.source < last.source + last.length) this.#runs = [];
    if (!this.isFull) this.#runs.push(run);
  }

  /**
   * @param isBeginning what lies before the first run was looked at, and is no copy
   * @param to the end of what was looked at: what lies behind the last run is no copy either
   */
  entries(isBeginning: boolean, to: MapStart): MapEntry[] {
    const entries = this.#runs.map(({ source, target, length }) => {
      return { source, target, length, targetLength: length, lost: false };
    });
    const end = this.isFull ? [] : [{ ...to, length: 0, targetLength: 0, lost: false }];
    return [...(isBeginning ? [this.#from] : []), ...entries, ...end];
  }
}

async function write(
  { item, targetTopicId, targetPartition }: MirroredPartition,
  { target, fleet, clock }: StretchDeps,
  entries: readonly MapEntry[],
  link: MapLink,
): Promise<void> {
  const { route, topic, partition, targetTopic, timeline } = item;
  const place: MapPlace = {
    ...{ route, topic, partition, targetTopicId, targetTopic, timeline },
    targetPartition,
  };
  const to = { topic: offsetMapTopic(fleet), partition: mapPartition(targetTopic, partition) };
  let before = link;
  for (let at = 0; at < entries.length; at += MAX_RUNS_PER_RECORD) {
    const chain = { link: before, entries: entries.slice(at, at + MAX_RUNS_PER_RECORD) };
    const key = encodeMapKey(place, chain.entries[0] as MapEntry, linkBehind(chain));
    const timestamp = BigInt(Math.floor(clock.wallMs()));
    await appendRecords(target, to, [{ key, value: encodeMapValue(chain), headers: [], timestamp }]);
    before = linkBehind(chain);
  }
}
