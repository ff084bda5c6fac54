import type { PartitionPhase } from './partition-state.js';

/** What one look at a partition shows. Source offsets. */
export interface Glance {
  readonly phase: PartitionPhase;
  /** It has begun at its position in this stay. */
  readonly started: boolean;
  readonly settledNext: number;
  /** Batches between source and target. */
  readonly batches: number;
  /** What is known of the source’s log; -1 unknown. */
  readonly sourceEnd: number;
  readonly highWatermark: number;
  /** It should be asked for at the source, and nobody knows whether there is more: it has no leader, or the leader does not answer. */
  readonly isBlind: boolean;
}

/** What is remembered of the looks before. */
export interface Watched {
  readonly settledNext: number;
  readonly started: boolean;
  /** When it last moved, or had nothing to do: monotonic ms. */
  readonly movedMs: number;
}

/** Is there something that this partition should be doing now? */
export function hasWork({ phase, settledNext, batches, sourceEnd, highWatermark, isBlind }: Glance): boolean {
  switch (phase) {
    case 'paused':
      return false;
    case 'starting':
    case 'restarting':
    case 'draining':
      return true;
    default:
      return batches > 0 || Math.max(sourceEnd, highWatermark) > settledNext || isBlind;
  }
}

/** Takes one look into account. Moving is settling records: what is only fetched, or begun anew again and again, has not moved. */
export function watched(before: Watched | undefined, glance: Glance, nowMs: number): Watched {
  const { settledNext, started } = glance;
  const moved = before === undefined || before.settledNext !== settledNext || before.started !== started;
  const movedMs = moved || !hasWork(glance) ? nowMs : before.movedMs;
  return { settledNext, started, movedMs };
}
