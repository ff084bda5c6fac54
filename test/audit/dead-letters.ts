import type { AuditCluster } from './audit-cluster.js';
import type { DeclaredGap } from './declared-gaps.js';
import { dumpPartition } from './dump.js';
import { type AuditHeader, type AuditRecord, differences } from './record.js';

/** A source record that a gap declares, on a route that keeps such records. */
export interface RefusedRecord {
  readonly gap: DeclaredGap;
  readonly record: AuditRecord;
}

export interface DeadLetterAudit {
  /** Refused records that are there as they were. */
  readonly letters: number;
  /** Written again after a crash; allowed. */
  readonly repeated: number;
  readonly faults: readonly string[];
}

const PREFIX = 'causeway.';
/** Where a letter says it comes from, behind the record's own headers. */
const PROVENANCE = ['route', 'topic', 'partition', 'offset', 'timestamp', 'reason'] as const;
const MAX_FAULTS = 10;

type Provenance = Readonly<Record<(typeof PROVENANCE)[number], string>>;

/** The letter's provenance and the record's own headers; undefined where they are not of that form. */
function opened(letter: AuditRecord): { readonly own: readonly AuditHeader[]; readonly from: Provenance } | undefined {
  const own = letter.headers.slice(0, -PROVENANCE.length);
  const added = letter.headers.slice(-PROVENANCE.length);
  if (added.length !== PROVENANCE.length) return undefined;
  const from: Record<string, string> = {};
  for (const [index, name] of PROVENANCE.entries()) {
    const [key, value] = added[index] as AuditHeader;
    if (key.toString() !== `${PREFIX}${name}` || value === null) return undefined;
    from[name] = value.toString();
  }
  return { own, from: from as Provenance };
}

const keyOf = (route: string, topic: string, partition: number | string, offset: number | string): string =>
  `${route}/${topic}/${partition}/${offset}`;

/** Every refused record must be there with key, value and headers as they were, and say truly where it comes from; nothing else. */
export function auditDeadLetters(refused: readonly RefusedRecord[], letters: readonly AuditRecord[]): DeadLetterAudit {
  const expected = new Map<string, RefusedRecord>();
  for (const item of refused) {
    const { route, topic, partition } = item.gap;
    expected.set(keyOf(route, topic, partition, item.record.offset), item);
  }
  const seen = new Set<string>();
  const faults: string[] = [];
  let repeated = 0;
  for (const letter of letters) {
    const place = `dead letter ${letter.offset}`;
    const content = opened(letter);
    if (content === undefined) {
      faults.push(`${place} does not say where it comes from`);
      continue;
    }
    const { own, from } = content;
    const key = keyOf(from.route, from.topic, from.partition, from.offset);
    const item = expected.get(key);
    if (item === undefined) {
      faults.push(`${place} is of ${key}, which no gap declares`);
      continue;
    }
    if (seen.has(key)) repeated += 1;
    seen.add(key);
    const { gap, record } = item;
    // The letter's own timestamp is when it was written; the record's is told in a header.
    const changed = differences(record, { ...letter, headers: own, timestamp: Number(from.timestamp) });
    if (changed.length > 0) faults.push(`${place} of ${key} differs in ${changed.join(', ')}`);
    if (from.reason !== gap.reason) faults.push(`${place} of ${key} names ${from.reason}, its gap ${gap.reason}`);
  }
  for (const key of expected.keys()) if (!seen.has(key)) faults.push(`the record of ${key} is no dead letter`);
  return { letters: seen.size, repeated, faults: faults.slice(0, MAX_FAULTS) };
}

/** Everything in a topic of dead letters; none where it does not exist. */
export async function readDeadLetters(cluster: AuditCluster, topic: string): Promise<AuditRecord[]> {
  const layout = await cluster.layout(topic);
  if (layout === undefined) return [];
  const letters: AuditRecord[] = [];
  for (const [partition, range] of (await cluster.ranges(layout)).entries()) {
    for await (const records of dumpPartition(cluster, { layout, partition, range })) letters.push(...records);
  }
  return letters;
}
