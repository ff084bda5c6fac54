import type { JobBody } from '../../common/api/job-shapes.js';
import { countedRemoval } from '../../common/coordination/counted-removal.js';
import type { CoordinationStore } from '../../common/coordination/ports.js';
import { decodeJob, encodeJob } from '../../common/coordination/records/job.js';
import { JOBS, jobPath } from '../../common/coordination/znodes.js';
import { assertNever } from '../../common/errors/assert.js';
import { CausewayError, isCausewayError } from '../../common/errors/error.js';
import type { ClusterConnection } from '../../common/model/cluster.js';
import { type Job, type JobRange, type JobState, type JobTopic, MAX_JOBS } from '../../common/model/job.js';
import type { WorkerStatus } from '../../common/model/status.js';
import { partitionKey } from '../../common/model/topic-partition.js';
import { identifierFault } from '../../common/model/worker.js';
import { type Logger, silentLogger } from '../../common/observability/logger.js';
import type { Clock } from '../../common/runtime/clock.js';
import { mapLimited } from '../../common/runtime/map-limited.js';
import type { Random } from '../../common/runtime/random.js';
import type { ClusterIdentity } from '../core/cluster-identity.js';
import { withSightings } from '../core/job-progress.js';
import { resolveRange, type WantedRange } from '../core/job-ranges.js';
import { FleetRecords } from '../loop/fleet-records.js';
import type { RuleBook } from '../loop/rule-book.js';
import { knownCluster } from '../metadata/cluster-clients.js';
import type { SourceMetadata, TargetAdmin } from '../metadata/ports.js';
import { makeFreshTargets } from './fresh-targets.js';
import { checkPlace, checkSize, checkTopics, invalid, sourceTopic, wantedRanges } from './job-checks.js';
import type { LogEnds } from './log-ends.js';
import { sightingsOf } from './sightings.js';

/** Somebody else may change the node meanwhile (the leader notes progress), but not for ever. */
const MAX_ATTEMPTS = 5;
const READ_CONCURRENCY = 32;
const ID_LETTERS = 'abcdefghijklmnopqrstuvwxyz0123456789';
const ID_LENGTH = 10;

export type JobOrder = 'pause' | 'resume' | 'cancel';

export interface JobServiceDeps {
  readonly store: CoordinationStore;
  readonly clusters: ReadonlyMap<string, ClusterConnection>;
  readonly metadata: SourceMetadata;
  readonly admin: Pick<TargetAdmin, 'createTopics' | 'topicConfigs'>;
  readonly logEnds: LogEnds;
  readonly identities: { learn(): Promise<ClusterIdentity> };
  readonly rules: RuleBook;
  /** What the workers say now. */
  readonly statuses: () => Promise<ReadonlyMap<string, WorkerStatus>>;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

/** Jobs as operators write them: accepted on any controller, checked before anything is written, carried out by the leader's workers. */
export class JobService {
  readonly #deps: JobServiceDeps;

  constructor(deps: JobServiceDeps) {
    this.#deps = deps;
  }

