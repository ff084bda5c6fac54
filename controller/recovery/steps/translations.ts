import type { DecodedRecord } from '../../../common/kafka/wire/records/record-codec.js';
import type { EvidenceRow } from '../../../common/model/recovery.js';
import { targetTopicOf } from '../../../common/model/route.js';
import type { StepOutcome } from '../../core/recovery-state.js';
import { sameContent } from '../../core/recovery-stranded.js';
import type { GroupSyncResult } from '../../groups/ports.js';
import { type LegSide, sideOf } from '../legs.js';
import type { StepContext, StepHandler } from '../ports.js';
import { groupEvidence } from './groups.js';

const MAX_ROWS = 100;
/** Positions that are read at both ends; the rest is only translated. */
const MAX_CHECKED = 2_000;

/**
 * Every position of every group, translated, and compared by reading at both ends what a consumer would get next: in throw-away reads, without
 * a group. Nothing is written.
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
  const results = await world.groups.syncNow(side.from.name, { takeover: true, dryRun: true });
  const mine = results.filter(({ topic }) => topics.has(topic));
  const wrong: EvidenceRow[] = [];
  let records = 0;
  const checkable = mine.filter(({ translated, quality }) => translated !== null && quality !== 'timestamp');
  for (const position of checkable.slice(0, MAX_CHECKED)) {
    const compared = await compare(context, side, position);
    records += compared.records;
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
  const checked = Math.min(checkable.length, MAX_CHECKED);
  const evidence = {
    ...{ ...numbers, checked, comparedRecords: records, different: wrong.length },
    rows: [...wrong.slice(0, MAX_ROWS), ...rows],
  };
  if (wrong.length === 0) return { kind: 'done', evidence };
  const first = wrong[0];
  const message = `${wrong.length} of ${checked} positions do not lead to the same records, the first one of group ${first?.['group']}: ${first?.['fault']}`;
  return { kind: 'failed', message, evidence: { ...evidence, perPosition: recovery.options.sampleRecords } };
}

interface Comparison {
  readonly records: number;
  readonly fault: string | undefined;
}

/** What a consumer gets next at the source, beside what it would get at the target. */
async function compare(context: StepContext, side: LegSide, position: GroupSyncResult): Promise<Comparison> {
  const { topic, partition, sourceOffset, translated, quality } = position;
  const { from } = side;
  const targetTopic = targetTopicOf(from, topic);
  const copies = await next(context, from.target, { topic: targetTopic, partition }, translated ?? 0n);
  // At the head the target has nothing yet.
  if (copies.length === 0 || quality === 'head') return { records: 0, fault: undefined };
  const originals = await next(context, from.source, { topic, partition }, sourceOffset);
  const count = Math.min(copies.length, originals.length);
  for (let i = 0; i < count; i += 1) {
    const [copy, original] = [copies[i] as DecodedRecord, originals[i] as DecodedRecord];
    if (sameContent(copy, original)) continue;
    return { records: i, fault: `source offset ${original.offset} and target offset ${copy.offset} differ` };
  }
  return { records: count, fault: undefined };
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
