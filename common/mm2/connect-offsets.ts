/*
 * What Connect keeps for MirrorMaker 2's source tasks in the offset storage topic (`mm2-offsets.<source>.internal` in dedicated mode, a cluster's
 * `offset.storage.topic` elsewhere): org.apache.kafka.connect.storage.OffsetStorageWriter with org.apache.kafka.connect.mirror.MirrorUtils.
 * Key `["connector",{"cluster":"alias","partition":0,"topic":"t"}]`, value `{"offset":41}`, both schemaless JSON.
 */

/** Partition of a source cluster as a connector names it. */
export interface CopiedPartition {
  readonly connector: string;
  /** Alias of the source cluster. */
  readonly cluster: string;
  /** The source's name. */
  readonly topic: string;
  readonly partition: number;
}

/** Of the workers of one flow, in dedicated mode. */
export function mm2OffsetsTopic(source: string): string {
  return `mm2-offsets.${source}.internal`;
}

/** The Connect group of those workers. */
export function mm2WorkerGroup(source: string): string {
  return `${source}-mm2`;
}

/** Undefined: of a connector that copies no topics. */
export function decodeCopiedPartition(key: Buffer): CopiedPartition | undefined {
  const parsed = parse(key);
  if (!Array.isArray(parsed) || parsed.length !== 2) return undefined;
  const [connector, place] = parsed as readonly unknown[];
  if (typeof connector !== 'string' || typeof place !== 'object' || place === null) return undefined;
  const { cluster, topic, partition } = place as Readonly<Record<string, unknown>>;
  if (typeof cluster !== 'string' || typeof topic !== 'string') return undefined;
  return isCount(partition) ? { connector, cluster, topic, partition } : undefined;
}

/** Source offset of the last record that was copied; null: it was reset; undefined: it cannot be read. */
export function decodeCopiedOffset(value: Buffer | null): bigint | null | undefined {
  if (value === null) return null;
  const parsed = parse(value);
  if (parsed === null) return null;
  const offset = typeof parsed === 'object' ? (parsed as Readonly<Record<string, unknown>>)['offset'] : undefined;
  return isCount(offset) ? BigInt(offset) : undefined;
}

function parse(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    return undefined;
  }
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
