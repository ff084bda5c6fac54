import { setTimeout as sleep } from 'node:timers/promises';
import { KafkaCode } from '../../../common/kafka/wire/error-codes.js';
import type { LaneRecord } from '../../../common/model/worker.js';
import { traceWriters } from '../../audit/writers.js';
import { ProduceTap } from '../../proxy/produce-tap.js';
import { workerId } from '../crew.js';
import { linksOf } from '../field.js';
import { WORKERS } from '../plan.js';
import type { Act, Findings, Stage } from './act.js';
import { comesTrue } from './waiting.js';

/** What a worker sends within this is on its way when it is stopped; longer where that is nothing. */
const GATHER_MS = 400;
const GATHER_LIMIT_MS = 10_000;
/** One worker is left alone. */
const AT_ONCE = 2;
const WELL_LIMIT_MS = 60_000;
const ANSWERS_LIMIT_MS = 20_000;
const REJOIN_LIMIT_MS = 60_000;
const REFUSALS: ReadonlySet<number> = new Set([KafkaCode.INVALID_PRODUCER_EPOCH, KafkaCode.PRODUCER_FENCED]);

/** One worker that was stopped, and what its late batches met. */
interface Zombie {
  readonly worker: string;
  readonly lanes: readonly LaneRecord[];
  readonly takeoverMs: number;
  readonly late: number;
  /** With 47. */
  readonly refused: number;
  readonly accepted: number;
  readonly otherAnswers: number;
  /** Codes with which its lanes were refused a new epoch. */
  readonly reinitialised: readonly number[];
}

/**
 * Workers are stopped (SIGSTOP), two at a time, with batches on their way to the target; those arrive, and the worker goes on
 * (SIGCONT), when all its partitions move again under others. The zombie also asks for a new epoch of its lane.
 */
export class Zombies implements Act {
  readonly #stage: Stage;
  readonly #count: number;
  readonly #zombies: Zombie[] = [];
  readonly #troubles: string[] = [];

  readonly #limitMs: number;

  /** @param limitMs no more of them are made after this */
  constructor(stage: Stage, count: number, limitMs: number) {
    this.#stage = stage;
    this.#count = count;
    this.#limitMs = limitMs;
  }

