import { type PlanItemKind, TOPIC_ITEM_KINDS } from '../../common/model/plan-item.js';
import { planSubject } from '../../common/model/plan-subject.js';
import { isRetired, type Route } from '../../common/model/route.js';
import { DEFAULT_TOPIC_SYNC } from '../../common/model/topic-sync.js';
import type { Logger } from '../../common/observability/logger.js';
import type { Metrics } from '../../common/observability/metrics.js';
import type { Clock } from '../../common/runtime/clock.js';
import { mapLimited } from '../../common/runtime/map-limited.js';
import type { Random } from '../../common/runtime/random.js';
import { deletionSweep } from '../core/topic-deletion.js';
import type { LeaderWork, Term } from '../loop/leader-works.js';
import type { SourceMetadata } from '../metadata/ports.js';
import type { SyncStep } from './ports.js';
import type { TopicPart } from './topic-part.js';
import type { VanishedTopics } from './vanished-topics.js';

/** Routes that are new or changed are seen this soon. */
const LOOK_MS = 1_000;
/** Routes that are compared at once: a cluster that hangs keeps its own from it, no others. */
const MAX_VISITS = 16;
/** Topics under change at a target at once. */
const MAX_CHANGES = 8;
/** A route that could not be compared is tried again so soon, if its own interval is longer. */
const RETRY_MS = 15_000;

/** What is always told, though nothing of it is there. */
const KINDS: readonly PlanItemKind[] = [...TOPIC_ITEM_KINDS, 'config'];

export interface TopicSyncWorkDeps {
  readonly part: TopicPart;
  readonly vanished: VanishedTopics;
  readonly metadata: Pick<SourceMetadata, 'describe'>;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

interface Schedule {
  readonly route: Route;
  dueMs: number;
  isRunning: boolean;
  failing: boolean;
  held: string | undefined;
}

/**
 * The leader's part: compares every route's topics at its interval, tells what differs, changes configs, and deletes target topics whose source
 * is gone, where the route says so. Topics are made and grown by the reconciler, because copying waits for that.
 */
export class TopicSyncWork implements LeaderWork {
  readonly name = 'topic-sync';
  readonly #deps: TopicSyncWorkDeps;
  /** By route: topics that are gone and were told. */
  readonly #alerted = new Map<string, ReadonlySet<string>>();

  constructor(deps: TopicSyncWorkDeps) {
    this.#deps = deps;
  }

