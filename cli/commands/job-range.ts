import type { JobWish } from '../../common/api/job-shapes.js';
import { CausewayError } from '../../common/errors/error.js';

export interface RangeOptions {
  readonly from: string;
  readonly to: string;
}

type TopicWish = JobWish['topics'][number];

/** `orders=replay.orders`, `orders:0,2=replay.orders`: each with the same range. @throws USAGE */
export function topicsOf(texts: readonly string[], { from, to }: RangeOptions): TopicWish[] {
  const range = { from: placeOf(from, 'beginning'), to: placeOf(to, 'end') };
  return texts.map((text) => {
    const [, topic, partitions, targetTopic] = /^([^:=]+)(?::(\d+(?:,\d+)*))?=([^:=]+)$/.exec(text) ?? [];
    if (topic === undefined || targetTopic === undefined) {
      throw new CausewayError('USAGE', `"${text}" does not say what is copied into what`, {
        fix: 'Write topic=target topic, or topic:partitions=target topic: orders:0,2=replay.orders.',
      });
    }
    return {
      topic,
      targetTopic,
      ...(partitions === undefined ? {} : { partitions: partitions.split(',').map(Number) }),
      ...range,
    };
  });
}

function placeOf<E extends 'beginning' | 'end'>(
  text: string,
  edge: E,
): E | { readonly offset: string } | { readonly timestamp: string } {
  if (text === edge) return edge;
  if (/^\d{1,16}$/.test(text)) return { offset: text };
  if (/^\d{4}-\d\d-\d\dT/.test(text) && Date.parse(text) >= 0) {
    return { timestamp: new Date(Date.parse(text)).toISOString() };
  }
  throw new CausewayError('USAGE', `"${text}" is no place in a topic`, {
    fix: `Write ${edge}, an offset, or a time since 1970, as 2026-01-31T10:00:00Z.`,
  });
}
