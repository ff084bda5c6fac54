import type { AuditRecord } from '../audit/record.js';
import { continuedAt } from '../audit/translation-truth.js';
import { type OffsetsLog, type OffsetsTopic, topics } from './offsets-log.js';

/** Those that both mirrors copy. */
export const SHARED_TOPICS: readonly OffsetsTopic[] = [
  topics.transactions,
  topics.compacted,
  topics.gaps,
  topics.reborn,
];

/** Positions of groups, and what becomes of readers that go on where they are translated to. */
export interface JudgedGroups {
  positions: number;
  /** Reads nothing again, and misses nothing. */
  exact: number;
  /** Reads something again. */
  behind: number;
  /** Misses something. */
  ahead: number;
  unanswered: number;
  /** Of positions before copying began: there is no right answer. Counted for ours. */
  before: number;
  /** Records, of all positions together, and of the worst. */
  rereads: number;
  worstRereads: number;
  skips: number;
  worstSkips: number;
}

/** Of so many groups, each with a position in every topic, evenly over it. */
export function positionsOf(log: OffsetsLog, topic: OffsetsTopic, groups: number): readonly number[] {
  const { end } = log.partition(topic);
  return Array.from({ length: groups }, (_, i) => Math.floor(((i + 1) * end) / groups) - 1);
}

/** Each record at the target with its source offset; -1: of the source's topic before it was made anew. */
export function copiesAt(source: readonly AuditRecord[], target: readonly AuditRecord[]) {
  const offsets = new Map(source.map(({ value, offset }) => [String(value), offset]));
  return target.map(({ value, offset }) => ({ offset, source: offsets.get(String(value)) ?? -1 }));
}

/** Adds up the answers. */
export class GroupTally {
  readonly judged: JudgedGroups = {
    positions: 0,
    exact: 0,
    behind: 0,
    ahead: 0,
    unanswered: 0,
    before: 0,
    rereads: 0,
    worstRereads: 0,
    skips: 0,
    worstSkips: 0,
  };

  /** @param answer the target position for the source position; undefined: none */
  add(target: ReturnType<typeof copiesAt>, position: number, answer: number | undefined): void {
    const { judged } = this;
    judged.positions += 1;
    if (answer === undefined) {
      judged.unanswered += 1;
      return;
    }
    const { rereads, skips } = continuedAt(target, position, answer);
    if (skips > 0) judged.ahead += 1;
    else if (rereads > 0) judged.behind += 1;
    else judged.exact += 1;
    judged.rereads += rereads;
    judged.skips += skips;
    judged.worstRereads = Math.max(judged.worstRereads, rereads);
    judged.worstSkips = Math.max(judged.worstSkips, skips);
  }
}
