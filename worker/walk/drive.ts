import { CausewayError } from '../../common/errors/error.js';
import type { BatchView } from '../../common/kafka/wire/records/batch-scan.js';
import type { Clock } from '../../common/runtime/clock.js';
import type { LogFeed, WalkLogs } from './log-feed.js';

/** A walk shares its thread with partitions that are copied: it gives them a turn after this long. */
const MAX_TURN_MS = 10;

/** A pure reader of one or both logs, such as `Walk`. */
export interface LogMachine<R extends object> {
  readonly sourceReadFrom?: number;
  advance(): 'source' | 'target' | R;
  takeSource?(batch: BatchView, isAborted: boolean): void;
  sourceEnded?(): void;
  takeTarget?(batch: BatchView, isAborted: boolean): void;
  targetEnded?(): void;
}

export interface Driving {
  readonly logs: WalkLogs;
  readonly targetFrom: number;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Called whenever more of a log has been fetched. */
  readonly onFetched?: () => void;
}

/** One of the logs changed, or does not come, so that the machine cannot end. */
export interface Interrupted {
  readonly kind: 'interrupted';
  readonly log: 'source' | 'target';
  readonly why: 'gone' | 'stalled';
}

/** Feeds a machine until it has its result. @throws SHUTTING_DOWN, and what reading the logs or opening their batches throws */
export async function drive<R extends object>(machine: LogMachine<R>, driving: Driving): Promise<R | Interrupted> {
  const { logs, targetFrom, clock, signal } = driving;
  const feeds: { source?: LogFeed; target?: LogFeed } = {};
  let turnFromMs = clock.monotonicMs();
  try {
    for (;;) {
      const step = machine.advance();
      if (typeof step === 'object') return step;
      let feed: LogFeed;
      if (step === 'source') {
        const from = machine.sourceReadFrom ?? 0;
        feed = feeds.source ??= logs.source(from);
        feed.seek(from);
      } else {
        feed = feeds.target ??= logs.target(targetFrom);
      }
      const interrupted = await moved(machine, step, feed, driving);
      if (interrupted !== undefined) return interrupted;
      if (clock.monotonicMs() - turnFromMs < MAX_TURN_MS) continue;
      await clock.sleep(0);
      if (signal.aborted) throw shuttingDown();
      turnFromMs = clock.monotonicMs();
    }
  } finally {
    feeds.source?.close();
    feeds.target?.close();
  }
}

/** Gives the machine what it wants, or gets more of it. */
async function moved<R extends object>(
  machine: LogMachine<R>,
  log: 'source' | 'target',
  feed: LogFeed,
  { onFetched }: Driving,
): Promise<Interrupted | undefined> {
  if (feed.take()) {
    if (log === 'source') machine.takeSource?.(feed.batch, feed.isAborted);
    else machine.takeTarget?.(feed.batch, feed.isAborted);
    return undefined;
  }
  const state = await feed.fill();
  switch (state) {
    case 'more':
      onFetched?.();
      return undefined;
    case 'ended':
      if (log === 'source') machine.sourceEnded?.();
      else machine.targetEnded?.();
      return undefined;
    case 'gone':
    case 'stalled':
      return { kind: 'interrupted', log, why: state };
  }
}

export function shuttingDown(): CausewayError {
  return new CausewayError('SHUTTING_DOWN', 'the walk was given up');
}
