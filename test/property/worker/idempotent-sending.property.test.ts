import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { PartitionQueue, type QueuedBatch } from '../../../worker/core/partition-queue.js';
import { produceVerdict } from '../../../worker/core/produce-verdict.js';
import { Lane } from '../../../worker/lane/lane.js';
import { queued } from '../../unit/worker/core/queued-batch.js';

/** What a broker does with batches of one idempotent producer (ProducerStateManager): five remembered, sequences dense. */
class ModelBroker {
  readonly log: QueuedBatch[] = [];
  #next = -1;

  append(batch: QueuedBatch): { code: number; baseOffset: number } {
    const known = this.log.slice(-5).find((stored) => stored.baseSequence === batch.baseSequence);
    if (known !== undefined) return { code: 0, baseOffset: known.sourceFirst };
    if (this.#next !== -1 && batch.baseSequence !== this.#next) return { code: 45, baseOffset: -1 };
    this.log.push(batch);
    this.#next = (batch.baseSequence + batch.recordCount) % 2 ** 31;
    return { code: 0, baseOffset: batch.sourceFirst };
  }
}

/** What happens to one request: answered, refused before it is stored, stored but the answer lost, or lost on the way. */
const fate = fc.constantFrom('ok', 'ok', 'ok', 'refused', 'answer-lost', 'request-lost');
const TARGET = 'topic-0';

function lane(): Lane {
  return new Lane({
    transactionalId: 'causeway.f.w.i.0',
    worker: 'w',
    incarnation: 'i',
    index: 0,
    target: 't',
    producerId: 7n,
    producerEpoch: 0,
    state: 'active',
    http: '',
    createdAt: '',
  });
}

describe('queue, lane and verdict against a model of the broker', () => {
  test('whatever is refused or lost, the log ends up with every batch once, in order, and is never told a wrong sequence for long', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 9 }), { maxLength: 25 }),
        fc.array(fate, { maxLength: 120 }),
        (sizes, fates) => {
          const queue = new PartitionQueue(0);
          const identity = lane();
          const broker = new ModelBroker();
          let offset = 0;
          for (const size of sizes) {
            queue.push(queued(offset, size));
            offset += size;
          }
          const inFlight: QueuedBatch[] = [];
          let step = 0;
          for (let guard = 0; !queue.drained; guard++) {
            assert.ok(guard < 5_000, 'it must end');
            const window = identity.window(TARGET, 0);
            for (let batch = queue.next(window); batch !== undefined; batch = queue.next(window)) {
              if (batch.baseSequence < 0) batch.baseSequence = identity.takeSequence(TARGET, batch.recordCount);
              queue.markSent(batch);
              inFlight.push(batch);
            }
            assert.ok(inFlight.length > 0, 'something must be on its way while the queue is not empty');
            const outcome = fates[step++] ?? 'ok';
            if (outcome === 'answer-lost' || outcome === 'request-lost') {
              // The connection ends: everything in flight is in doubt; what the broker had read before that is stored.
              const reached = outcome === 'answer-lost' ? inFlight.length : 0;
              inFlight.slice(0, reached).forEach((batch) => void broker.append(batch));
              for (const batch of inFlight.splice(0)) queue.requeue(batch);
              continue;
            }
            const batch = inFlight.shift() as QueuedBatch;
            const { code, baseOffset } = outcome === 'refused' ? { code: 19, baseOffset: -1 } : broker.append(batch);
            const verdict = produceVerdict(code, queue.behindRefused(batch));
            if (verdict.kind === 'stored') {
              identity.acked(TARGET, 0);
              queue.ack(batch, baseOffset);
            } else {
              assert.ok(verdict.kind === 'retry' || verdict.kind === 'follow', `unexpected ${verdict.kind}`);
              queue.requeue(batch);
            }
          }
          assert.deepEqual(
            broker.log.map((batch) => batch.sourceFirst),
            startsOf(sizes),
          );
          assert.equal(queue.settledNext, offset);
        },
      ),
      { numRuns: 1_000 },
    );
  });
});

function startsOf(sizes: readonly number[]): number[] {
  let next = 0;
  return sizes.map((size) => {
    const start = next;
    next += size;
    return start;
  });
}
