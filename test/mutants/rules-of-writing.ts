import { INTEGRATION, type Mutant, testNamed, UNIT } from './mutant.js';

/** Rules 2 to 4 of the ownership protocol (lanes, sequences, checkpoints), each switched off. test/model has the shortest way to the damage. */
export const WRITING_MUTANTS: readonly Mutant[] = [
  {
    name: 'unregistered-lane',
    rule: '2.2',
    does: 'gives a lane out before its node is written',
    file: 'worker/lane/lane-pool.ts',
    edits: [{ from: 'await deps.register(record);', to: 'void deps.register(record);' }],
    caughtBy: testNamed(
      `${UNIT}/worker/lane/lane`,
      '2.2, 2.3 a lane is initialised once and registered before anybody gets it',
    ),
  },
  {
    name: 'fence-with-epoch',
    rule: '2.3',
    does: 'fences with the lane’s own producer id and epoch instead of a bare call',
    file: 'common/kafka/fencing/take-over.ts',
    edits: [
      {
        from: 'const request = bareInit(lane.transactionalId);',
        to: 'const request = { ...bareInit(lane.transactionalId), producerId: lane.producerId, producerEpoch: lane.producerEpoch };',
      },
    ],
    caughtBy: testNamed(`${UNIT}/kafka/fencing/fence-lane`, 'by a bare call behind FindCoordinator'),
  },
  {
    name: 'fenced-owner-goes-on',
    rule: '2.5',
    does: 'takes 47 for a refusal that passes',
    file: 'worker/core/produce-verdict.ts',
    edits: [{ from: 'if (code === 47 || code === 90)', to: 'if (code === 90)' }],
    caughtBy: { kind: 'simulation', seeds: 150 },
  },
  {
    name: 'no-renewal',
    rule: '2.6',
    does: 'never renews a lane’s id',
    file: 'worker/lane/lane-renewals.ts',
    edits: [{ from: '|| !isDue())', to: '|| true)' }],
    caughtBy: testNamed(`${INTEGRATION}/worker/exactly-once`, '2.5, 2.6 a lane renews its id'),
  },
  {
    name: 'unconfirmed-lane-writes-on',
    rule: '2.6',
    does: 'writes under a lane whose renewal nobody has confirmed for hours',
    file: 'worker/lane/lane-renewals.ts',
    edits: [{ from: 'clock.monotonicMs() - lane.confirmedMs >= maxUnconfirmedMs();', to: 'false;' }],
    caughtBy: testNamed(
      `${UNIT}/worker/lane/lane-renewals`,
      '2.6 a lane whose renewal nobody confirms for too long is stopped',
    ),
  },
  {
    name: 'lease-ignored',
    rule: '2.7',
    does: 'writes on after its session is over',
    file: 'worker/produce/produce-channel.ts',
    edits: [{ from: 'this.#ready.size > 0 && this.#deps.mayProduce()', to: 'this.#ready.size > 0' }],
    caughtBy: testNamed(`${INTEGRATION}/worker/data-thread`, 'the lease ends: not one more record reaches the target'),
  },
  {
    name: 'sequences-forgotten',
    rule: '3.1',
    does: 'forgets a partition’s sequence numbers when it leaves the lane',
    file: 'worker/lane/lane.ts',
    edits: [
      {
        from: 'this.#partitions.delete(targetKey);',
        to: 'this.#partitions.delete(targetKey); this.#sequences.delete(targetKey);',
      },
    ],
    caughtBy: { kind: 'simulation', seeds: 60 },
  },
  {
    name: 'warm-from-the-start',
    rule: '3.2',
    does: 'has five batches under way before the target knows the producer',
    file: 'worker/lane/lane.ts',
    edits: [
      {
        from: 'nowMs - lastAckMs < COLD_AFTER_MS ? MAX_IN_FLIGHT_PER_PARTITION : 1',
        to: 'MAX_IN_FLIGHT_PER_PARTITION',
      },
    ],
    caughtBy: testNamed(`${INTEGRATION}/worker/lost-answers`, '3.2 the first batch of a producer is refused'),
  },
  {
    name: 'old-records-in-a-window',
    rule: '3.2',
    does: 'has several batches under way whose producer the target may forget at once',
    file: 'worker/partition/doubt-guard.ts',
    edits: [{ from: 'return stamps.some(', to: 'return false && stamps.some(' }],
    caughtBy: testNamed(
      `${UNIT}/worker/partition/doubt`,
      '3.2 records so old that the target may forget their producer',
    ),
  },
  {
    name: 'doubt-under-new-numbers',
    rule: '3.3',
    does: 'sends a batch in doubt again under the next sequence numbers',
    file: 'worker/core/partition-queue.ts',
    edits: [{ from: 'batch.resend = true;', to: 'batch.resend = true; batch.image = undefined;' }],
    caughtBy: testNamed(
      `${INTEGRATION}/worker/lost-answers`,
      'whose answers were lost with the connection are there once, in order',
    ),
  },
  {
    name: 'new-before-doubt',
    rule: '3.3',
    does: 'sends new batches while one is in doubt',
    file: 'worker/core/partition-queue.ts',
    edits: [
      {
        from: 'return batch !== undefined && this.#resending && !batch.resend ? undefined : batch;',
        to: 'return batch;',
      },
    ],
    caughtBy: testNamed(
      `${UNIT}/worker/core/partition-queue`,
      'after a refusal nothing goes out until all answers are in',
    ),
  },
  {
    name: 'old-records-repeated',
    rule: '3.3',
    does: 'sends old records in doubt again, to a target that may have forgotten who sent them',
    file: 'worker/core/doubt.ts',
    edits: [{ from: 'if (isForgettable(maxTimestampMs, terms)) {', to: 'if (false) {' }],
    caughtBy: testNamed(`${UNIT}/worker/partition/doubt`, '3.3 old records in doubt are never sent again'),
  },
  {
    name: 'out-of-order-is-stored',
    rule: '3.4',
    does: 'takes 45 for a duplicate',
    file: 'worker/core/produce-verdict.ts',
    edits: [{ from: 'if (code === 0 || code === 46)', to: 'if (code === 0 || code === 46 || code === 45)' }],
    caughtBy: testNamed('test/property/worker/idempotent-sending.property', 'whatever is refused or lost'),
  },
  {
    name: 'surprise-ignored',
    rule: '3.4',
    does: 'goes on when a batch lands where it should not',
    file: 'worker/partition/outlet.ts',
    edits: [{ from: 'if (why === undefined || partition.suspect)', to: 'if (true)' }],
    caughtBy: testNamed(`${INTEGRATION}/worker/exactly-once`, '3.4 somebody else writes into the target'),
  },
  {
    name: 'numbers-for-other-bytes',
    rule: '3.5',
    does: 'drops a refused batch, and takes its numbers back, while older ones are in doubt',
    file: 'worker/partition/outlet.ts',
    edits: [{ from: 'if (fault !== undefined && queue.oldest === fault.batch) {', to: 'if (fault !== undefined) {' }],
    caughtBy: testNamed(
      `${UNIT}/worker/partition/outlet`,
      'an older batch in doubt gets its answer before a refused one is acted on',
    ),
  },
  {
    name: 'any-timeline',
    rule: '4.2',
    does: 'takes up a checkpoint of another timeline',
    file: 'worker/core/start-position.ts',
    edits: [
      {
        from: 'if (checkpoint !== undefined && checkpoint.timeline === item.timeline)',
        to: 'if (checkpoint !== undefined)',
      },
    ],
    caughtBy: testNamed(`${UNIT}/worker/core/start-position`, '4.2 a checkpoint of another timeline is void'),
  },
  {
    name: 'one-group-for-all-timelines',
    rule: '4.2',
    does: 'keeps the pairs of all timelines in one place, where a late commit replaces a later one',
    file: 'common/model/checkpoint.ts',
    edits: [{ from: 'timeline <= FIRST_TIMELINE ? group :', to: 'true ? group :' }],
    caughtBy: testNamed(
      `${INTEGRATION}/worker/exactly-once`,
      '4.2 a late commit of an old timeline replaces no pair of a later one',
    ),
  },
  {
    name: 'fetch-before-the-first-pair',
    rule: '4.3',
    does: 'begins to copy without having written its first pair',
    file: 'worker/partition/starter.ts',
    edits: [
      {
        from: 'const committed = await target.positionsOf(first).flush(begun);',
        to: 'const committed = new Set(begun);',
      },
    ],
    caughtBy: testNamed(`${INTEGRATION}/worker/exactly-once`, '5.5, 6.3 owners die one after the other'),
  },
  {
    name: 'begun-twice',
    rule: '4.4',
    does: 'takes a missing checkpoint for a first start',
    file: 'worker/core/start-position.ts',
    edits: [{ from: 'if (item.started) {', to: 'if (false) {' }],
    caughtBy: testNamed(
      `${UNIT}/worker/core/start-position`,
      '4.4 a missing checkpoint of a partition that has started',
    ),
  },
];
