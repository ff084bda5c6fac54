import type { TopicShape } from '../../audit/shapes.js';
import type { PartitionFacts } from './log-facts.js';
import type { SpecimenWriter } from './specimen-writer.js';

/** The routes of a gallery: what they do with records that the target refuses, and with codecs. */
export const GALLERY_ROUTES = {
  pause: 'gallery-pause',
  skip: 'gallery-skip',
  letters: 'gallery-letters',
  recompress: 'gallery-zstd',
} as const;

export const DEAD_LETTERS = 'gallery-dead-letters';

/** A topic that shows something a log may hold, or a target may refuse. */
export interface Specimen {
  /** What it shows. */
  readonly name: string;
  /** `configs` are the source topic's; share and batches do not count here. */
  readonly shape: TopicShape;
  readonly route: keyof typeof GALLERY_ROUTES;
  /** Topic settings at the target. */
  readonly target?: Readonly<Record<string, string>>;
  /** The target gives records times of its own. */
  readonly stamped?: true;
  /** Writes the log, before anything is mirrored. */
  readonly fill: (writer: SpecimenWriter) => Promise<void>;
  /** What the source's log lacks of what the specimen is to show; undefined: nothing. Asked until then, for a bounded time. */
  readonly lacks: (log: readonly PartitionFacts[]) => string | undefined;
  /** Once the log shows it: makes it stay like that. */
  readonly freeze?: (writer: SpecimenWriter) => Promise<void>;
  /** While it is mirrored. */
  readonly goOn?: (writer: SpecimenWriter) => Promise<void>;
  /** Partitions it has then, where that is more. */
  readonly finalPartitions?: number;
  /** What the target's log lacks in the end. */
  readonly targetLacks?: (log: readonly PartitionFacts[]) => string | undefined;
}

/** A shape with nothing but the parts that matter to a specimen. */
export function specimenShape(
  topic: string,
  partitions: number,
  make: TopicShape['make'],
  configs: Readonly<Record<string, string>> = {},
): TopicShape {
  return { topic, partitions, codec: 'none', share: 0, batchRecords: 0, configs, make };
}
