import { commitOffsets } from '../../../common/kafka/wire/operations/commit-offsets.js';
import { groupOffsets } from '../../../common/kafka/wire/operations/group-offsets.js';
import type { PartitionMap } from '../../../common/model/offset-map.js';
import type { Route, TopicEntry } from '../../../common/model/route.js';
import { systemClock } from '../../../common/runtime/clock.js';
import { DEFAULT_GROUP_SYNC } from '../../../controller/groups/group-filter.js';
import type { GroupSyncResult } from '../../../controller/groups/ports.js';
import { RouteGroups } from '../../../controller/groups/route-groups.js';
import type { OffsetMaps } from '../../../controller/offsets/ports.js';
import { BedChild } from '../../bed/child.js';
import { jvmArgs } from '../../bed/java-args.js';
import type { KafkaClusterHandle } from '../../bed/kafka.js';
import { kafkaSet } from '../../bed/kafka-set.js';
import { toolClasses } from '../../bed/tools.js';
import type { Workspace } from '../../bed/workspace.js';
import { routeOf } from '../../unit/controller/kit.js';
import type { TestCluster } from '../worker/thread-kit.js';

export const ROUTE: Route = routeOf('r', { groups: { ...DEFAULT_GROUP_SYNC, include: ['g.*'] } });

export function entryOf(topic: string, route = ROUTE.name): TopicEntry {
  return { route, topic, partitions: 'all', paused: false, skips: [], limits: {}, addedAt: '' };
}

/** Everything was copied from 0 on without a hole, `length` records of each partition. */
export function identicalMaps(length: bigint): OffsetMaps {
  const map: PartitionMap = {
    timeline: 1,
    runs: [{ source: 0n, target: 0n, length }],
    head: { source: length, target: length },
  };
  return { read: (_route, _topic, partitions) => Promise.resolve(new Map(partitions.map((each) => [each, map]))) };
}

/** As a leader that has just begun: nothing is remembered but what the target holds. */
export function leaderOf(
  source: Pick<TestCluster, 'client'>,
  target: Pick<TestCluster, 'client'>,
  maps: OffsetMaps = identicalMaps(100n),
  route: Route = ROUTE,
): RouteGroups {
  const deps = { source: source.client, target: target.client, maps, fleet: 'test', clock: systemClock };
  return new RouteGroups(route, deps);
}

/** A client of the cluster with something that happens between a pass's look at the groups and its writes: before it asks for the log's ends. */
export function interrupted({ client }: TestCluster, between: () => Promise<void>): Pick<TestCluster, 'client'> {
  const proxy = new Proxy(client, {
    get(real, property) {
      if (property === 'metadata') {
        return async (topics: readonly string[] | 'all') => {
          if (topics !== 'all' && topics.length > 0) await between();
          return await real.metadata(topics);
        };
      }
      const value = Reflect.get(real, property, real) as unknown;
      return typeof value === 'function' ? (value.bind(real) as unknown) : value;
    },
  });
  return { client: proxy };
}

/** Commits from outside the group, as tools do. */
export async function commit(
  at: TestCluster,
  group: string,
  offsets: Readonly<Record<number, bigint>>,
  place: { readonly topic: string; readonly metadata?: string },
): Promise<void> {
  const { topic, metadata = '' } = place;
  const wanted = Object.entries(offsets).map(([partition, offset]) => {
    return { topic, partition: Number(partition), offset, metadata };
  });
  const results = await commitOffsets(at.client, group, wanted);
  const codes = results.map(({ errorCode }) => errorCode);
  if (codes.some((code) => code !== 0)) throw new Error(`the commit of ${group} was answered ${codes.join(', ')}`);
}

/** `topic/partition`: offset, metadata and leader epoch of everything the group has committed. */
export async function committed(at: TestCluster, group: string): Promise<Record<string, [bigint, string, number]>> {
  const { found, failed } = await groupOffsets(at.client, [group]);
  const fault = failed.get(group);
  if (fault !== undefined) throw fault;
  const partitions = found.get(group)?.partitions ?? [];
  return Object.fromEntries(
    partitions
      .filter(({ offset }) => offset >= 0n)
      .map(({ topic, partition, offset, metadata, leaderEpoch }) => [
        `${topic}/${partition}`,
        [offset, metadata ?? '', leaderEpoch],
      ]),
  );
}

/** `partition: verdict reason` of one group. */
export function verdicts(results: readonly GroupSyncResult[], group: string): string[] {
  return results
    .filter((result) => result.group === group)
    .sort((a, b) => a.partition - b.partition)
    .map(({ partition, verdict }) => `${partition}: ${verdict.kind} ${verdict.reason}`);
}

/** A Java consumer of the protocol of KIP-848, committing ten times a second. */
export async function startNewConsumer(
  workspace: Workspace,
  { cluster, group, topic }: { readonly cluster: KafkaClusterHandle; readonly group: string; readonly topic: string },
): Promise<BedChild> {
  const set = await kafkaSet('4.1.0');
  const properties = ['group.protocol=consumer', 'auto.commit.interval.ms=100', 'auto.offset.reset=earliest'];
  const args = ['--bootstrap-server', cluster.bootstrapServers, '--topic', topic, '--group', group];
  return BedChild.start({
    name: `consumer ${group}`,
    command: set.java,
    args: [
      ...jvmArgs('fast', 128, set.brokerArchive),
      ...set.loggingArgs,
      ...['-cp', set.classpath, toolClasses.consoleConsumer, ...args],
      ...properties.flatMap((property) => ['--consumer-property', property]),
    ],
    logFile: workspace.path(`${group}.log`),
  });
}
