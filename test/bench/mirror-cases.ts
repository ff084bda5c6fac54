export type Codec = 'none' | 'lz4' | 'zstd';

/** One kind of data that both mirrors copy. */
export interface MirrorCase {
  readonly name: string;
  readonly recordBytes: number;
  readonly records: number;
  readonly compression: Codec;
  readonly partitions: number;
  /** The producer's batch.size when the source was filled; 0 for one record a batch. */
  readonly sourceBatchBytes: number;
}

const partitions = 8;
const sourceBatchBytes = 65_536;

const shapes = [
  { name: '1KB-none', recordBytes: 1_024, compression: 'none' },
  { name: '1KB-lz4', recordBytes: 1_024, compression: 'lz4' },
  { name: '100B-none', recordBytes: 100, compression: 'none' },
  { name: '1KB-zstd', recordBytes: 1_024, compression: 'zstd' },
  { name: '100B-lz4', recordBytes: 100, compression: 'lz4' },
  { name: '100B-zstd', recordBytes: 100, compression: 'zstd' },
  { name: '100KB-none', recordBytes: 102_400, compression: 'none' },
  { name: '100KB-lz4', recordBytes: 102_400, compression: 'lz4' },
  { name: '100KB-zstd', recordBytes: 102_400, compression: 'zstd' },
] as const;

export const defaultCases: readonly string[] = ['1KB-none', '1KB-lz4'];

/** The cases of the given names, each holding about `megabytes` of values. @throws Error for an unknown name. */
export function mirrorCases(names: readonly string[], megabytes: number): MirrorCase[] {
  return names.map((name) => {
    const shape = shapes.find((candidate) => candidate.name === name);
    if (shape === undefined)
      throw new Error(`no case "${name}"; known: ${shapes.map((known) => known.name).join(', ')}`);
    return { ...shape, records: Math.round((megabytes * 1e6) / shape.recordBytes), partitions, sourceBatchBytes };
  });
}
