import { CausewayError, isCausewayError } from '../../common/errors/error.js';
import type { Logger } from '../../common/observability/logger.js';
import { backoffMs } from '../../common/runtime/backoff.js';
import type { Clock } from '../../common/runtime/clock.js';
import type { Random } from '../../common/runtime/random.js';
import type { TargetNeed } from '../core/desired.js';
import type { Problem } from '../core/problem.js';
import type { ClusterSnapshot, NewTopic, TargetAdmin } from './ports.js';
import { mirroredConfigs } from './topic-configs.js';

/** Requests under way at once: controllers of a cluster take them one by one anyway. */
const MAX_REQUESTS = 8;
/** Topics made by one request: a cluster's controller is done with so many well within a request timeout. */
const MAX_TOPICS_PER_REQUEST = 100;
/** Of Causeway's own topics, where there are so many brokers. */
const OWN_REPLICATION_FACTOR = 3;
const RETRY = { initialMs: 500, maxMs: 30_000 } as const;

export interface TargetTopicsOptions {
  readonly admin: TargetAdmin;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly snapshot: (cluster: string) => ClusterSnapshot | undefined;
  /** The target topic was changed: its metadata should be read anew. */
  readonly onDone: (cluster: string) => void;
}

interface Job {
  running: boolean;
  failures: number;
  /** Monotonic ms before which it is not tried again. */
  notBeforeMs: number;
  problem: Problem | undefined;
}

/**
 * Makes missing target topics, many by one request, and grows short ones, beside the reconcile loop, each topic once at a time, with
 * back-off.
 */
export class TargetTopics {
  readonly #options: TargetTopicsOptions;
  readonly #jobs = new Map<string, Job>();
  readonly #pending = new Set<Promise<void>>();

  constructor(options: TargetTopicsOptions) {
    this.#options = options;
  }

  get problems(): readonly Problem[] {
    return [...this.#jobs.values()].flatMap((job) => (job.problem === undefined ? [] : [job.problem]));
  }

  /** Starts what is needed and not under way. Needs that are gone are forgotten. */
  ensure(needs: readonly TargetNeed[]): void {
    const keys = new Set(needs.map(keyOf));
    for (const [key, job] of this.#jobs) if (!keys.has(key) && !job.running) this.#jobs.delete(key);
    const nowMs = this.#options.clock.monotonicMs();
    const due = needs.filter((need) => {
      const job = this.#jobOf(need);
      return !job.running && nowMs >= job.notBeforeMs;
    });
    for (const batch of batchesOf(due)) {
      if (this.#pending.size >= MAX_REQUESTS) return;
      for (const need of batch) this.#jobOf(need).running = true;
      const task = this.#run(batch).finally(() => this.#pending.delete(task));
      this.#pending.add(task);
    }
  }

  #jobOf(need: TargetNeed): Job {
    const key = keyOf(need);
    const job = this.#jobs.get(key) ?? { running: false, failures: 0, notBeforeMs: 0, problem: undefined };
    this.#jobs.set(key, job);
    return job;
  }

  /** @param batch of one target, all to be made or one to be grown */
  async #run(batch: readonly TargetNeed[]): Promise<void> {
    const failed = await this.#apply(batch).catch((error: unknown) => new Map(batch.map((need) => [need, error])));
    for (const need of batch) {
      if (failed.has(need)) this.#failed(need, failed.get(need));
      else this.#done(need);
    }
    const [first] = batch;
    if (first !== undefined) this.#options.onDone(first.route.target);
  }

  #done(need: TargetNeed): void {
    const { clock, logger } = this.#options;
    const { route, topic, targetTopic, partitions, existing } = need;
    const job = this.#jobOf(need);
    job.running = false;
    job.failures = 0;
    job.problem = undefined;
    // Metadata takes a moment to show it; without a pause the same change would be asked for again.
    job.notBeforeMs = clock.monotonicMs() + RETRY.initialMs;
    const event = existing === 0 ? 'target-topic.created' : 'target-topic.grown';
    logger.info(event, { route: route.name, topic, cluster: route.target, targetTopic, partitions });
  }

