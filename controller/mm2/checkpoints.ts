import { decodeCheckpoint, encodeCheckpoint, type Mm2Record } from '../../common/mm2/records.js';
import { checkpointsTopic } from '../../common/mm2/topic-names.js';
import { separatorOf } from '../../common/model/naming.js';
import type { Route } from '../../common/model/route.js';
import { checkpointOffset, isMoreRecent, type OffsetPair } from '../core/mm2-emission.js';
import type { PositionReader } from '../groups/group-syncs.js';
import type { SourcePosition } from '../groups/source-groups.js';
import { CompactTopic } from './compact-topic.js';
import type { Mm2Deps } from './deps.js';

interface Kept {
  readonly text: string;
  readonly topic: CompactTopic;
  /** By group, topic and partition; undefined: not read yet. */
  last: Map<string, OffsetPair> | undefined;
  /** Monotonic ms before which nothing is written. */
  dueMs: number;
}

/**
 * Writes `<source>.checkpoints.internal` from exact translations, by MirrorCheckpointTask's own rules: what stands there already is read first,
 * so that a restart takes nothing back. Groups have their names of the source, whatever they are called at the target.
 */
export class Checkpoints implements PositionReader {
  readonly #deps: Mm2Deps;
  readonly #kept = new Map<string, Kept>();

  constructor(deps: Mm2Deps) {
    this.#deps = deps;
  }

  intervalMs({ mm2 }: Route): number | undefined {
    return mm2?.checkpoints === true ? mm2.checkpointIntervalMs : undefined;
  }

  /** A new reign: another leader may have written. */
  forget(): void {
    this.#kept.clear();
  }

  async take(route: Route, positions: readonly SourcePosition[]): Promise<void> {
    const intervalMs = this.intervalMs(route);
    const { clock, metrics } = this.#deps;
    if (intervalMs === undefined) return;
    const kept = this.#keptOf(route);
    if (clock.monotonicMs() < kept.dueMs) return;
    kept.last ??= await readLast(kept.topic);
    const due: { readonly key: string; readonly pair: OffsetPair; readonly record: Mm2Record }[] = [];
    for (const position of positions) {
      const pair = pairOf(position);
      if (pair === undefined) continue;
      const { group, targetTopic: topic, partition, metadata } = position;
      const key = keyOf(group, topic, partition);
      if (!isMoreRecent(kept.last.get(key), pair)) continue;
      const { upstream: upstreamOffset, downstream: downstreamOffset } = pair;
      const record = encodeCheckpoint({ group, topic, partition, upstreamOffset, downstreamOffset, metadata });
      due.push({ key, pair, record });
    }
    await kept.topic.append(
      due.map(({ record }) => record),
      clock.wallMs(),
    );
    for (const { key, pair } of due) kept.last.set(key, pair);
    metrics.inc('causeway_mm2_records_total', due.length, { route: route.name, part: 'checkpoints' });
    kept.dueMs = clock.monotonicMs() + intervalMs;
  }

  #keptOf(route: Route): Kept {
    const text = JSON.stringify(route);
    const found = this.#kept.get(route.name);
    if (found?.text === text) return found;
    const { clients, admin } = this.#deps;
    const topic = new CompactTopic({
      client: clients.of(route.target),
      admin,
      topic: checkpointsTopic(route.source, separatorOf(route.naming)),
      replicationFactor: route.mm2?.replicationFactor,
    });
    const kept: Kept = { text, topic, last: undefined, dueMs: 0 };
    this.#kept.set(route.name, kept);
    return kept;
  }
}

function pairOf({ map, translation, offset }: SourcePosition): OffsetPair | undefined {
  if (map === undefined || translation === undefined) return undefined;
  const downstream = checkpointOffset(map, translation);
  return downstream === undefined ? undefined : { upstream: offset, downstream };
}

async function readLast(topic: CompactTopic): Promise<Map<string, OffsetPair>> {
  const last = new Map<string, OffsetPair>();
  await topic.read((record) => {
    const checkpoint = decoded(record);
    if (checkpoint === undefined) return;
    const { group, topic: name, partition, upstreamOffset, downstreamOffset } = checkpoint;
    last.set(keyOf(group, name, partition), { upstream: upstreamOffset, downstream: downstreamOffset });
  });
  return last;
}

/** Its Java readers pass over what they cannot read, too. */
function decoded(record: Mm2Record): ReturnType<typeof decodeCheckpoint> | undefined {
  try {
    return decodeCheckpoint(record);
  } catch {
    return undefined;
  }
}

function keyOf(group: string, topic: string, partition: number): string {
  return `${topic}/${partition}/${group}`;
}
