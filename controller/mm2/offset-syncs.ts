import { decodeOffsetSync, encodeOffsetSync, type Mm2Record } from '../../common/mm2/records.js';
import { offsetSyncsTopic } from '../../common/mm2/topic-names.js';
import { separatorOf } from '../../common/model/naming.js';
import type { PartitionMap } from '../../common/model/offset-map.js';
import { mergesPartitions } from '../../common/model/record-rules.js';
import type { Route } from '../../common/model/route.js';
import { partitionKey } from '../../common/model/topic-partition.js';
import { mapLimited } from '../../common/runtime/map-limited.js';
import { dueSyncs, lastCopied, type OffsetPair, type SyncState } from '../core/mm2-emission.js';
import type { LeaderWork, Term } from '../loop/leader-works.js';
import { CompactTopic } from './compact-topic.js';
import type { Mm2Deps } from './deps.js';
import { runRouteLoops } from './route-loops.js';

/** Topics whose maps are asked for at a time. */
const MAX_READS = 8;

interface Kept {
  readonly topic: CompactTopic;
  /** By partition; undefined: what was written before is not read yet. */
  states: Map<string, SyncState> | undefined;
}

interface Due {
  readonly key: string;
  readonly state: SyncState;
  readonly records: readonly Mm2Record[];
}

/** Writes `mm2-offset-syncs.<alias>.internal` from the offset map, so that a MirrorCheckpointConnector can run beside. */
export class OffsetSyncs implements LeaderWork {
  readonly name = 'mm2-offset-syncs';
  readonly #deps: Mm2Deps;

  constructor(deps: Mm2Deps) {
    this.#deps = deps;
  }

  run(term: Term): Promise<void> {
    return runRouteLoops<Kept>(term, {
      name: 'offset-syncs',
      ...this.#deps,
      intervalMs: ({ mm2, partitionMapping }) =>
        mm2 === undefined || mm2.offsetSyncs === 'off' || mergesPartitions(partitionMapping)
          ? undefined
          : mm2.offsetSyncIntervalMs,
      begin: (route) => ({ topic: this.#topic(route), states: undefined }),
      turn: (route, kept, { entries }) =>
        this.#turn(
          route,
          kept,
          entries(route.name).map(({ topic }) => topic),
        ),
    });
  }

  /** The alias in the name is that of the cluster which the topic is not on. */
  #topic(route: Route): CompactTopic {
    const { clients, admin } = this.#deps;
    const [on, other] =
      route.mm2?.offsetSyncs === 'source' ? [route.source, route.target] : [route.target, route.source];
    const topic = offsetSyncsTopic(other, separatorOf(route.naming));
    return new CompactTopic({ client: clients.of(on), admin, topic, replicationFactor: route.mm2?.replicationFactor });
  }

  async #turn(route: Route, kept: Kept, topics: readonly string[]): Promise<void> {
    const { clients, clock, metrics } = this.#deps;
    kept.states ??= await readStates(kept.topic);
    const { states } = kept;
    if (topics.length === 0) return;
    const metadata = await clients.of(route.source).metadata(topics);
    const due = await mapLimited(topics, MAX_READS, async (topic) => {
      const partitions = (metadata.topics.get(topic)?.partitions ?? []).map(({ partition }) => partition);
      if (partitions.length === 0) return [];
      const maps = await this.#deps.maps.read(route, topic, partitions);
      return [...maps].map(([partition, map]) => this.#dueOf(route, { topic, partition, map }, states));
    });
    const all = due.flat();
    const records = all.flatMap((each) => each.records);
    await kept.topic.append(records, clock.wallMs());
    for (const { key, state } of all) states.set(key, state);
    metrics.inc('causeway_mm2_records_total', records.length, { route: route.name, part: 'offset-syncs' });
  }

  #dueOf(
    { mm2 }: Route,
    { topic, partition, map }: { readonly topic: string; readonly partition: number; readonly map: PartitionMap },
    states: ReadonlyMap<string, SyncState>,
  ): Due {
    const key = partitionKey(topic, partition);
    const before = states.get(key) ?? { last: undefined, seen: undefined };
    const pairs = dueSyncs(map, before, BigInt(mm2?.offsetLagMax ?? 0));
    const state = { last: pairs.at(-1) ?? before.last, seen: lastCopied(map) };
    const encode = ({ upstream: upstreamOffset, downstream: downstreamOffset }: OffsetPair): Mm2Record =>
      encodeOffsetSync({ topic, partition, upstreamOffset, downstreamOffset });
    return { key, state, records: pairs.map(encode) };
  }
}

async function readStates(topic: CompactTopic): Promise<Map<string, SyncState>> {
  const states = new Map<string, SyncState>();
  await topic.read((record) => {
    try {
      const {
        topic: name,
        partition,
        upstreamOffset: upstream,
        downstreamOffset: downstream,
      } = decodeOffsetSync(record);
      states.set(partitionKey(name, partition), { last: { upstream, downstream }, seen: undefined });
    } catch {
      // Whoever wrote that, it says nothing of ours.
    }
  });
  return states;
}
