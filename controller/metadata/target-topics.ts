import { CausewayError, isCausewayError } from '../../common/errors/error.js';
import type { Logger } from '../../common/observability/logger.js';
import { backoffMs } from '../../common/runtime/backoff.js';
import type { Clock } from '../../common/runtime/clock.js';
import type { Random } from '../../common/runtime/random.js';
import type { TargetNeed } from '../core/desired.js';
import type { Problem } from '../core/problem.js';
import type { ClusterSnapshot, TargetAdmin } from './ports.js';
import { mirroredConfigs } from './topic-configs.js';

/** Creations and growths under way at once: controllers of a cluster take them one by one anyway. */
const MAX_JOBS = 8;
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

/** Makes missing target topics and grows short ones, beside the reconcile loop, each topic once at a time, with back-off. */
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
    for (const need of needs) {
      if (this.#pending.size >= MAX_JOBS) return;
      const key = keyOf(need);
      const job = this.#jobs.get(key) ?? { running: false, failures: 0, notBeforeMs: 0, problem: undefined };
      this.#jobs.set(key, job);
      if (job.running || this.#options.clock.monotonicMs() < job.notBeforeMs) continue;
      job.running = true;
      const task = this.#run(need, job).finally(() => this.#pending.delete(task));
      this.#pending.add(task);
    }
  }

  async #run(need: TargetNeed, job: Job): Promise<void> {
    const { clock, random, logger, onDone } = this.#options;
    const place = { route: need.route.name, topic: need.topic };
    try {
      await this.#apply(need);
      job.failures = 0;
      job.problem = undefined;
      // Metadata takes a moment to show it; without a pause the same change would be asked for again.
      job.notBeforeMs = clock.monotonicMs() + RETRY.initialMs;
      const event = need.existing === 0 ? 'target-topic.created' : 'target-topic.grown';
      logger.info(event, {
        ...place,
        cluster: need.route.target,
        targetTopic: need.targetTopic,
        partitions: need.partitions,
      });
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      if (job.problem?.message !== message) logger.warn('target-topic.failed', { ...place, err: error });
      job.problem = { ...place, code: isCausewayError(error) ? error.code : 'TARGET_NOT_READY', message };
      job.notBeforeMs = clock.monotonicMs() + backoffMs(job.failures++, RETRY, random);
    }
    job.running = false;
    onDone(need.route.target);
  }

  async #apply({ route, topic, targetTopic, partitions, existing, configs: ownConfigs }: TargetNeed): Promise<void> {
    const { admin, snapshot } = this.#options;
    if (!route.targetTopics.create) {
      const message = `target topic ${targetTopic} has ${existing} of ${partitions} partitions and the route does not create topics`;
      throw new CausewayError('TARGET_NOT_READY', message, {
        place: { route: route.name, topic },
        fix: 'Create or grow it, or set targetTopics.create on the route.',
      });
    }
    if (existing > 0) return await admin.createPartitions(route.target, targetTopic, partitions);
    if (ownConfigs !== undefined) {
      const replicationFactor = Math.max(1, Math.min(OWN_REPLICATION_FACTOR, snapshot(route.target)?.brokers ?? 1));
      return await admin.createTopic(route.target, {
        topic: targetTopic,
        partitions,
        replicationFactor,
        configs: ownConfigs,
      });
    }
    const source = snapshot(route.source)?.topics.get(topic);
    const sourceFactor = typeof source === 'object' ? source.replicationFactor : 1;
    const brokers = snapshot(route.target)?.brokers ?? 1;
    const replicationFactor = route.targetTopics.replicationFactor ?? Math.max(1, Math.min(sourceFactor, brokers));
    const configs = mirroredConfigs(await admin.topicConfigs(route.source, topic));
    await admin.createTopic(route.target, { topic: targetTopic, partitions, replicationFactor, configs });
  }
}

function keyOf(need: TargetNeed): string {
  return `${need.route.name}/${need.topic}`;
}
