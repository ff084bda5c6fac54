import type { RateLimits, Route } from '../model/route.js';
import type { TopicSelection } from '../model/selection.js';
import type { RouteSettings } from './route-schema.js';

/** A route from its settings, as the file, PUT /api/v1/routes/{name} and the store give them. */
export function routeFromSettings(name: string, settings: RouteSettings): Route {
  const { create, replicationFactor, shared } = settings.targetTopics;
  const { source, target, naming, delivery, start, isolation, compression, onRefusedRecord } = settings;
  const { coalesceBelowBytes, deadLetterTopic, continuity, limits, zones, selection } = settings;
  return {
    name,
    source,
    target,
    naming,
    delivery,
    start,
    isolation,
    targetTopics: {
      create,
      ...(replicationFactor === undefined ? {} : { replicationFactor }),
      ...(shared ? { shared } : {}),
    },
    compression,
    ...(coalesceBelowBytes === undefined ? {} : { coalesceBelowBytes }),
    onRefusedRecord,
    ...(deadLetterTopic === undefined ? {} : { deadLetterTopic }),
    continuity: { ...continuity },
    limits: rateLimitsFrom(limits),
    ...(zones === undefined ? {} : { zones }),
    ...(selection === undefined ? {} : { selection: selectionFrom(selection) }),
  };
}

/** Only the bounds that are set. */
export function rateLimitsFrom(limits: { readonly [K in keyof RateLimits]: RateLimits[K] | undefined }): RateLimits {
  const { bytesPerS, recordsPerS } = limits;
  return {
    ...(bytesPerS === undefined ? {} : { bytesPerS }),
    ...(recordsPerS === undefined ? {} : { recordsPerS }),
  };
}

/** Its parts in one order, so that equal selections are equal texts. */
export function selectionFrom({ include, exclude, targetMustExist, onUnmatched }: TopicSelection): TopicSelection {
  return { include, exclude, targetMustExist, onUnmatched };
}
