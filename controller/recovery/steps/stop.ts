import type { StoreOp } from '../../../common/coordination/ports.js';
import { encodeTopicEntry } from '../../../common/coordination/records/desired.js';
import { topicPath } from '../../../common/coordination/znodes.js';
import type { TopicEntry } from '../../../common/model/route.js';
import type { StepOutcome } from '../../core/recovery-state.js';
import type { Stored } from '../fleet-lens.js';
import { entriesLeft, entriesOf, type LegSide, sideOf } from '../legs.js';
import type { StepContext, StepHandler } from '../ports.js';
import { within } from '../within.js';

const WRITES_PER_MULTI = 500;

/**
 * Nobody copies the topics any more: their entries are retired, and the program waits until no worker has any of them. An item goes from
 * a worker's node only after its release was reported, or its lanes are fenced (exactly-once.md 7.2, 7.3).
 */
export const stop: StepHandler = {
  async look(context) {
    const side = await sideOf(context);
    const holding = await context.world.fleet.holders(side.from.name, new Set(side.topics));
    const partitions = holding.reduce((sum, one) => sum + one.partitions, 0);
    return { kind: 'done', evidence: { topics: side.topics.length, workers: holding.length, partitions } };
  },

  async run(context): Promise<StepOutcome> {
    const side = await sideOf(context);
    await retire(context, side);
    // An assignment that was decided on before must not be written after we have looked.
    const { stopTimeoutMs } = context.recovery.options;
    if (!context.memo.has('seen')) await within(context, stopTimeoutMs, 'looking again', context.term.lookAgain());
    context.memo.set('seen', true);
    const holding = await context.world.fleet.holders(side.from.name, new Set(side.topics));
    const rows = holding.map(({ worker, partitions }) => ({ worker, partitions }));
    const evidence = {
      topics: side.topics.length,
      workers: holding.length,
      tookMs: Math.round(context.elapsedMs),
      rows,
    };
    if (holding.length === 0) return { kind: 'done', evidence };
    const message = `${holding.map(({ worker }) => worker).join(', ')} not released yet`;
    if (context.elapsedMs > stopTimeoutMs) {
      return { kind: 'failed', message: `${message}: see the workers' state, then resume or abort`, evidence };
    }
    return { kind: 'again', message, evidence };
  },

  async undo(context) {
    const side = await sideOf(context);
    const count = await unretire(context, side);
    return `${count} topics are copied again on route ${side.from.name}`;
  },
};

async function retire(context: StepContext, side: LegSide): Promise<void> {
  const { recovery, world, term } = context;
  const retired = { by: recovery.id, at: new Date(world.clock.wallMs()).toISOString() };
  const due = (await entriesOf(context, side)).filter(({ value }) => value.retired === undefined);
  await write(
    term,
    due.map((entry) => setOf(entry, { ...entry.value, retired })),
  );
}

/** Those that this program retired, whatever an operator removed meanwhile. @returns how many */
export async function unretire(context: StepContext, side: LegSide): Promise<number> {
  const entries = [...(await entriesLeft(context, side)).values()];
  const due = entries.filter(({ value }) => value.retired?.by === context.recovery.id);
  await write(
    context.term,
    due.map((entry) => {
      const { retired: _retired, ...rest } = entry.value;
      return setOf(entry, rest);
    }),
  );
  return due.length;
}

function setOf({ value, version }: Stored<TopicEntry>, next: TopicEntry): StoreOp {
  return { type: 'set', path: topicPath(value.route, value.topic), data: encodeTopicEntry(next), version };
}

async function write(term: StepContext['term'], ops: readonly StoreOp[]): Promise<void> {
  for (let from = 0; from < ops.length; from += WRITES_PER_MULTI) {
    await term.write(ops.slice(from, from + WRITES_PER_MULTI));
  }
}