  #failed(need: TargetNeed, error: unknown): void {
    const { clock, random, logger } = this.#options;
    const place = { route: need.route.name, topic: need.topic };
    const job = this.#jobOf(need);
    job.running = false;
    const message = error instanceof Error ? error.message : String(error);
    if (job.problem?.message !== message) logger.warn('target-topic.failed', { ...place, err: error });
    job.problem = { ...place, code: isCausewayError(error) ? error.code : 'TARGET_NOT_READY', message };
    job.notBeforeMs = clock.monotonicMs() + backoffMs(job.failures++, RETRY, random);
  }

  /** @returns those that failed, with what was thrown */
  async #apply(batch: readonly TargetNeed[]): Promise<ReadonlyMap<TargetNeed, unknown>> {
    const { admin } = this.#options;
    const [first] = batch;
    if (first === undefined) return new Map();
    const { route, targetTopic, partitions, existing } = first;
    if (!isOurs(first)) return new Map(batch.map((need) => [need, notOurs(need)]));
    if (existing > 0) {
      await admin.createPartitions(route.target, targetTopic, partitions);
      return new Map();
    }
    const failed = await admin.createTopics(route.target, await this.#shapes(batch));
    return new Map(
      batch.flatMap((need) => (failed.has(need.targetTopic) ? [[need, failed.get(need.targetTopic)]] : [])),
    );
  }

  /** @param needs all of one source */
  async #shapes(needs: readonly TargetNeed[]): Promise<NewTopic[]> {
    const { admin, snapshot } = this.#options;
    const [first] = needs;
    if (first === undefined) return [];
    const { source, target } = first.route;
    const mirrored = needs.filter(({ configs }) => configs === undefined).map(({ topic }) => topic);
    const found = mirrored.length === 0 ? new Map() : await admin.topicConfigs(source, mirrored);
    const brokers = Math.max(1, snapshot(target)?.brokers ?? 1);
    return needs.map(({ route, topic, targetTopic, partitions, configs }) => {
      if (configs !== undefined) {
        return {
          topic: targetTopic,
          partitions,
          replicationFactor: Math.min(OWN_REPLICATION_FACTOR, brokers),
          configs,
        };
      }
      const info = snapshot(source)?.topics.get(topic);
      const sourceFactor = typeof info === 'object' ? Math.max(1, info.replicationFactor) : 1;
      const replicationFactor = route.targetTopics.replicationFactor ?? Math.min(sourceFactor, brokers);
      const own = mirroredConfigs(found.get(topic) ?? {}, route);
      return { topic: targetTopic, partitions, replicationFactor, configs: own };
    });
  }
}

/** What can go into one request: topics to make, from one source to one target; a growth alone. Own topics wait for no source. */
function batchesOf(needs: readonly TargetNeed[]): TargetNeed[][] {
  const open = new Map<string, TargetNeed[]>();
  const batches: TargetNeed[][] = [];
  for (const need of needs) {
    const { route, existing, configs } = need;
    const source = configs === undefined ? route.source : '';
    const key = existing > 0 ? keyOf(need) : `${source}>${route.target}>${isOurs(need)}`;
    let batch = open.get(key);
    if (batch === undefined || batch.length === MAX_TOPICS_PER_REQUEST) {
      batch = [];
      open.set(key, batch);
      batches.push(batch);
    }
    batch.push(need);
  }
  return batches;
}

/** Causeway's own topics are made in any case: nothing is copied without. */
function isOurs({ route, configs }: TargetNeed): boolean {
  return route.targetTopics.create && (configs !== undefined || route.metadata !== 'manual');
}

function notOurs({ route, topic, targetTopic, partitions, existing }: TargetNeed): CausewayError {
  const place = { route: route.name, topic };
  if (route.targetTopics.create) {
    const message = `target topic ${targetTopic} has ${existing} of ${partitions} partitions, and the route’s metadata is manual`;
    const fix = 'Look at "causeway sync plan", and run "causeway sync apply".';
    return new CausewayError('TARGET_NOT_READY', message, { place, fix });
  }
  const message = `target topic ${targetTopic} has ${existing} of ${partitions} partitions and the route does not create topics`;
  return new CausewayError('TARGET_NOT_READY', message, {
    place,
    fix: 'Create or grow it, or set targetTopics.create on the route.',
  });
}

function keyOf(need: TargetNeed): string {
  return `${need.route.name}/${need.topic}`;
}
