import type { PartitionMap } from '../../common/model/offset-map.js';
import { inverse, translate } from '../../common/model/offset-map-lookup.js';
import type { AuditRecord } from './record.js';

/** How translations compare with what both logs hold, every source offset asked about. */
export interface TranslationVerdict {
  readonly asked: number;
  /** Copied records whose copy was named, and those for which anything else was. */
  readonly exact: number;
  readonly wrong: number;
  /** Positions without a record of their own that were answered with the next copied one. */
  readonly holes: number;
  /** Answers behind which copied records lie that a consumer at the position had not read: it would miss them. */
  readonly skips: number;
  /** Records that consumers would read again, over all positions. */
  readonly rereads: number;
  /** No answer. */
  readonly unanswered: number;
  /** Copies whose inverse is not their source offset. */
  readonly inverseWrong: number;
  readonly firstProblem: string | undefined;
}

type Records = readonly Pick<AuditRecord, 'offset' | 'value'>[];

/** Where each record of the source was copied to last; records are told apart by their values. */
export function copiesOf(source: Records, target: Records): Map<number, number> {
  const at = new Map(target.map(({ value, offset }) => [String(value), offset]));
  const copies = new Map<number, number>();
  for (const { value, offset } of source) {
    const copy = at.get(String(value));
    if (copy !== undefined) copies.set(offset, copy);
  }
  return copies;
}

/**
 * Asks about every source offset of [from, to).
 * @param answer the target position for a source position; undefined: none
 */
function judgeTranslations(
  copies: ReadonlyMap<number, number>,
  { from, to }: { readonly from: number; readonly to: number },
  answer: (offset: number) => { readonly position: number; readonly isExact: boolean } | undefined,
): Omit<TranslationVerdict, 'inverseWrong'> {
  const counts = { asked: 0, exact: 0, wrong: 0, holes: 0, skips: 0, rereads: 0, unanswered: 0 };
  const targets = [...copies].sort((a, b) => a[0] - b[0]);
  let next = 0;
  let firstProblem: string | undefined;
  for (let offset = from; offset < to; offset += 1) {
    counts.asked += 1;
    while (next < targets.length && (targets[next] as [number, number])[0] < offset) next += 1;
    // The first copy of anything that a consumer at the position has not read.
    const due = targets[next]?.[1];
    const copy = copies.get(offset);
    const given = answer(offset);
    if (given === undefined) {
      counts.unanswered += 1;
      firstProblem ??= `source offset ${offset} has no answer`;
      continue;
    }
    if (copy !== undefined && given.isExact && given.position === copy) counts.exact += 1;
    else if (copy !== undefined || given.isExact) counts.wrong += 1;
    else counts.holes += 1;
    if (due !== undefined && given.position > due) counts.skips += 1;
    const behind = due ?? given.position;
    if (given.position < behind) counts.rereads += readAgain(targets, next, given.position);
    if ((copy !== undefined && given.position !== copy) || (due !== undefined && given.position > due)) {
      firstProblem ??= `source offset ${offset} was answered ${given.position}, its copy is ${copy ?? 'none'}, due is ${due}`;
    }
  }
  return { ...counts, firstProblem };
}

/** Copies from the position on that lie before the `next`th. */
function readAgain(targets: readonly (readonly [number, number])[], next: number, position: number): number {
  let count = 0;
  for (let i = next - 1; i >= 0 && (targets[i] as readonly [number, number])[1] >= position; i -= 1) count += 1;
  return count;
}

/** The same by a map of ours, and every copy asked about the other way round. */
export function judgeMap(
  map: PartitionMap,
  copies: ReadonlyMap<number, number>,
  range: { readonly from: number; readonly to: number },
): TranslationVerdict {
  const verdict = judgeTranslations(copies, range, (offset) => {
    const found = translate(map, BigInt(offset));
    if (found.kind === 'unknown' || found.kind === 'before-mirror') return undefined;
    return { position: Number(found.offset), isExact: found.kind === 'exact' };
  });
  let inverseWrong = 0;
  for (const [source, target] of copies) {
    const found = inverse(map, BigInt(target));
    if (found.kind !== 'exact' || found.offset !== BigInt(source)) inverseWrong += 1;
  }
  return { ...verdict, inverseWrong };
}
