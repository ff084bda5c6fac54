import type { Logger } from '../../common/observability/logger.js';
import type { Metrics } from '../../common/observability/metrics.js';
import type { Clock } from '../../common/runtime/clock.js';
import type { NodeChange } from '../core/diff.js';
import type { Move, MoveReason } from '../core/plan-model.js';
import type { Planned, Promised } from '../core/view.js';

/** Moves that are remembered for whoever asks. */
const KEPT_MOVES = 500;
/** Moves of one write that are logged one by one; a join or a death of a large worker is summed up. */
const LOGGED_MOVES = 100;

/** A partition that was given to a worker. */
export interface DoneMove {
  /** Wall clock, ms. */
  readonly atMs: number;
  readonly route: string;
  readonly topic: string;
  readonly partition: number;
  readonly from: string | null;
  readonly to: string;
  readonly reason: MoveReason;
}

export interface MoveLogOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

/** Where partitions go that are on their way, and which moves were made lately and why; the leader's memory of one reign. */
export class MoveLog {
  readonly #options: MoveLogOptions;
  readonly #promised = new Map<string, Promised>();
  readonly #recent: DoneMove[] = [];

  constructor(options: MoveLogOptions) {
    this.#options = options;
  }

  get promised(): ReadonlyMap<string, Promised> {
    return this.#promised;
  }

  /** The latest last. */
  get recent(): readonly DoneMove[] {
    return this.#recent;
  }

  /** Remembers a write of ours. @returns the partitions that begin to move for their load's sake or because they are stuck */
  wrote(change: NodeChange, moves: ReadonlyMap<string, Move>, planned: ReadonlyMap<string, Planned>): string[] {
    const restless: string[] = [];
    for (const key of change.revoked) {
      const move = moves.get(key);
      if (move === undefined) continue;
      this.#promised.set(key, { to: move.to, reason: move.reason });
      if (move.reason === 'load' || move.reason === 'stuck') restless.push(key);
    }
    for (const key of change.added) this.#promised.delete(key);
    this.#record(change, moves, planned);
    return restless;
  }

  /** Forgets what nobody plans for any more. */
  keep(planned: ReadonlyMap<string, unknown>): void {
    for (const key of this.#promised.keys()) if (!planned.has(key)) this.#promised.delete(key);
  }

  #record(
    { worker, added }: NodeChange,
    moves: ReadonlyMap<string, Move>,
    planned: ReadonlyMap<string, Planned>,
  ): void {
    const { clock, logger, metrics } = this.#options;
    const atMs = clock.wallMs();
    const counts = new Map<MoveReason, number>();
    let logged = 0;
    for (const key of added) {
      const { from, reason } = moves.get(key) ?? { from: undefined, reason: 'new' as const };
      counts.set(reason, (counts.get(reason) ?? 0) + 1);
      const place = planned.get(key);
      if (place === undefined || reason === 'new') continue;
      const { topic, partition } = place;
      const move = { route: topic.route.name, topic: topic.topic, partition, from: from ?? null, to: worker, reason };
      this.#recent.push({ atMs, ...move });
      if (logged++ < LOGGED_MOVES) logger.info('partition.moved', move);
    }
    this.#recent.splice(0, this.#recent.length - KEPT_MOVES);
    for (const [reason, count] of counts) metrics.inc('causeway_assignment_moves_total', count, { reason });
    if (logged > LOGGED_MOVES) logger.info('partition.moved-more', { worker, ...Object.fromEntries(counts) });
  }
}
