import type { JobBody, JobTopicBody } from '../../common/api/job-shapes.js';
import { CausewayError } from '../../common/errors/error.js';
import { deliveryFault } from '../../common/model/delivery.js';
import { type Job, jobRouteName, MAX_PARTITIONS_PER_JOB } from '../../common/model/job.js';
import type { ClusterIdentity } from '../core/cluster-identity.js';
import { findConflicts, type PlacedEntry } from '../core/conflicts.js';
import type { RangePlace, WantedRange } from '../core/job-ranges.js';
import { neverMirrored } from '../core/own-topics.js';
import type { TopicRules } from '../core/selection.js';
import type { FleetRecords } from '../loop/fleet-records.js';
import type { ClusterSnapshot, TopicInfo } from '../metadata/ports.js';
import { isUnderWay, partsOf } from './job-parts.js';

/* What can be said against a job before anything is written. */

type Place = JobTopicBody['from'] | JobTopicBody['to'];

export function invalid(
  message: string,
  place: { topic?: string; partition?: number } = {},
  fix?: string,
): CausewayError {
  return new CausewayError('JOB_INVALID', message, { place, ...(fix === undefined ? {} : { fix }) });
}

/** @throws JOB_INVALID: a time that has not come */
export function wantedRanges(body: JobTopicBody, count: number, nowMs: number): WantedRange[] {
  const { topic, partitions, ranges = [], from, to } = body;
  const all = ranges.length === 0 ? Array.from({ length: count }, (_, partition) => partition) : [];
  const common = (partitions ?? all).map((partition) => ({ partition, from, to }));
  const wanted = [...common, ...ranges].sort((a, b) => a.partition - b.partition);
  return wanted.map((one) => ({
    partition: one.partition,
    from: placeOf(one.from, topic, nowMs),
    to: placeOf(one.to, topic, nowMs),
  }));
}

function placeOf(place: Place, topic: string, nowMs: number): RangePlace {
  if (typeof place === 'string') return { kind: 'edge' };
  if ('offset' in place) return { kind: 'offset', offset: BigInt(place.offset) };
  const timestampMs = typeof place.timestamp === 'number' ? place.timestamp : Date.parse(place.timestamp);
  if (timestampMs > nowMs) {
    const message = `${new Date(timestampMs).toISOString()} has not come yet: a job copies what is there`;
    throw invalid(message, { topic }, 'Use "end", or mirror the topic with a route.');
  }
  return { kind: 'time', timestampMs: BigInt(timestampMs) };
}

/** @throws TOPIC_UNKNOWN_AT_SOURCE, CLUSTER_UNREACHABLE, PARTITIONS_BEYOND_SOURCE */
export function sourceTopic(
  body: JobBody,
  { topic, partitions = [], ranges = [] }: JobTopicBody,
  snapshot: ClusterSnapshot,
): TopicInfo {
  const info = snapshot.topics.get(topic);
  const place = { cluster: body.source, topic };
  if (info === 'absent') {
    throw new CausewayError('TOPIC_UNKNOWN_AT_SOURCE', `cluster ${body.source} has no such topic`, { place });
  }
  if (typeof info !== 'object') {
    const fix = 'Check the right to DESCRIBE it, and whether its partitions have leaders.';
    throw new CausewayError('CLUSTER_UNREACHABLE', `cluster ${body.source} does not describe the topic`, {
      place,
      fix,
    });
  }
  const beyond = [...partitions, ...ranges.map((one) => one.partition)].find((one) => one >= info.partitions);
  if (beyond !== undefined) {
    const message = `the source topic has ${info.partitions} partitions, and no partition ${beyond}`;
    throw new CausewayError('PARTITIONS_BEYOND_SOURCE', message, { place: { ...place, partition: beyond } });
  }
  return info;
}

/** @throws TOPIC_DENIED, JOB_INVALID */
export function checkTopics(
  { topics, source, target }: JobBody,
  identity: ClusterIdentity,
  rules: Pick<TopicRules, 'denied'>,
): void {
  for (const { topic, targetTopic } of topics) {
    const pattern = rules.denied(topic);
    const listed = pattern === undefined ? undefined : `the configuration’s deny list has ${pattern}`;
    const why = neverMirrored(topic) ?? neverMirrored(targetTopic) ?? listed;
    if (why !== undefined) throw new CausewayError('TOPIC_DENIED', `it is never copied: ${why}`, { place: { topic } });
    if (topic === targetTopic && identity(source) === identity(target)) {
      throw invalid(
        'source and target are the same topic of the same cluster',
        { topic },
        'Give it another targetTopic.',
      );
    }
  }
}

/** @throws JOB_INVALID */
export function checkSize(job: Job): void {
  const partitions = job.topics.reduce((sum, { ranges }) => sum + ranges.length, 0);
  if (partitions === 0) {
    const fix = 'Widen them; a time range holds records by their timestamps, as the source’s leader finds them.';
    throw invalid('the ranges are empty: there is no record in any of them', {}, fix);
  }
  if (partitions > MAX_PARTITIONS_PER_JOB) {
    throw invalid(
      `it has ${partitions} partitions, and a job has at most ${MAX_PARTITIONS_PER_JOB}`,
      {},
      'Make several.',
    );
  }
}

/**
 * Whether routes or other jobs write into the target topics, or the records would travel in circles.
 * @throws TARGET_CONFLICT
 */
export function checkPlace(job: Job, records: FleetRecords, identity: ClusterIdentity): void {
  const fault = deliveryFault(partsOf(job).route);
  if (fault !== undefined) throw invalid(fault);
  const placed: PlacedEntry[] = [];
  for (const { value: entry, createdAt: order } of records.topics.entries.values()) {
    const route = records.routes.entries.get(entry.route)?.value;
    if (route !== undefined && entry.retired === undefined) placed.push({ route, entry, order });
  }
  for (const { value: other, createdAt: order } of records.jobs.entries.values()) {
    if (other.id === job.id || !isUnderWay(other)) continue;
    const { route, entries } = partsOf(other);
    placed.push(...entries.map((entry) => ({ route, entry, order })));
  }
  // Earlier entries win: it comes last.
  const last = placed.reduce((sum, { order }) => sum + order, 1n);
  const { route, entries } = partsOf(job);
  placed.push(...entries.map((entry) => ({ route, entry, order: last })));
  const conflicts = findConflicts(placed, identity);
  for (const { topic } of entries) {
    const conflict = conflicts.get(`${jobRouteName(job)}/${topic}`);
    if (conflict === undefined) continue;
    const fix = 'Copy into another topic, or remove the other one first.';
    throw new CausewayError('TARGET_CONFLICT', conflict.message, { place: { topic }, fix });
  }
}
