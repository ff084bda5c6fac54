import type { Stall, StallCode } from '../../common/model/stalls.js';
import type { Logger } from '../../common/observability/logger.js';
import type { Clock, Timer } from '../../common/runtime/clock.js';
import { takesRecords } from '../core/partition-state.js';
import { blamelessText, stallCause } from '../core/stall-cause.js';
import type { IntakeFacts, SourceFacts, StallFacts } from '../core/stall-facts.js';
import { type Watched, watched } from '../core/stall-watch.js';
import type { MirroredPartition } from '../partition/mirrored-partition.js';
import type { Starter } from '../partition/starter.js';
import type { Held, HeldPartitions } from './held-partitions.js';
import type { OpenTransactions } from './open-transactions.js';
import type { Sides } from './sides.js';
import type { Throttle } from './throttle.js';

const MAX_LOOK_INTERVAL_MS = 1_000;
/** Looks within `stallAfterMs`. */
const LOOKS_PER_STALL = 4;
/** The evidence of what is stalled already is renewed this often. */
const RENEWAL_MS = 5_000;
/** Nothing may seem to block a partition for a moment, between two steps: it takes this many looks in a row. */
const BLIND_LOOKS = 3;
/** Lines of the log in one look; more are counted in one line. */
const MAX_LINES = 20;

export interface WatchdogDeps {
  readonly held: HeldPartitions;
  readonly sides: Sides;
  readonly throttle: Throttle;
  readonly starter: Pick<Starter, 'stepOf'>;
  readonly transactions: Pick<OpenTransactions, 'find'>;
  readonly mayWrite: () => boolean;
  readonly stallAfterMs: number;
  /** A partition stalled, for this cause. */
  readonly stalled: (partition: MirroredPartition, code: StallCode) => void;
  /** A partition was pushed although nothing blocked it: a bug. */
  readonly kicked: (partition: MirroredPartition) => void;
  readonly clock: Clock;
  readonly logger: Logger;
}

interface Entry {
  seen: Watched;
  /** When the cause was last looked for. */
  lookedMs: number;
  /** Looks in a row that found nothing that blocks it. */
  blindLooks: number;
}

/** Finds partitions of one thread that have something to do and do not move, names what blocks them, and pushes those that nothing blocks. */
export class Watchdog {
  readonly #deps: WatchdogDeps;
  readonly #intervalMs: number;
  readonly #entries = new WeakMap<MirroredPartition, Entry>();
  #timer: Timer | undefined;
  #lines = 0;

  constructor(deps: WatchdogDeps) {
    this.#deps = deps;
    this.#intervalMs = Math.min(MAX_LOOK_INTERVAL_MS, deps.stallAfterMs / LOOKS_PER_STALL);
    this.#schedule();
  }

  close(): void {
    this.#timer?.cancel();
  }