  async run(term: Term): Promise<void> {
    const { clock } = this.#deps;
    const schedules = new Map<string, Schedule>();
    const visits = new Set<Promise<void>>();
    try {
      while (!term.signal.aborted) {
        this.#follow(term, schedules);
        const nowMs = clock.monotonicMs();
        for (const schedule of schedules.values()) {
          if (schedule.isRunning || schedule.dueMs > nowMs || visits.size >= MAX_VISITS) continue;
          const visit = this.#visit(term, schedule).finally(() => {
            visits.delete(visit);
            // Removed meanwhile: what was just told of it is nobody's any more.
            if (!schedules.has(schedule.route.name)) this.#forget(schedule.route.name);
          });
          visits.add(visit);
        }
        await clock.sleep(LOOK_MS, term.signal);
      }
    } finally {
      await Promise.all(visits);
      for (const { route } of schedules.values()) this.#forget(route.name);
    }
  }

  /** A route as it is now; one that was written anew is compared at once. */
  #follow(term: Term, schedules: Map<string, Schedule>): void {
    const routes = new Map(term.routes().map((route) => [route.name, route]));
    for (const [name, { route }] of schedules) {
      if (routes.get(name) === route) continue;
      schedules.delete(name);
      if (!routes.has(name)) this.#forget(name);
    }
    for (const [name, route] of routes) {
      if (!schedules.has(name))
        schedules.set(name, { route, dueMs: 0, isRunning: false, failing: false, held: undefined });
    }
  }

  async #visit(term: Term, schedule: Schedule): Promise<void> {
    const { clock, random, logger } = this.#deps;
    const { route } = schedule;
    const { intervalMs } = (route.topicSync ?? DEFAULT_TOPIC_SYNC).configs;
    let restMs = intervalMs;
    schedule.isRunning = true;
    try {
      await this.#sync(term, schedule);
      if (schedule.failing) logger.info('sync.compared-again', { route: route.name });
      schedule.failing = false;
    } catch (error) {
      if (term.signal.aborted) return;
      if (!schedule.failing) logger.warn('sync.not-compared', { route: route.name, err: error });
      schedule.failing = true;
      restMs = Math.min(intervalMs, RETRY_MS);
    } finally {
      schedule.isRunning = false;
    }
    schedule.dueMs = clock.monotonicMs() + restMs * (0.9 + 0.2 * random.unit());
  }

  async #sync(term: Term, schedule: Schedule): Promise<void> {
    const { part } = this.#deps;
    const { route } = schedule;
    const entries = term.entries(route.name);
    const steps = await part.plan({ route, entries });
    this.#tell(route, steps);
    if (term.signal.aborted) return;
    const isAuto = route.metadata !== 'manual';
    if (isAuto)
      await this.#run(
        term,
        route,
        steps.filter(({ item }) => item.kind === 'config'),
      );
    const deletions = steps.filter(({ item }) => item.kind === 'topic-delete');
    const total = entries.filter((entry) => !isRetired(entry)).length;
    const due = await this.#dueDeletions(term, schedule, { deletions, total });
    // Not by settings of before: somebody may just have taken the policy back.
    if (isAuto && term.routes().includes(route)) await this.#run(term, route, due);
  }

  /** @returns the steps that may be run now */
  async #dueDeletions(
    term: Term,
    schedule: Schedule,
    { deletions, total }: { readonly deletions: readonly SyncStep[]; readonly total: number },
  ): Promise<readonly SyncStep[]> {
    const { vanished, metadata, clock, logger, metrics } = this.#deps;
    const { route } = schedule;
    const { deletion } = route.topicSync ?? DEFAULT_TOPIC_SYNC;
    const gone = deletions.flatMap(({ item }) =>
      'sourceTopic' in item && item.sourceTopic !== null ? [item.sourceTopic] : [],
    );
    const { clusterId } = await metadata.describe(route.source, []);
    const { since, returned } = await vanished.note(term, route.name, { gone, clusterId });
    for (const topic of returned) logger.info('source-topic.returned', { route: route.name, topic });
    if (deletion.policy !== 'ignore') this.#alert(route, since);
    metrics.set('causeway_source_topics_gone', gone.length, { route: route.name });
    const nowMs = clock.wallMs();
    const { due, held } = deletionSweep(deletion, since, { total, nowMs });
    const isHeld = deletion.policy === 'delete' && held !== undefined;
    metrics.set('causeway_deletions_held', isHeld ? gone.length : 0, { route: route.name });
    if (isHeld && schedule.held !== held) {
      const msg = `${held}: none of their target topics is deleted by itself; "causeway sync plan" shows them, "causeway sync apply" deletes them`;
      logger.error('deletions.held', { route: route.name, msg });
    }
    schedule.held = isHeld ? held : undefined;
    if (deletion.policy !== 'delete') return [];
    const names = new Set(due);
    return deletions.filter(
      ({ item, run }) => run !== undefined && 'sourceTopic' in item && names.has(item.sourceTopic ?? ''),
    );
  }

  /** Once for each topic and each time that it goes. */
  #alert(route: Route, since: ReadonlyMap<string, number>): void {
    const told = this.#alerted.get(route.name);
    for (const [topic, sinceMs] of since) {
      if (told?.has(topic)) continue;
      const { policy, delayMs } = (route.topicSync ?? DEFAULT_TOPIC_SYNC).deletion;
      const facts = { route: route.name, topic, cluster: route.source, since: new Date(sinceMs).toISOString(), policy };
      this.#deps.logger.warn('source-topic.gone', { ...facts, ...(policy === 'delete' ? { delayMs } : {}) });
    }
    this.#alerted.set(route.name, new Set(since.keys()));
  }

  async #run(term: Term, route: Route, steps: readonly SyncStep[]): Promise<void> {
    // Of one topic one after the other: brokers with ZooKeeper read and write its configs as a whole.
    await mapLimited([...byTopic(steps).values()], MAX_CHANGES, async (group) => {
      for (const step of group) await this.#change(term, route, step);
    });
  }

  async #change(term: Term, route: Route, { item, run }: SyncStep): Promise<void> {
    if (run === undefined || term.signal.aborted) return;
    const { logger, metrics } = this.#deps;
    const { kind, cluster, before, after } = item;
    const facts = { route: route.name, kind, cluster, subject: planSubject(item), before, after };
    try {
      await run(term.signal);
      metrics.inc('causeway_sync_changes_total', 1, { route: route.name, kind, outcome: 'done' });
      logger.info(kind === 'topic-delete' ? 'target-topic.deleted' : 'sync.changed', facts);
    } catch (error) {
      metrics.inc('causeway_sync_changes_total', 1, { route: route.name, kind, outcome: 'failed' });
      logger.warn('sync.change-failed', { ...facts, err: error });
    }
  }

  #tell(route: Route, steps: readonly SyncStep[]): void {
    const counts = new Map(KINDS.map((kind) => [kind, 0]));
    for (const { item } of steps) counts.set(item.kind, (counts.get(item.kind) ?? 0) + 1);
    for (const [kind, count] of counts)
      this.#deps.metrics.set('causeway_drift_items', count, { route: route.name, kind });
  }

  #forget(route: string): void {
    const { metrics } = this.#deps;
    for (const kind of KINDS) metrics.remove('causeway_drift_items', { route, kind });
    metrics.remove('causeway_source_topics_gone', { route });
    metrics.remove('causeway_deletions_held', { route });
    this.#alerted.delete(route);
  }
}

function byTopic(steps: readonly SyncStep[]): Map<string, SyncStep[]> {
  const groups = new Map<string, SyncStep[]>();
  for (const step of steps) {
    const topic = 'topic' in step.item && typeof step.item.topic === 'string' ? step.item.topic : '';
    const group = groups.get(topic);
    if (group === undefined) groups.set(topic, [step]);
    else group.push(step);
  }
  return groups;
}
