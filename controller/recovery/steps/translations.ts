import type { DecodedRecord } from '../../../common/kafka/wire/records/record-codec.js';
import type { PartitionMap } from '../../../common/model/offset-map.js';
import type { EvidenceRow } from '../../../common/model/recovery.js';
import type { Route } from '../../../common/model/route.js';
import { partitionKey } from '../../../common/model/topic-partition.js';
import { type Alignment, aligned, type Comparable, comparableOf, comparedParts } from '../../core/recovery-compare.js';
import type { StepOutcome } from '../../core/recovery-state.js';
import type { GroupSyncResult } from '../../groups/ports.js';
import { expectRead } from '../../offsets/ports.js';
import { type LegSide, sideOf } from '../legs.js';
import type { StepContext, StepHandler } from '../ports.js';
import { groupEvidence, LEFT_FIX, leftBehind } from './groups.js';

const MAX_ROWS = 100;
/** Positions that are read at both ends; the rest is only translated. */
const MAX_CHECKED = 2_000;

/**
 * Every position of every group, translated, and compared by reading at both ends what a consumer would get next: in throw-away reads, without
 * a group. Nothing is written. Where the route makes other records of some, what it leaves as it is is compared, and the evidence says what that is.
 */
export const translations: StepHandler = {
  look: (context) => check(context),
  run: (context) => check(context),
};

async function check(context: StepContext): Promise<StepOutcome> {
  const { world, recovery } = context;
  if (world.groups === undefined) return { kind: 'skipped', message: 'group positions are not kept here' };
  const side = await sideOf(context);
  const topics = new Set(side.topics);
  const order = { takeover: true, dryRun: true, topics: side.topics };
  const { results, failed } = await world.groups.syncNow(side.from.name, order);
  const mine = results.filter(({ topic }) => topics.has(topic));
  const wrong: EvidenceRow[] = [];
  let [records, leftOut] = [0, 0];
  const comparable = comparableOf(side.from);
  const checkable = mine.filter(({ translated, quality }) => translated !== null && quality !== 'timestamp');
  const positions = checkable.slice(0, MAX_CHECKED);
  const maps = await mapsOf(context, side.from, positions);
  for (const position of positions) {
    const map = maps.get(partitionKey(position.topic, position.partition));
    const compared = await compare(context, side, position, { map, comparable });
    records += compared.records;
    leftOut += compared.leftOut;
    if (compared.fault === undefined) continue;
    const { group, topic, partition, sourceOffset, translated } = position;
    wrong.push({
      group,
      topic,
      partition,
      source: String(sourceOffset),
      target: String(translated),
      fault: compared.fault,
    });
  }
  const { rows, ...numbers } = groupEvidence(mine);
  const checked = positions.filter(({ topic, partition }) => maps.has(partitionKey(topic, partition))).length;
  const left = leftBehind(mine, failed);
  const evidence = {
    ...{ ...numbers, ...left?.evidence, checked, comparedRecords: records, leftOut, different: wrong.length },
    compared: comparedParts(comparable),
    rows: [...wrong.slice(0, MAX_ROWS), ...rows],
  };
  if (wrong.length === 0) {
    if (left === undefined || recovery.options.force) return { kind: 'done', evidence };
    return { kind: 'failed', message: `${left.message}: ${LEFT_FIX}`, evidence };
  }
  const first = wrong[0];
  const message = `${wrong.length} of ${checked} positions do not lead to the same records, the first one of group ${first?.['group']}: ${first?.['fault']}`;
  return { kind: 'failed', message, evidence: { ...evidence, perPosition: recovery.options.sampleRecords } };
}

/** What a consumer gets next at the source, beside what it would get at the target. */
async function compare(
  context: StepContext,
  { from }: LegSide,
  position: GroupSyncResult,
  { map, comparable }: { readonly map: PartitionMap | undefined; readonly comparable: Comparable },
): Promise<Alignment> {
  const { topic, partition, targetTopic, sourceOffset, translated, quality } = position;
  const nothing = { records: 0, leftOut: 0, fault: undefined };
  // At the head the target has nothing yet.
  if (map === undefined || translated === null || quality === 'head') return nothing;
  const copies = await next(context, from.target, { topic: targetTopic, partition }, translated);
  const originals = await next(context, from.source, { topic, partition }, sourceOffset);
  return aligned(originals, copies, { map, position: translated, comparable });
}

/** Asked for behind the translations: they cover at least what those rest on. */
async function mapsOf({ world }: StepContext, from: Route, positions: readonly GroupSyncResult[]) {
  const partitions = new Map<string, Set<number>>();
  for (const { topic, partition } of positions) {
    partitions.set(topic, (partitions.get(topic) ?? new Set<number>()).add(partition));
  }
  const maps = new Map<string, PartitionMap>();
  for (const [topic, wanted] of partitions) {
    const read = await world.offsets?.read(from, topic, [...wanted]);
    for (const [partition, map] of read === undefined ? [] : expectRead(read)) {
      maps.set(partitionKey(topic, partition), map);
    }
  }
  return maps;
}

async function next(
  { world, signal, recovery }: StepContext,
  cluster: string,
  place: { readonly topic: string; readonly partition: number },
  from: bigint,
): Promise<readonly DecodedRecord[]> {
  const wanted = recovery.options.sampleRecords;
  const found: DecodedRecord[] = [];
  await world.lens.scan(cluster, {
    ...{ place, from, isolation: 'read_committed' as const, signal },
    visit: (records) => {
      found.push(...records.slice(0, wanted - found.length));
      return found.length < wanted;
    },
  });
  return found;
}