  #schedule(): void {
    this.#timer = this.#deps.clock.after(this.#intervalMs, () => {
      this.#schedule();
      this.#look();
    });
  }

  #look(): void {
    const { clock, held, logger } = this.#deps;
    const nowMs = clock.monotonicMs();
    this.#lines = 0;
    for (const one of held.values()) {
      try {
        this.#watch(one, nowMs);
      } catch (error) {
        this.#say('watchdog.failed', one.partition, { err: error }, 'error');
      }
    }
    if (this.#lines > MAX_LINES) logger.warn('partition.stalls-unlisted', { count: this.#lines - MAX_LINES });
  }

  #watch(held: Held, nowMs: number): void {
    const { partition } = held;
    const { phase, started, sourceEnd, sourceHighWatermark: highWatermark, queue } = partition;
    const known = {
      phase,
      started,
      settledNext: partition.arrivedNext,
      batches: queue.length,
      sourceEnd,
      highWatermark,
    };
    const entry = this.#entries.get(partition);
    const seen = watched(entry?.seen, { ...known, isBlind: this.#isBlind(held) }, nowMs);
    if (entry === undefined) this.#entries.set(partition, { seen, lookedMs: Number.NEGATIVE_INFINITY, blindLooks: 0 });
    else entry.seen = seen;
    const standsMs = nowMs - seen.movedMs;
    if (entry === undefined || standsMs < this.#deps.stallAfterMs) this.#moves(partition, entry);
    else this.#stands(held, entry, nowMs);
  }

  #moves(partition: MirroredPartition, entry: Entry | undefined): void {
    if (entry !== undefined) {
      entry.lookedMs = Number.NEGATIVE_INFINITY;
      entry.blindLooks = 0;
    }
    if (partition.stall === undefined) return;
    const { code } = partition.stall;
    partition.on({ type: 'move' });
    this.#say('partition.moves-again', partition, { code });
  }

  #stands(held: Held, entry: Entry, nowMs: number): void {
    const { partition } = held;
    const renewalMs = Math.min(RENEWAL_MS, this.#deps.stallAfterMs);
    if (entry.blindLooks === 0 && partition.stall !== undefined && nowMs - entry.lookedMs < renewalMs) return;
    entry.lookedMs = nowMs;
    const facts = this.#facts(held, nowMs);
    const cause = stallCause(facts);
    if (cause !== undefined) {
      entry.blindLooks = 0;
      this.#stall(partition, { ...cause, since: this.#sinceOf(entry, nowMs) });
      return;
    }
    entry.blindLooks += 1;
    if (entry.blindLooks < BLIND_LOOKS) return;
    entry.blindLooks = 0;
    const since = this.#sinceOf(entry, nowMs);
    this.#stall(partition, { code: 'lost-wake-up', message: blamelessText(facts), since });
    this.#kick(held);
  }

  #stall(partition: MirroredPartition, stall: Stall): void {
    const before = partition.stall?.code;
    partition.on({ type: 'stall', stall });
    if (before === stall.code) return;
    this.#deps.stalled(partition, stall.code);
    this.#say('partition.stalled', partition, { code: stall.code, since: stall.since, msg: stall.message });
  }

  /** As if both sides had news. */
  #kick({ partition, intake, outlet, copying }: Held): void {
    const { sides, kicked } = this.#deps;
    kicked(partition);
    this.#say('partition.kicked', partition, { msg: partition.stall?.message }, 'error');
    sides.of(partition.route).target.writer.ready(outlet);
    if (!copying) return;
    const reader = sides.reader(partition.route);
    reader.remove(intake);
    reader.add(intake);
  }

  #sinceOf({ seen }: Entry, nowMs: number): string {
    return new Date(this.#deps.clock.wallMs() - (nowMs - seen.movedMs)).toISOString();
  }

  #say(
    event: string,
    { item }: MirroredPartition,
    more: Readonly<Record<string, unknown>>,
    level: 'warn' | 'error' = 'warn',
  ): void {
    this.#lines += 1;
    if (this.#lines > MAX_LINES) return;
    const { route, topic, partition } = item;
    this.#deps.logger[level](event, { route, topic, partition, ...more });
  }

  /** Something should be read, and nobody would hear of it. */
  #isBlind(held: Held): boolean {
    const { partition, intake, copying } = held;
    if (!copying || !takesRecords(partition.phase)) return false;
    return intake.isFailing || this.#deps.sides.reader(partition.route).isBlind(intake);
  }

  #source({ partition, intake }: Held): SourceFacts {
    return this.#deps.sides.reader(partition.route).facts(intake);
  }

  #facts(held: Held, nowMs: number): StallFacts {
    const { sides, throttle, starter, mayWrite } = this.#deps;
    const { partition, intake, outlet } = held;
    const { phase, reason, route, lane, queue } = partition;
    const { target } = sides.of(route);
    const laneTransaction = partition.transactional ? target.transactions.factsOf(partition) : undefined;
    const { limit, isStarved } = throttle.waitOf(partition);
    const source = this.#source(held);
    const waitsForMemory = isStarved || (source.isStarved && queue.drained);
    const offsets = this.#offsets(partition, intake.facts);
    return {
      nowMs,
      phase,
      reason,
      startFault: partition.startFault,
      startStep: starter.stepOf(partition),
      // Between two transactions a lane has no identity that lives.
      isLaneDead: laneTransaction?.isDead ?? lane?.dead === true,
      isLaneUnconfirmed: this.#isUnconfirmed(partition, nowMs),
      mayWrite: mayWrite(),
      isJudging: partition.judging,
      batches: queue.length,
      unanswered: queue.unanswered,
      unansweredSinceMs: outlet.unansweredSinceMs,
      isUncommitted: partition.arrivedNext < queue.settledNext,
      laneTransaction,
      isDeclaring: queue.oldest?.gap !== undefined,
      checkpointFault: target.checkpoints.faultOf(partition),
      target: target.writer.facts(outlet),
      intake: intake.facts,
      source,
      limit,
      memory: waitsForMemory ? throttle.memory : undefined,
      ...offsets,
    };
  }

  #isUnconfirmed({ lane, route }: MirroredPartition, nowMs: number): boolean {
    if (lane === undefined || route.delivery !== 'exactly-once') return false;
    return !this.#deps.sides.of(route).target.confirms(lane, nowMs);
  }

  #offsets(
    partition: MirroredPartition,
    { isWanted }: IntakeFacts,
  ): Pick<StallFacts, 'position' | 'lastStableOffset' | 'highWatermark' | 'transaction'> {
    const { sourceEnd, sourceHighWatermark: highWatermark, route, queue } = partition;
    const isCommittedOnly = route.isolation === 'read_committed';
    const isBehindTransaction =
      isCommittedOnly && isWanted && sourceEnd <= queue.fetchNext && highWatermark > sourceEnd;
    return {
      position: queue.fetchNext,
      lastStableOffset: isCommittedOnly ? sourceEnd : -1,
      highWatermark,
      transaction: isBehindTransaction ? this.#deps.transactions.find(partition) : undefined,
    };
  }
}
