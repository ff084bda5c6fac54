import { CausewayError } from '../../common/errors/error.js';
import type { GroupOffsets } from '../../common/kafka/wire/apis/offset-fetch-groups.js';
import type { ClusterClient } from '../../common/kafka/wire/cluster-client.js';
import { groupOffsets } from '../../common/kafka/wire/operations/group-offsets.js';
import { type GroupListing, listGroups } from '../../common/kafka/wire/operations/list-groups.js';
import type { PartitionMap, Translation } from '../../common/model/offset-map.js';
import { translate } from '../../common/model/offset-map-lookup.js';
import { type Route, type TopicEntry, targetTopicOf } from '../../common/model/route.js';
import { mapLimited } from '../../common/runtime/map-limited.js';
import { compareText } from '../core/text-order.js';
import type { OffsetMaps, PartitionMaps } from '../offsets/ports.js';
import type { WhyShared } from './shared-topics.js';

/** Where a group of the source stands in one partition that the route copies, and where that is at the target. */
export interface SourcePosition {
  readonly group: string;
  readonly topic: string;
  readonly partition: number;
  readonly targetTopic: string;
  readonly offset: bigint;
  /** As the group committed it; '' for none. */
  readonly metadata: string;
  /** Why it is nowhere at the target; there is no map then. */
  readonly shared: string | undefined;
  /** Undefined: nothing is known. */
  readonly map: PartitionMap | undefined;
  readonly translation: Translation | undefined;
  /** What keeps anybody from knowing it now. */
  readonly fault: CausewayError | undefined;
}

export interface SourceGroups {
  readonly positions: readonly SourcePosition[];
  /** Groups that could not be asked. */
  readonly failed: ReadonlyMap<string, CausewayError>;
}

/** Maps asked for at a time. */
const MAX_READS = 8;
/** Of one route: what is beyond, in the order of names, is not taken along, and it is said. */
const MAX_GROUPS = 5_000;
const MAX_POSITIONS = 200_000;

/** Reads the groups of a route's source: two or three requests for each of its brokers, and the offset maps of what they have committed. */
export async function readSourceGroups(
  client: ClusterClient,
  maps: OffsetMaps,
  subject: {
    readonly route: Route;
    readonly entries: readonly TopicEntry[];
    readonly takes: (group: string) => boolean;
    readonly whyShared: WhyShared;
  },
): Promise<SourceGroups> {
  const { route, entries, takes, whyShared } = subject;
  // Those that are not copied any more, too: what was copied stays where it is.
  const topics = new Map(entries.map(({ topic }) => [topic, targetTopicOf(route, topic)] as const));
  if (topics.size === 0) return { positions: [], failed: new Map() };
  const listed = await listGroups(client, takes);
  const groups = [...listed.values()].filter(isConsumers).map(({ group }) => group);
  const asked = groups.sort(compareText).slice(0, MAX_GROUPS);
  const { found, failed } = await groupOffsets(client, asked);
  const faults = new Map(failed);
  const committed: CommittedPosition[] = [];
  for (const group of asked) {
    const own = positionsOf(found.get(group), topics);
    if (committed.length + own.length <= MAX_POSITIONS) for (const position of own) committed.push(position);
    else faults.set(group, tooMany(route.name, `${MAX_POSITIONS} positions`));
  }
  for (const group of groups.slice(MAX_GROUPS)) faults.set(group, tooMany(route.name, `${MAX_GROUPS} groups`));
  const why = new Map([...topics].map(([topic, targetTopic]) => [topic, whyShared(targetTopic)]));
  const known = await readMaps(
    maps,
    route,
    committed.filter(({ topic }) => why.get(topic) === undefined),
  );
  const positions = committed.map((position) => {
    const ofTopic = known.get(position.topic);
    const map = ofTopic?.get(position.partition);
    const translation = map === undefined ? undefined : translate(map, position.offset);
    const fault = ofTopic?.unread?.get(position.partition);
    return { ...position, shared: why.get(position.topic), map, translation, fault };
  });
  return { positions, failed: faults };
}

type CommittedPosition = Omit<SourcePosition, 'shared' | 'map' | 'translation' | 'fault'>;

function positionsOf(answer: GroupOffsets | undefined, topics: ReadonlyMap<string, string>): CommittedPosition[] {
  return (answer?.partitions ?? []).flatMap(({ topic, partition, offset, errorCode, metadata }) => {
    const targetTopic = topics.get(topic);
    if (answer === undefined || targetTopic === undefined || errorCode !== 0 || offset < 0n) return [];
    return [{ group: answer.group, topic, partition, targetTopic, offset, metadata: metadata ?? '' }];
  });
}

function tooMany(route: string, limit: string): CausewayError {
  return new CausewayError('GROUPS_TOO_MANY', `the route takes along no more than ${limit}`, {
    place: { route },
    fix: 'Name fewer groups in the route’s groups.include, or let several routes share them.',
  });
}

/** Connect's and share groups have no positions of this kind. Where nobody ever joined, a consumer that assigns itself may have committed. */
function isConsumers({ protocolType, type, state }: GroupListing): boolean {
  return (protocolType === 'consumer' || protocolType === '') && type !== 'share' && state !== 'Dead';
}

async function readMaps(
  maps: OffsetMaps,
  route: Route,
  positions: readonly { readonly topic: string; readonly partition: number }[],
): Promise<ReadonlyMap<string, PartitionMaps>> {
  const wanted = new Map<string, Set<number>>();
  for (const { topic, partition } of positions) {
    const partitions = wanted.get(topic);
    if (partitions === undefined) wanted.set(topic, new Set([partition]));
    else partitions.add(partition);
  }
  const read = await mapLimited([...wanted], MAX_READS, async ([topic, partitions]) => {
    return [topic, await maps.read(route, topic, [...partitions])] as const;
  });
  return new Map(read);
}
