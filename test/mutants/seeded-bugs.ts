import type { Mutant } from './mutant.js';

/** Bugs as they are made: an offset off by one, a wait forgotten, a bit left standing. The fleet and the audit have to tell them. */
export const SEEDED_BUGS: readonly Mutant[] = [
  {
    name: 'aborted-delivered',
    does: 'copies what aborted transactions wrote',
    file: 'worker/core/batch-verdict.ts',
    edits: [{ from: 'if (aborted)', to: 'if (false)' }],
    caughtBy: { kind: 'demo', args: [], finds: 'phantom' },
  },
  {
    name: 'last-of-the-window-first',
    does: 'sends the newest waiting batch first',
    file: 'worker/core/partition-queue.ts',
    edits: [
      {
        from: "const batch = this.#batches.find((candidate) => candidate.state === 'queued');",
        to: "const batch = this.#batches.findLast((candidate) => candidate.state === 'queued');",
      },
    ],
    caughtBy: { kind: 'demo', args: [], finds: 'reordered' },
  },
  {
    name: 'checkpoint-ahead',
    does: 'commits what was fetched, not what the target acknowledged',
    file: 'worker/partition/mirrored-partition.ts',
    edits: [
      {
        from: 'sourceOffset: BigInt(this.queue.settledNext),',
        to: 'sourceOffset: BigInt(this.queue.fetchNext + 100),',
      },
    ],
    caughtBy: { kind: 'demo', args: ['--kill', 'worker', '--delivery', 'at-least-once'], finds: 'missing' },
  },
  {
    name: 'lost-counts-as-stored',
    does: 'forgets a batch whose answer never came',
    file: 'worker/partition/outlet.ts',
    edits: [
      {
        from: "this.#retry(batch, 'the connection to the target broker ended before the answer', true);",
        to: 'this.#stored(batch, -1, -1);',
      },
    ],
    caughtBy: {
      kind: 'test',
      file: 'test/integration/worker/broker-faults.test.ts',
      title: 'the target broker is killed and comes back',
    },
  },
  {
    name: 'head-of-batch-again',
    does: 'copies a batch whole though the position lies inside it',
    file: 'worker/core/batch-verdict.ts',
    edits: [{ from: 'if (batch.baseOffset < position)', to: 'if (false)' }],
    caughtBy: {
      kind: 'test',
      file: 'test/integration/worker/data-thread.test.ts',
      title: 'a start position inside a batch is honoured',
    },
  },
  {
    name: 'released-before-drained',
    does: 'lets a partition go while batches have no answer',
    file: 'worker/thread/handover.ts',
    edits: [{ from: 'held.outlet.drain(() => this.#save(held, next));', to: 'this.#save(held, next);' }],
    caughtBy: {
      kind: 'test',
      file: 'test/integration/worker/threads.test.ts',
      title: 'a partition changes threads under load',
    },
  },
  {
    name: 'wrong-checksum',
    does: 'sends the source’s checksum with a header of its own',
    file: 'worker/core/batch-image.ts',
    edits: [{ from: 'out.writeUInt32BE(crc, outAt + CRC_AT);', to: 'out.writeUInt32BE(oldCrc, outAt + CRC_AT);' }],
    caughtBy: { kind: 'demo', args: [], finds: 'missing' },
  },
  {
    name: 'compacted-passes-raw',
    does: 'passes a compacted batch as it is, holes and all',
    file: 'worker/core/batch-verdict.ts',
    edits: [{ from: 'if (batch.lastOffset - batch.baseOffset + 1 !== count)', to: 'if (false)' }],
    caughtBy: { kind: 'demo', args: ['--shapes', 'all'], finds: { fault: 'no batch took the way "recode compacted"' } },
  },
  {
    name: 'one-time-for-all',
    does: 'gives the records of a batch that is built anew one timestamp',
    file: 'common/kafka/wire/records/reshape.ts',
    edits: [
      {
        from: 'at = copyRecord(record, out, at, kept.count, flatten);',
        to: 'at = copyRecord(record, out, at, kept.count, true);',
      },
    ],
    caughtBy: { kind: 'demo', args: ['--shapes', 'all'], finds: { fault: 'different in timestamp' } },
  },
  {
    name: 'gap-not-declared',
    does: 'leaves records out without writing it down',
    file: 'worker/gap/gap-journal.ts',
    edits: [
      {
        from: 'const wallMs = clock.wallMs();',
        to: 'if (fleet) { declared(partition, pending); return; } const wallMs = clock.wallMs();',
      },
    ],
    caughtBy: { kind: 'demo', args: ['--shapes', 'all'], finds: { fault: 'missing' } },
  },
];
