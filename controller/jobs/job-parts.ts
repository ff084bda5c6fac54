import { routeFromSettings } from '../../common/config/route.js';
import { routeSettings } from '../../common/config/route-schema.js';
import { type Job, type JobTopic, jobPartitionKey, jobRouteName } from '../../common/model/job.js';
import type { Route, TopicEntry } from '../../common/model/route.js';

/** A job as the planner sees it: a route with topics, and what of them is nobody's business. */
export interface JobParts {
  readonly route: Route;
  /** Of topics that are not done. */
  readonly entries: readonly TopicEntry[];
  /** Partitions outside the ranges, and those that are done, by `route/topic`. */
  readonly excluded: ReadonlyMap<string, readonly number[]>;
}

/** Its partitions belong to workers. */
export function isUnderWay({ state }: Pick<Job, 'state'>): boolean {
  return state === 'running' || state === 'paused';
}

const known = new WeakMap<Job, JobParts>();

export function partsOf(job: Job): JobParts {
  const before = known.get(job);
  if (before !== undefined) return before;
  const parts = makeParts(job);
  known.set(job, parts);
  return parts;
}

function makeParts(job: Job): JobParts {
  const route = routeOf(job);
  const done = new Set(job.progress.filter(({ isDone }) => isDone).map(jobPartitionKey));
  const entries: TopicEntry[] = [];
  const excluded = new Map<string, readonly number[]>();
  for (const topic of job.topics) {
    const open = openPartitions(topic, done);
    if (open.size === 0) continue;
    entries.push(entryOf(job, route, topic));
    const others = Array.from({ length: topic.partitions }, (_, partition) => partition).filter(
      (one) => !open.has(one),
    );
    excluded.set(`${route.name}/${topic.topic}`, others);
  }
  return { route, entries, excluded };
}

function openPartitions({ topic, ranges }: JobTopic, done: ReadonlySet<string>): Set<number> {
  const open = ranges.filter(({ partition }) => !done.has(jobPartitionKey({ topic, partition })));
  return new Set(open.map(({ partition }) => partition));
}

/** With the settings that any route has, but those that name the job's own. */
export function routeOf(
  job: Pick<Job, 'id' | 'run' | 'source' | 'target' | 'topics' | 'delivery' | 'isolation' | 'limits'>,
): Route {
  const { source, target, topics, delivery, isolation, limits } = job;
  const names = Object.fromEntries(topics.map(({ topic, targetTopic }) => [topic, targetTopic]));
  const settings = routeSettings.parse({ source, target, delivery, isolation, limits });
  const route = routeFromSettings(jobRouteName(job), settings);
  return { ...route, naming: { policy: 'map', topics: names, otherwise: { policy: 'identity' } } };
}

function entryOf(job: Job, route: Route, { topic, partitions, ranges }: JobTopic): TopicEntry {
  return {
    route: route.name,
    topic,
    partitions,
    paused: job.state === 'paused',
    skips: [],
    limits: {},
    addedAt: job.createdAt,
    starts: ranges.map(({ partition, from }) => ({ partition, from })),
    ends: ranges.map(({ partition, until }) => ({ partition, until })),
  };
}
