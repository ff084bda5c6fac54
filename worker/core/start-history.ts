import type { Checkpoint } from '../../common/model/checkpoint.js';
import { FIRST_OF_TIMELINE, type MapChain, UNKNOWN_LINK } from '../../common/model/offset-map-record.js';
import { RunBook } from './run-book.js';
import type { StartFacts, StartPlan } from './start-position.js';
import type { WalkedRun } from './walk-runs.js';

const NOTHING_BEFORE: MapChain = { link: FIRST_OF_TIMELINE, entries: [] };
const UNKNOWN_BEFORE: MapChain = { link: UNKNOWN_LINK, entries: [] };

/**
 * The runs before the one that a new owner begins with, as far as the map topic need not have them: what the checkpoint names, and its own
 * run where it does not go on.
 * @param walked what a walk from the checkpoint on found, the checkpoint's runs included
 */
export function historyAtStart(
  { item, checkpoint }: Pick<StartFacts, 'item' | 'checkpoint'>,
  plan: StartPlan & { readonly kind: 'begin' },
  walked: MapChain | undefined,
): MapChain {
  if (checkpoint === undefined || checkpoint.timeline !== item.timeline) return NOTHING_BEFORE;
  const goesOn =
    plan.runSourceStart === checkpoint.runSourceStart &&
    plan.runTargetStart === checkpoint.runTargetStart &&
    plan.targetOffset === checkpoint.targetOffset;
  if (goesOn) return checkpoint.history ?? UNKNOWN_BEFORE;
  return walked ?? new WalkedRuns(checkpoint).chain();
}

/** The runs of a walk, behind those of the checkpoint that it starts from. */
export class WalkedRuns {
  readonly #checkpoint: Checkpoint;
  readonly #book = new RunBook();
  #next = 0;

  constructor(checkpoint: Checkpoint) {
    this.#checkpoint = checkpoint;
    this.#begin();
  }

  /** In order; from the beginning again where the walk starts over. */
  add({ source, target, length }: WalkedRun): void {
    if (source < this.#next) this.#begin();
    this.#book.stored({ sourceFirst: source, sourceOffsets: null, recordCount: length }, target);
    this.#next = source + length;
  }

  /** The walk only tells where copying goes on: what lies before that, behind the checkpoint, is lost. */
  lose(to: { readonly sourceOffset: bigint; readonly targetOffset: bigint }): void {
    this.#begin();
    this.#book.lose({ source: Number(to.sourceOffset), target: Number(to.targetOffset) });
  }

  chain(): MapChain {
    return this.#book.whole();
  }

  #begin(): void {
    const { runSourceStart, runTargetStart, targetOffset, sourceOffset, history = UNKNOWN_BEFORE } = this.#checkpoint;
    const length = Number(targetOffset - runTargetStart);
    this.#book.begin(history, { source: Number(runSourceStart), target: Number(runTargetStart), length });
    this.#next = Number(sourceOffset);
  }
}
