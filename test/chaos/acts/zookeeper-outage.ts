import { setTimeout as sleep } from 'node:timers/promises';
import { partitionKey } from '../../../common/model/topic-partition.js';
import type { ProcessKind } from '../../demo/fleet.js';
import type { Act, Findings, Stage } from './act.js';
import { comesTrue } from './waiting.js';

/** How long the rate is measured while all is well. */
const BEFORE_MS = 45_000;
/** Moves that an outage brings about would come within this after its end: sessions, a new leader, takeover delays, a full compare. */
const AFTER_MS = 45_000;
const BACK_LIMIT_MS = 60_000;
/** What was written before the fleet ran is copied first: it is no part of the rate. */
const CAUGHT_UP_RECORDS = 2_000;
const CAUGHT_UP_LIMIT_MS = 60_000;
/** What copying must keep of its rate: reliability.md, goal 9. */
const LEAST_SHARE = 0.95;
const SLICE_MS = 10_000;

interface Rates {
  readonly writtenPerS: number;
  readonly copiedPerS: number;
}

/** ZooKeeper is killed under load and stays away; nobody can be told anything, and copying goes on as if nothing were. */
export class ZooKeeperOutage implements Act {
  readonly #stage: Stage;
  readonly #outageMs: number;
  readonly #troubles: string[] = [];
  #before: Rates = { writtenPerS: 0, copiedPerS: 0 };
  #during: Rates = { writtenPerS: 0, copiedPerS: 0 };
  /** The least of slices of ten seconds, as a share of what was written in them. */
  #leastShare = 1;
  #moves = 0;
  #changedOwners = 0;
  #failoverMs = -1;

  constructor(stage: Stage, outageMs: number) {
    this.#stage = stage;
    this.#outageMs = outageMs;
  }

  async perform(): Promise<void> {
    const { field, signal } = this.#stage;
    const { zooKeeper } = field.bed;
    await comesTrue(() => this.#behind() < CAUGHT_UP_RECORDS, CAUGHT_UP_LIMIT_MS, signal);
    this.#before = await this.#measure(BEFORE_MS);
    field.say(`before: ${this.#before.writtenPerS} records/s written, ${this.#before.copiedPerS} copied`);
    const owners = this.#owners();
    const movesBefore = await this.#movesSoFar();
    field.say(`SIGKILL to ZooKeeper, for ${Math.round(this.#outageMs / 1_000)} s`);
    await zooKeeper.kill();
    this.#during = await this.#measure(this.#outageMs, true);
    field.say(`during: ${this.#during.writtenPerS} records/s written, ${this.#during.copiedPerS} copied`);
    await zooKeeper.start();
    const backAt = performance.now();
    if (await comesTrue(() => this.#someoneLeads(), BACK_LIMIT_MS, signal)) {
      this.#failoverMs = Math.round(performance.now() - backAt);
      field.say(`ZooKeeper is back; somebody leads after ${this.#failoverMs} ms`);
    } else if (!signal.aborted) this.#troubles.push(`nobody leads ${BACK_LIMIT_MS} ms after ZooKeeper is back`);
    await this.#measure(AFTER_MS);
    const now = this.#owners();
    this.#changedOwners = [...owners].filter(([partition, owner]) => now.get(partition) !== owner).length;
    this.#moves = (await this.#movesSoFar()) - movesBefore;
    field.say(`${this.#moves} moves, ${this.#changedOwners} partitions have another owner`);
  }

  async findings(): Promise<Findings> {
    const share = this.#during.copiedPerS / Math.max(1, this.#during.writtenPerS);
    const reasons = [...this.#troubles];
    if (share < LEAST_SHARE) reasons.push(`copying kept ${Math.round(share * 100)} % of its rate`);
    if (this.#moves > 0 || this.#changedOwners > 0) reasons.push(`${this.#moves} needless moves`);
    const facts = {
      outageMs: this.#outageMs,
      writtenPerSBefore: this.#before.writtenPerS,
      copiedPerSBefore: this.#before.copiedPerS,
      writtenPerSDuring: this.#during.writtenPerS,
      copiedPerSDuring: this.#during.copiedPerS,
      leastSliceShare: Math.round(this.#leastShare * 1_000) / 1_000,
      movesAfter: this.#moves,
      changedOwners: this.#changedOwners,
      leaderBackMs: this.#failoverMs,
    };
    return { facts, reasons };
  }

  /** Records a second at the source and at the target. */
  async #measure(forMs: number, isOutage = false): Promise<Rates> {
    const { field, load, signal } = this.#stage;
    const now = () => ({ at: performance.now(), written: load.written, copied: field.sampler.copied });
    const start = now();
    let slice = start;
    while (performance.now() - start.at < forMs && !signal.aborted) {
      await sleep(Math.min(SLICE_MS, forMs), undefined, { signal }).catch(() => undefined);
      const end = now();
      const written = end.written - slice.written;
      if (isOutage && written > 0) this.#leastShare = Math.min(this.#leastShare, (end.copied - slice.copied) / written);
      slice = end;
    }
    const seconds = (slice.at - start.at) / 1_000;
    return {
      writtenPerS: Math.round((slice.written - start.written) / seconds),
      copiedPerS: Math.round((slice.copied - start.copied) / seconds),
    };
  }

  #behind(): number {
    return this.#stage.field.sampler.held.reduce((sum, { lagRecords }) => sum + Math.max(0, lagRecords), 0);
  }

  #owners(): Map<string, string> {
    const { held } = this.#stage.field.sampler;
    return new Map(held.map(({ topic, partition, worker }) => [partitionKey(topic, partition), worker]));
  }

  async #someoneLeads(): Promise<boolean> {
    return (await this.#sumOver('controller', 'causeway_leader')) === 1;
  }

  #movesSoFar(): Promise<number> {
    return this.#sumOver('controller', 'causeway_assignment_moves_total');
  }

  /** A metric's sum over its labels and all processes of the kind. */
  async #sumOver(kind: ProcessKind, metric: string): Promise<number> {
    const texts = await Promise.all(
      this.#stage.field.crew.awake(kind).map(async ({ url }) => (await fetch(`${url}/metrics`)).text()),
    );
    const values = texts.flatMap((text) => [...text.matchAll(new RegExp(`^${metric}(?:\\{.*\\})? (\\d+)$`, 'gm'))]);
    return values.reduce((sum, [, value]) => sum + Number(value), 0);
  }
}
