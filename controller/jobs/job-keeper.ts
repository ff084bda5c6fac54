import type { CoordinationStore } from '../../common/coordination/ports.js';
import { encodeJob } from '../../common/coordination/records/job.js';
import { JOBS, jobPath, PROGRESS, progressPath, progressRoutePath, REPORTS } from '../../common/coordination/znodes.js';
import { isCausewayError } from '../../common/errors/error.js';
import { isJobRoute, type Job, jobPartitionKey, jobRouteName } from '../../common/model/job.js';
import { type Logger, silentLogger } from '../../common/observability/logger.js';
import type { Metrics } from '../../common/observability/metrics.js';
import type { Clock } from '../../common/runtime/clock.js';
import { isComplete, type JobSighting, offsetsLeft, withSightings } from '../core/job-progress.js';
import { FleetRecords } from '../loop/fleet-records.js';
import type { LeaderWork, Term } from '../loop/leader-works.js';
import type { StatusSource } from '../loop/load-watch.js';
import { isUnderWay } from './job-parts.js';
import { sightingsOf } from './sightings.js';

/** Between looks at what is under way: a partition that has reached its end is off its worker soon after. */
const LOOK_MS = 1_000;
/** What workers count is written down this often: a leader that dies takes no more of it along. */
const NOTE_MS = 10_000;
const CLEAN_MS = 60_000;
/** Routes of deleted jobs whose memory is cleared at once. */
const MAX_CLEARED = 100;

/** Incarnations by `topic/partition`. */
type Finished = ReadonlyMap<string, string>;

export interface JobKeeperDeps {
  readonly store: CoordinationStore;
  readonly statuses: StatusSource;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

/**
 * Writes down what jobs have achieved, and ends those that are done. What it writes is true whoever leads: a report that a partition was
 * copied up to its end stays so; the version of the job's node keeps operators' orders.
 */
export class JobKeeper implements LeaderWork {
  readonly name = 'jobs';
  readonly #deps: JobKeeperDeps;
  /** Found at the last look to be remembered for nobody: an import may bring their jobs in a moment. */
  #forsaken: ReadonlySet<string> = new Set();

  constructor(deps: JobKeeperDeps) {
    this.#deps = deps;
  }

  async run({ signal }: Pick<Term, 'signal'>): Promise<void> {
    const { store, clock } = this.#deps;
    const records = new FleetRecords(store, silentLogger);
    const unwatch = [
      store.watch(JOBS, (changed) => records.jobs.invalidate(changed)),
      store.watch(REPORTS, (changed) => records.reports.invalidate(changed)),
    ];
    let notedMs = Number.NEGATIVE_INFINITY;
    let cleanedMs = clock.monotonicMs();
    this.#forsaken = new Set();
    try {
      while (!signal.aborted) {
        const nowMs = clock.monotonicMs();
        if (await this.#look(records, nowMs - notedMs >= NOTE_MS)) notedMs = nowMs;
        if (nowMs - cleanedMs >= CLEAN_MS) {
          await this.#clean(records);
          cleanedMs = nowMs;
        }
        await clock.sleep(LOOK_MS, signal);
      }
    } finally {
      for (const remove of unwatch) remove();
      this.#tell([]);
    }
  }

  /** @returns true when everything that was counted is written down */
  async #look(records: FleetRecords, isDue: boolean): Promise<boolean> {
    await records.jobs.refresh();
    const running = [...records.jobs.entries.values()].filter(({ value, stale }) => isUnderWay(value) && !stale);
    this.#tell(running.map(({ value }) => value));
    if (running.length === 0) return false;
    await records.reports.refresh();
    const finished = this.#finished(records);
    const due = running.filter(({ value }) => isDue || hasNews(value, finished.get(jobRouteName(value))));
    if (due.length === 0) return false;
    records.live.invalidate();
    await records.live.refresh();
    const live = [...records.live.entries.values()].map(({ value }) => value);
    const statuses = await this.#deps.statuses.ask(live);
    const answering = new Set([...statuses.values()].map(({ incarnation }) => incarnation));
    for (const { value, version } of due) {
      const sightings = sightingsOf(value, statuses.values());
      const ended = endsSeen(value, finished.get(jobRouteName(value)) ?? new Map(), sightings, answering);
      const next = this.#ended(withSightings(value, sightings, ended));
      if (next !== value) await this.#write(records, next, version);
    }
    return isDue;
  }