  async perform(): Promise<void> {
    const untilMs = performance.now() + this.#limitMs;
    const isOver = (): boolean => this.#stage.signal.aborted || performance.now() >= untilMs;
    for (let made = 0; made < this.#count && !isOver(); made += AT_ONCE) {
      const numbers = Array.from({ length: Math.min(AT_ONCE, this.#count - made) }, (_, index) => made + index + 1);
      const workers = numbers.map((number) => workerId(number % WORKERS));
      if (await this.#wholeWith(workers)) await Promise.all(workers.map((worker) => this.#makeOne(worker)));
    }
  }

  async findings(): Promise<Findings> {
    const traces = await traceWriters(this.#stage.field.bed.target.bootstrapServers, this.#stage.field.topics);
    const lanes = this.#zombies.flatMap((zombie) => zombie.lanes);
    const ofLanes = lanes.map(({ producerId }) => traces.get(producerId));
    const sum = (of: (zombie: Zombie) => number): number => this.#zombies.reduce((total, one) => total + of(one), 0);
    const reinitialised = this.#zombies.flatMap((zombie) => zombie.reinitialised);
    const facts = {
      zombies: this.#zombies.length,
      zombiesWithLateBatches: this.#zombies.filter(({ late }) => late > 0).length,
      lateBatches: sum(({ late }) => late),
      refused47: sum(({ refused }) => refused),
      lateAccepted: sum(({ accepted }) => accepted),
      lateAnsweredOtherwise: sum(({ otherAnswers }) => otherAnswers),
      /** Their connection ended first: what the logs hold tells. */
      lateUnanswered: sum(({ late, refused, accepted, otherAnswers }) => late - refused - accepted - otherAnswers),
      reinitialised: reinitialised.length,
      reinitialisedRefused: reinitialised.filter((code) => REFUSALS.has(code)).length,
      zombieBatches: ofLanes.reduce((total, trace) => total + (trace?.batches ?? 0), 0),
      zombieMarkers: ofLanes.reduce((total, trace) => total + (trace?.markers ?? 0), 0),
      zombieBatchesBehindMarker: ofLanes.reduce((total, trace) => total + (trace?.behindMarker ?? 0), 0),
    };
    const reasons = [...this.#troubles];
    if (facts.zombies < this.#count) reasons.push(`${facts.zombies} of ${this.#count} zombies were made`);
    if (facts.zombiesWithLateBatches < facts.zombies) reasons.push('a zombie had nothing on its way');
    if (facts.lateAccepted > 0) reasons.push(`${facts.lateAccepted} late batches were accepted`);
    if (facts.lateAnsweredOtherwise > 0) reasons.push('a late batch was answered neither with 0 nor with 47');
    if (facts.reinitialisedRefused < facts.reinitialised) reasons.push('a zombie was given a new epoch');
    if (facts.zombieBatchesBehindMarker > 0) reasons.push('batches of a zombie lie behind the marker of its fence');
    if (ofLanes.some((trace) => (trace?.batches ?? 0) > 0 && trace?.markers === 0))
      reasons.push('a zombie’s lane has no marker');
    return { facts, reasons };
  }

  /** Everything runs, and each of these has something to lose. */
  async #wholeWith(workers: readonly string[]): Promise<boolean> {
    const { signal, field } = this.#stage;
    const isWell = (): boolean => {
      const { held } = field.sampler;
      const holds = (id: string): boolean => held.some(({ worker }) => worker === id);
      return workers.every(holds) && held.every(({ state }) => state === 'running');
    };
    const isSo = await comesTrue(isWell, WELL_LIMIT_MS, signal);
    if (!isSo && !signal.aborted) this.#troubles.push(`the fleet was not whole within ${WELL_LIMIT_MS} ms`);
    return isSo;
  }

  async #makeOne(worker: string): Promise<void> {
    const zombie = await this.#stop(worker);
    if (zombie === undefined) return;
    this.#zombies.push(zombie);
    const { late, refused, accepted, otherAnswers, takeoverMs } = zombie;
    this.#stage.field.say(
      `zombie ${this.#zombies.length}, ${worker}: taken over after ${takeoverMs} ms; ${late} late batches, ${refused} refused (47), ${accepted} accepted, ${otherAnswers} answered otherwise`,
    );
  }

  async #stop(worker: string): Promise<Zombie | undefined> {
    const { field, signal } = this.#stage;
    const lanes = (await field.lanes.lanesOf(worker)).filter(({ state }) => state === 'active');
    const { target } = linksOf(field, worker);
    const tap = new ProduceTap(target);
    for (const { tcp } of target) tcp.hold('toServer');
    try {
      await sleep(GATHER_MS);
      const isOnItsWay = (): boolean => lanes.some(({ producerId }) => tap.of(producerId).sent > 0);
      await comesTrue(isOnItsWay, GATHER_LIMIT_MS, signal);
      const taking = field.sampler.takeover(worker);
      const stopped = field.crew.stop(worker);
      try {
        const takeoverMs = (await taking) ?? -1;
        if (takeoverMs < 0) {
          if (!signal.aborted) this.#troubles.push(`${worker}: its partitions were not taken over within a minute`);
          return undefined;
        }
        const reinitialised = await this.#reinitialise(lanes);
        for (const { tcp } of target) tcp.release('toServer');
        field.crew.goOn(stopped);
        await comesTrue(() => lanes.every(({ producerId }) => isAnswered(tap, producerId)), ANSWERS_LIMIT_MS, signal);
        await this.#rejoined(worker, lanes);
        return { worker, lanes, takeoverMs, reinitialised, ...countOf(tap, lanes) };
      } finally {
        field.crew.goOn(stopped);
      }
    } finally {
      for (const { tcp } of target) tcp.release('toServer');
      tap.close();
    }
  }

  async #reinitialise(lanes: readonly LaneRecord[]): Promise<number[]> {
    const codes: number[] = [];
    for (const lane of lanes) {
      codes.push((await this.#stage.field.lanes.reinitialise(lane, lane.producerEpoch)).code);
    }
    return codes;
  }

  async #rejoined(worker: string, before: readonly LaneRecord[]): Promise<void> {
    const { field, signal } = this.#stage;
    const old = new Set(before.map(({ incarnation }) => incarnation));
    const isBack = async (): Promise<boolean> =>
      (await field.lanes.lanesOf(worker)).some(({ incarnation }) => !old.has(incarnation));
    if (!(await comesTrue(isBack, REJOIN_LIMIT_MS, signal)) && !signal.aborted)
      this.#troubles.push(`${worker} did not come back within ${REJOIN_LIMIT_MS} ms`);
  }
}

function isAnswered(tap: ProduceTap, producer: bigint): boolean {
  const { sent, accepted, refused } = tap.of(producer);
  return accepted + [...refused.values()].reduce((sum, count) => sum + count, 0) >= sent;
}

function countOf(
  tap: ProduceTap,
  lanes: readonly LaneRecord[],
): Pick<Zombie, 'late' | 'refused' | 'accepted' | 'otherAnswers'> {
  const counts = { late: 0, refused: 0, accepted: 0, otherAnswers: 0 };
  for (const { producerId } of lanes) {
    const { sent, accepted, refused } = tap.of(producerId);
    counts.late += sent;
    counts.accepted += accepted;
    for (const [code, count] of refused) {
      if (code === KafkaCode.INVALID_PRODUCER_EPOCH) counts.refused += count;
      else counts.otherAnswers += count;
    }
  }
  return counts;
}
