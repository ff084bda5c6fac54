/** What a record of the gap topic declares, as far as whoever reads the source again needs it; see `gapRecord`. */
export interface DeclaredGap {
  readonly route: string;
  readonly topic: string;
  /** Canonical UUID text; null where the source has no topic ids. */
  readonly topicId: string | null;
  readonly partition: number;
  readonly targetTopic: string;
  readonly timeline: number;
  /** Source offsets, both inclusive. */
  readonly firstOffset: number;
  readonly lastOffset: number;
}

const OFFSET = /^\d{1,16}$/;

/** Undefined when it is no gap record that this version can read. */
export function parseGapRecord(value: Buffer): DeclaredGap | undefined {
  let read: unknown;
  try {
    read = JSON.parse(value.toString('utf8'));
  } catch {
    return undefined;
  }
  if (typeof read !== 'object' || read === null) return undefined;
  const fields = read as Record<string, unknown>;
  const { route, topic, topicId, partition, targetTopic, timeline, firstOffset, lastOffset } = fields;
  // What the end of a timeline cost leaves nothing out in another.
  if ((fields['kind'] ?? 'gap') !== 'gap' || fields['nextTimeline'] !== undefined) return undefined;
  if (typeof route !== 'string' || typeof topic !== 'string' || typeof targetTopic !== 'string') return undefined;
  if (topicId !== null && typeof topicId !== 'string') return undefined;
  if (!isCount(partition) || !isCount(timeline)) return undefined;
  const [first, last] = [offsetOf(firstOffset), offsetOf(lastOffset)];
  if (first === undefined || last === undefined || last < first) return undefined;
  return { route, topic, topicId, partition, targetTopic, timeline, firstOffset: first, lastOffset: last };
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

function offsetOf(value: unknown): number | undefined {
  if (typeof value !== 'string' || !OFFSET.test(value)) return undefined;
  const offset = Number(value);
  return Number.isSafeInteger(offset) ? offset : undefined;
}
