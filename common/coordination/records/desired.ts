import { z } from 'zod';
import { rateLimitsFrom, routeFromSettings } from '../../config/route.js';
import { rateLimits, routeSettings } from '../../config/route-schema.js';
import { formatPartitions } from '../../model/partition-set.js';
import type { Route, TopicEntry } from '../../model/route.js';
import { MAX_PARTITIONS_PER_TOPIC } from '../../model/topic-partition.js';
import type { TopicProgress } from '../../model/topic-progress.js';
import { decodeRecord, encodeRecord } from './codec.js';
import { count, decimal, origin, partitionSet, resolveAction, skipOrder } from './fields.js';

const routeRecord = routeSettings.loose().extend({ name: z.string() });

export function encodeRoute(route: Route): Buffer {
  return encodeRecord(route, { gzip: false });
}

export function decodeRoute(data: Buffer, path: string): Route {
  const { name, ...settings } = decodeRecord(routeRecord, data, path);
  return routeFromSettings(name, settings);
}

const topicEntry = z.object({
  route: z.string(),
  topic: z.string(),
  partitions: z.union([z.literal('all'), z.number().int().min(1).max(MAX_PARTITIONS_PER_TOPIC)]),
  paused: z.boolean(),
  skips: z.array(skipOrder).default([]),
  /** Absent in nodes that an earlier version wrote. */
  resolutions: z
    .array(
      z.object({
        partition: count.nullable(),
        action: resolveAction,
        timeline: count,
        reason: z.string(),
        at: z.string(),
      }),
    )
    .optional(),
  /** Absent in nodes that an earlier version wrote. */
  limits: rateLimits.loose().default({}),
  addedAt: z.string(),
  origin: z.enum(['selected', 'appeared']).optional(),
  starts: z.array(z.object({ partition: count, from: z.union([z.enum(['earliest', 'latest']), decimal]) })).optional(),
  retired: z.object({ by: z.string(), at: z.string() }).optional(),
  mapRebuildAt: z.string().optional(),
});

export function encodeTopicEntry(entry: TopicEntry): Buffer {
  return encodeRecord(entry, { gzip: false });
}

export function decodeTopicEntry(data: Buffer, path: string): TopicEntry {
  const { limits, origin, resolutions, starts, retired, mapRebuildAt, ...entry } = decodeRecord(topicEntry, data, path);
  return {
    ...entry,
    limits: rateLimitsFrom(limits),
    ...(origin === undefined ? {} : { origin }),
    ...(resolutions === undefined ? {} : { resolutions }),
    ...(starts === undefined ? {} : { starts }),
    ...(retired === undefined ? {} : { retired }),
    ...(mapRebuildAt === undefined ? {} : { mapRebuildAt }),
  };
}

const topicProgress = z.object({
  route: z.string(),
  topic: z.string(),
  sourceTopicId: z.string().nullable(),
  targetTopic: z.string(),
  timeline: count,
  started: partitionSet,
  initialPartitions: count,
  /** What follows is absent in nodes that an earlier version wrote. */
  transactional: z.literal(true).optional(),
  targetTopicId: z.string().nullable().optional(),
  origin: origin.optional(),
  carried: partitionSet.optional(),
  formers: z.array(z.object({ partition: count, timeline: count })).optional(),
  breaks: z.array(origin.extend({ partition: count, timeline: count })).optional(),
});

export function encodeTopicProgress(progress: TopicProgress): Buffer {
  const { started, carried, ...rest } = progress;
  const sets = {
    started: formatPartitions(started),
    ...(carried === undefined ? {} : { carried: formatPartitions(carried) }),
  };
  return encodeRecord({ ...rest, ...sets }, { gzip: false });
}

export function decodeTopicProgress(data: Buffer, path: string): TopicProgress {
  const record = decodeRecord(topicProgress, data, path);
  const { transactional, targetTopicId, origin, carried, formers, breaks, ...progress } = record;
  return {
    ...progress,
    ...(transactional === undefined ? {} : { transactional }),
    ...(targetTopicId === undefined ? {} : { targetTopicId }),
    ...(origin === undefined ? {} : { origin }),
    ...(carried === undefined ? {} : { carried }),
    ...(formers === undefined ? {} : { formers }),
    ...(breaks === undefined ? {} : { breaks }),
  };
}