  /** Partitions that workers report to have reached their ends, with who says so, by the job’s route. */
  #finished(records: FleetRecords): ReadonlyMap<string, Finished> {
    const finished = new Map<string, Map<string, string>>();
    for (const { value } of records.reports.entries.values()) {
      for (const ref of value.finished ?? []) {
        if (!isJobRoute(ref.route)) continue;
        const keys = finished.get(ref.route) ?? new Map<string, string>();
        finished.set(ref.route, keys.set(jobPartitionKey(ref), value.incarnation));
      }
    }
    return finished;
  }

  #ended(job: Job): Job {
    if (!isComplete(job)) return job;
    return { ...job, state: 'done', finishedAt: new Date(this.#deps.clock.wallMs()).toISOString() };
  }

  async #write(records: FleetRecords, job: Job, version: number): Promise<void> {
    const { store, logger, metrics } = this.#deps;
    try {
      records.jobs.wrote(job.id, job, await store.set(jobPath(job.id), encodeJob(job), version));
      if (job.state !== 'done') return;
      logger.info('job.done', { job: job.id, source: job.source, target: job.target });
      metrics.inc('causeway_jobs_done_total');
    } catch (error) {
      records.jobs.invalidate();
      // An operator was faster, or it is deleted: looked at again in a moment.
      if (!isCausewayError(error, 'BAD_VERSION') && !isCausewayError(error, 'NODE_MISSING')) throw error;
    }
  }

  #tell(underWay: readonly Job[]): void {
    const { metrics } = this.#deps;
    metrics.reset('causeway_job_offsets_left');
    for (const job of underWay) metrics.set('causeway_job_offsets_left', offsetsLeft(job), { job: job.id });
  }

  /** What was remembered of the topics of jobs that are deleted, and that nobody holds any more. */
  async #clean(records: FleetRecords): Promise<void> {
    const { store } = this.#deps;
    // What cannot be seen is not gone.
    if (records.jobs.isRootMissing || records.jobs.unreadable.size > 0) return;
    const present = new Set([...records.jobs.entries.values()].map(({ value }) => jobRouteName(value)));
    const routes = (await store.children(PROGRESS)) ?? [];
    const forsaken = routes.filter((route) => isJobRoute(route) && !present.has(route));
    const remembered = forsaken.filter((route) => this.#forsaken.has(route));
    this.#forsaken = new Set(forsaken);
    if (remembered.length === 0) return;
    records.assignments.invalidate();
    await records.assignments.refresh();
    const held = new Set(
      [...records.assignments.entries.values()].flatMap(({ value }) =>
        value.assignment.items.map(({ route }) => route),
      ),
    );
    for (const route of remembered.filter((one) => !held.has(one)).slice(0, MAX_CLEARED)) {
      const topics = (await store.children(progressRoutePath(route))) ?? [];
      await store.multi([
        ...topics.map((topic) => ({ type: 'remove', path: progressPath(route, topic), version: -1 }) as const),
        { type: 'remove', path: progressRoutePath(route), version: -1 },
      ]);
    }
  }
}

/**
 * Partitions whose last counts are known, or will never be: a worker that answers, and whose numbers are older than its report, is asked
 * again.
 */
function endsSeen(
  { topics }: Job,
  finished: Finished,
  sightings: readonly JobSighting[],
  answering: ReadonlySet<string>,
): ReadonlySet<string> {
  const offsets = new Map(
    sightings.map(({ incarnation, status }) => [`${incarnation} ${jobPartitionKey(status)}`, status.sourceOffset]),
  );
  const ended = new Set<string>();
  for (const { topic, ranges } of topics) {
    for (const { partition, until } of ranges) {
      const key = jobPartitionKey({ topic, partition });
      const incarnation = finished.get(key);
      if (incarnation === undefined) continue;
      const offset = offsets.get(`${incarnation} ${key}`) ?? -1n;
      if (offset >= until || !answering.has(incarnation)) ended.add(key);
    }
  }
  return ended;
}

function hasNews(job: Job, finished: Finished | undefined): boolean {
  if (finished === undefined) return false;
  const done = new Set(job.progress.filter(({ isDone }) => isDone).map(jobPartitionKey));
  return [...finished.keys()].some((key) => !done.has(key));
}