  /** Sorted. */
  async names(): Promise<readonly string[]> {
    return [...((await this.#deps.store.children(JOBS)) ?? [])].sort();
  }

  /** Those that are still there. */
  async read(ids: readonly string[]): Promise<readonly Job[]> {
    const nodes = await mapLimited(ids, READ_CONCURRENCY, (id) => this.#deps.store.get(jobPath(id)));
    return nodes.flatMap((node, i) => (node === undefined ? [] : [decodeJob(node.data, jobPath(ids[i] ?? ''))]));
  }

  /** @throws JOB_UNKNOWN */
  async get(id: string): Promise<Job> {
    return (await this.#read(id)).job;
  }

  /**
   * Resolves the ranges as of now.
   * @throws JOB_EXISTS, JOB_INVALID, CLUSTER_UNKNOWN, CLUSTER_UNREACHABLE, TOPIC_UNKNOWN_AT_SOURCE, TOPIC_DENIED,
   *   PARTITIONS_BEYOND_SOURCE, TARGET_CONFLICT
   */
  async create(body: JobBody): Promise<Job> {
    const { store, rules, identities, clock, logger } = this.#deps;
    for (const cluster of [body.source, body.target]) knownCluster(this.#deps.clusters, cluster);
    const names = await this.names();
    if (body.id !== undefined && names.includes(body.id)) throw exists(body.id);
    if (names.length >= MAX_JOBS) {
      throw invalid(`there are ${names.length} jobs already`, {}, 'Delete some that are done.');
    }
    const identity = await identities.learn();
    checkTopics(body, identity, rules.rulesOf(undefined));
    const { id = this.#makeUpId(), topics: _wanted, ...settings } = body;
    const job: Job = {
      ...settings,
      id,
      run: this.#makeUpId(),
      limits: withoutAbsent(body.limits),
      topics: await this.#topics(body),
      state: 'running',
      createdAt: new Date(clock.wallMs()).toISOString(),
      progress: [],
    };
    checkSize(job);
    checkPlace(job, await this.#records(), identity);
    if (job.timestamps === 'fresh') await makeFreshTargets(job, this.#deps);
    try {
      await store.create(jobPath(id), encodeJob(job));
    } catch (error) {
      throw isCausewayError(error, 'NODE_EXISTS') ? exists(id) : error;
    }
    logger.info('audit.job-created', { job: id, source: job.source, target: job.target, topics: job.topics.length });
    return job;
  }

  /** @throws JOB_UNKNOWN, JOB_STATE, TARGET_CONFLICT */
  async order(id: string, order: JobOrder): Promise<Job> {
    return await this.#change(id, { order }, async (job) => {
      const state = stateAfter(job, order);
      if (state === job.state) return job;
      const next = order === 'cancel' ? await this.#asItStands({ ...job, state }) : { ...job, state };
      // Others may have taken its place meanwhile.
      if (job.state === 'cancelled') checkPlace(next, await this.#records(), await this.#deps.identities.learn());
      return next;
    });
  }

  /** From now on, on all its workers. @throws JOB_UNKNOWN, JOB_STATE */
  async limit(id: string, limits: JobBody['limits']): Promise<Job> {
    return await this.#change(id, { limits }, (job) => {
      if (job.state !== 'done') return Promise.resolve({ ...job, limits: withoutAbsent(limits) });
      throw new CausewayError('JOB_STATE', `job ${id} is done: nothing of it is left to be limited`);
    });
  }

  async #change(id: string, wish: object, next: (job: Job) => Promise<Job>): Promise<Job> {
    const { store, logger } = this.#deps;
    for (let attempt = 1; ; attempt++) {
      const { job, version } = await this.#read(id);
      const changed = await next(job);
      if (changed === job) return job;
      try {
        await store.set(jobPath(id), encodeJob(changed), version);
        logger.info('audit.job-ordered', { job: id, ...wish });
        return changed;
      } catch (error) {
        if (!isCausewayError(error, 'BAD_VERSION') || attempt === MAX_ATTEMPTS) throw error;
      }
    }
  }

  /** @throws JOB_UNKNOWN, JOB_STATE */
  async remove(id: string): Promise<void> {
    const { store, logger } = this.#deps;
    const { job, version } = await this.#read(id);
    if (job.state === 'running' || job.state === 'paused') {
      const fix = 'Cancel it first.';
      throw new CausewayError('JOB_STATE', `job ${id} is ${job.state}: it cannot be deleted`, { fix });
    }
    const outcome = await store.multi(countedRemoval(jobPath(id), version));
    if (!outcome.applied) throw new CausewayError('PRECONDITION_FAILED', `job ${id} changed just now`);
    logger.info('audit.job-deleted', { job: id });
  }

  /** The workers' last word before they let go of it. */
  async #asItStands(job: Job): Promise<Job> {
    const statuses = await this.#deps.statuses();
    return withSightings(job, sightingsOf(job, statuses.values()), new Set());
  }

  async #read(id: string): Promise<{ readonly job: Job; readonly version: number }> {
    const node = identifierFault(id) === undefined ? await this.#deps.store.get(jobPath(id)) : undefined;
    if (node !== undefined) return { job: decodeJob(node.data, jobPath(id)), version: node.version };
    throw new CausewayError('JOB_UNKNOWN', `there is no job "${id.slice(0, 100)}"`, {
      fix: 'GET /api/v1/jobs lists them.',
    });
  }

  async #topics(body: JobBody): Promise<readonly JobTopic[]> {
    const { metadata, logEnds, clock } = this.#deps;
    const snapshot = await metadata.describe(
      body.source,
      body.topics.map(({ topic }) => topic),
    );
    const nowMs = clock.wallMs();
    const asked = body.topics.map((one) => {
      const { partitions } = sourceTopic(body, one, snapshot);
      const { topic, targetTopic } = one;
      return { topic, targetTopic, partitions, ranges: wantedRanges(one, partitions, nowMs) };
    });
    const facts = await logEnds.ask(body.source, body.isolation, asked);
    return asked.flatMap(({ ranges, ...topic }): JobTopic[] => {
      const resolved = ranges.map((range) => this.#resolved(topic.topic, range, facts));
      const full = resolved.filter(({ from, until }) => from < until);
      return full.length === 0 ? [] : [{ ...topic, ranges: full }];
    });
  }

  #resolved(topic: string, range: WantedRange, facts: Awaited<ReturnType<LogEnds['ask']>>): JobRange {
    const known = facts.get(partitionKey(topic, range.partition));
    const place = { topic, partition: range.partition };
    if (known === undefined) throw invalid('the source does not tell where its log begins and ends', place);
    const resolved = resolveRange(range, known);
    if ('fault' in resolved) throw invalid(resolved.fault, place);
    return resolved;
  }

  async #records(): Promise<FleetRecords> {
    const records = new FleetRecords(this.#deps.store, silentLogger);
    for (const area of ['routes', 'topics', 'jobs'] as const) await records[area].refresh();
    return records;
  }

  #makeUpId(): string {
    const letter = (): string => ID_LETTERS[Math.floor(this.#deps.random.unit() * ID_LETTERS.length)] ?? 'a';
    return `j${Array.from({ length: ID_LENGTH }, letter).join('')}`;
  }
}

/** @throws JOB_STATE */
function stateAfter({ id, state }: Job, order: JobOrder): JobState {
  if (state !== 'done') {
    switch (order) {
      case 'pause':
        if (state !== 'cancelled') return 'paused';
        break;
      case 'resume':
        return 'running';
      case 'cancel':
        return 'cancelled';
      default:
        assertNever(order, 'order about a job');
    }
  }
  throw new CausewayError('JOB_STATE', `job ${id} is ${state}: ${order} means nothing to it any more`, {
    fix: state === 'done' ? 'Make another job.' : 'Resume it first.',
  });
}

function exists(id: string): CausewayError {
  return new CausewayError('JOB_EXISTS', `there is a job ${id} already`);
}

function withoutAbsent({ bytesPerS, recordsPerS }: JobBody['limits']): Job['limits'] {
  return { ...(bytesPerS === undefined ? {} : { bytesPerS }), ...(recordsPerS === undefined ? {} : { recordsPerS }) };
}
