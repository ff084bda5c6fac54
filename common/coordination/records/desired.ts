import { z } from 'zod';
import { rateLimitsFrom, routeFromSettings } from '../../config/route.js';
import { rateLimits, routeSettings } from '../../config/schema.js';
import { formatPartitions } from '../../model/partition-set.js';
import type { Route, TopicEntry } from '../../model/route.js';
import { MAX_PARTITIONS_PER_TOPIC } from '../../model/topic-partition.js';
import type { TopicProgress } from '../../model/topic-progress.js';
import { decodeRecord, encodeRecord } from './codec.js';
import { count, partitionSet, skipOrder } from './fields.js';

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
  limits: rateLimits.loose().default({}),
  addedAt: z.string(),
  origin: z.enum(['selected', 'appeared']).optional(),
});

export function encodeTopicEntry(entry: TopicEntry): Buffer {
  return encodeRecord(entry, { gzip: false });
}

export function decodeTopicEntry(data: Buffer, path: string): TopicEntry {
  const { limits, origin, ...entry } = decodeRecord(topicEntry, data, path);
  return { ...entry, limits: rateLimitsFrom(limits), ...(origin === undefined ? {} : { origin }) };
}

const topicProgress = z.object({
  route: z.string(),
  topic: z.string(),
  sourceTopicId: z.string().nullable(),
  targetTopic: z.string(),
  timeline: count,
  started: partitionSet,
  initialPartitions: count,
});

export function encodeTopicProgress(progress: TopicProgress): Buffer {
  return encodeRecord({ ...progress, started: formatPartitions(progress.started) }, { gzip: false });
}

export function decodeTopicProgress(data: Buffer, path: string): TopicProgress {
  return decodeRecord(topicProgress, data, path);
}
