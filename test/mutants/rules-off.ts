import type { Catcher, Mutant } from './mutant.js';

const INTEGRATION = 'test/integration';
const UNIT = 'test/unit';

function test(file: string, title: string): Catcher {
  return { kind: 'test', file: `${file}.test.ts`, title };
}

/** Rules of the ownership protocol, each switched off. test/model has the shortest way to the damage, this has the product itself. */
export const RULE_MUTANTS: readonly Mutant[] = [
  {
    name: 'unregistered-lane',
    rule: '2.2',
    does: 'gives a lane out before its node is written',
    file: 'worker/lane/lane-pool.ts',
    edits: [{ from: 'await this.#deps.register(record);', to: 'void this.#deps.register(record);' }],
    caughtBy: test(
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
    caughtBy: test(`${UNIT}/kafka/fencing/fence-lane`, 'by a bare call behind FindCoordinator'),
  },
  {
    name: 'fenced-owner-goes-on',
    rule: '2.5',
    does: 'takes 47 for a refusal that passes',
    file: 'worker/core/produce-verdict.ts',
    edits: [{ from: 'if (code === 47 || code === 90)', to: 'if (code === 90)' }],
    caughtBy: test(`${INTEGRATION}/worker/exactly-once`, '5.8, 2.5 an owner that goes on'),
  },
  {
    name: 'no-renewal',
    rule: '2.6',
    does: 'never renews a lane’s id',
    file: 'worker/lane/lane-renewals.ts',
    edits: [{ from: 'if (lane.dead || signal.aborted || !isDue())', to: 'if (true)' }],
    caughtBy: test(`${INTEGRATION}/worker/exactly-once`, '2.5, 2.6 a lane renews its id'),
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
    caughtBy: test(`${INTEGRATION}/worker/data-thread`, 'A to B to A: sequences go on where they were'),
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
    caughtBy: test(`${INTEGRATION}/worker/lost-answers`, '3.2 the first batch of a producer is refused'),
  },
  {
    name: 'doubt-under-new-numbers',
    rule: '3.3',
    does: 'sends a batch in doubt again under the next sequence numbers',
    file: 'worker/core/partition-queue.ts',
    edits: [{ from: 'batch.resend = true;', to: 'batch.resend = true; batch.image = undefined;' }],
    caughtBy: test(
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
    caughtBy: test('test/property/worker/idempotent-sending.property', 'whatever is refused or lost'),
  },
  {
    name: 'out-of-order-is-stored',
    rule: '3.4',
    does: 'takes 45 for a duplicate',
    file: 'worker/core/produce-verdict.ts',
    edits: [{ from: 'if (code === 0 || code === 46)', to: 'if (code === 0 || code === 46 || code === 45)' }],
    caughtBy: test('test/property/worker/idempotent-sending.property', 'whatever is refused or lost'),
  },
  {
    name: 'surprise-ignored',
    rule: '3.4',
    does: 'goes on when a batch lands where it should not',
    file: 'worker/partition/outlet.ts',
    edits: [{ from: "if (partition.route.delivery !== 'exactly-once' || partition.suspect)", to: 'if (true)' }],
    caughtBy: test(`${INTEGRATION}/worker/exactly-once`, '3.4 somebody else writes into the target'),
  },
  {
    name: 'numbers-for-other-bytes',
    rule: '3.5',
    does: 'drops a refused batch, and takes its numbers back, while older ones are in doubt',
    file: 'worker/partition/outlet.ts',
    edits: [{ from: 'if (fault !== undefined && queue.oldest === fault.batch) {', to: 'if (fault !== undefined) {' }],
    caughtBy: test(
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
      { from: 'checkpoint !== undefined && checkpoint.timeline === item.timeline', to: 'checkpoint !== undefined' },
    ],
    caughtBy: test(`${UNIT}/worker/core/start-position`, '4.2 a checkpoint of another timeline is void'),
  },
  {
    name: 'begun-twice',
    rule: '4.4',
    does: 'takes a missing checkpoint for a first start',
    file: 'worker/core/start-position.ts',
    edits: [{ from: 'if (item.started) {', to: 'if (false) {' }],
    caughtBy: test(`${UNIT}/worker/core/start-position`, '4.4 a missing checkpoint of a partition that has started'),
  },
  {
    name: 'any-producer-id',
    rule: '5.2',
    does: 'fences without comparing the producer id',
    file: 'common/kafka/fencing/take-over.ts',
    edits: [{ from: 'if (answer.producerId !== lane.producerId)', to: 'if (false)' }],
    caughtBy: test(`${UNIT}/kafka/fencing/fence-lane`, 'another producer id fences nobody'),
  },
  {
    name: 'one-bad-topic',
    rule: '5.3',
    does: 'gives up the fence of all for a partition that is not there',
    file: 'common/kafka/fencing/add-partitions.ts',
    edits: [{ from: 'const bad = open.filter((item) => DROPPED.has(codeOf(item)));', to: 'const bad = [];' }],
    caughtBy: test(`${INTEGRATION}/kafka/fencing`, '5.3 a topic deleted during a fence (3) does not stop the others'),
  },
  {
    name: 'marker-above-high-watermark',
    rule: '5.5',
    does: 'takes a marker that is not replicated yet for the proof',
    file: 'common/kafka/fencing/find-abort-marker.ts',
    edits: [{ from: 'while (cursor.next() && cursor.lastOffset < highWatermark) {', to: 'while (cursor.next()) {' }],
    caughtBy: test(
      `${UNIT}/kafka/fencing/marker-search`,
      '5.5 what is not below the high watermark proves nothing yet',
    ),
  },
  {
    name: 'checkpoint-lane-unfenced',
    rule: '5.8',
    does: 'does not fence the lane that the checkpoint names',
    file: 'worker/partition/takeover.ts',
    edits: [{ from: 'return checkpoint.released || lanes.owns(checkpoint.lane);', to: 'return true;' }],
    caughtBy: test(`${INTEGRATION}/worker/exactly-once`, '5.8, 2.5 an owner that goes on'),
  },
  {
    name: 'no-walk',
    rule: '6.1',
    does: 'resumes at the checkpoint instead of behind the last record that is there',
    file: 'worker/core/start-position.ts',
    edits: [{ from: 'if (facts.exactlyOnce && !closed)', to: 'if (false)' }],
    caughtBy: test(`${INTEGRATION}/worker/exactly-once`, '5.5, 6.3 owners die one after the other'),
  },
  {
    name: 'foreign-batches-count',
    rule: '6.4',
    does: 'walks over a stranger’s batches as if they were its own',
    file: 'worker/core/walk-target.ts',
    edits: [{ from: 'if (!ours.has(writer)) {', to: 'if (false) {' }],
    caughtBy: test('test/property/worker/walk.property', 'stops in front of a stranger’s batch'),
  },
  {
    name: 'gap-after-the-fact',
    rule: '6.5',
    does: 'sends what lies behind a gap before the gap is written down',
    file: 'worker/core/partition-queue.ts',
    edits: [{ from: 'if (this.#declaring || this.#sent >= window', to: 'if (this.#sent >= window' }],
    caughtBy: test(`${UNIT}/worker/partition/refusals`, 'is written down when everything before it has its answer'),
  },
  {
    name: 'any-incarnation',
    rule: '7.1',
    does: 'takes an assignment that names another incarnation',
    file: 'worker/supervisor/assignment-reader.ts',
    edits: [{ from: 'assignment.incarnation !== mine || incarnation() !== mine', to: 'incarnation() !== mine' }],
    caughtBy: test(`${UNIT}/worker/supervisor/assignment-reader`, '7.1 an assignment for another incarnation'),
  },
  {
    name: 'acquire-before-release',
    rule: '7.2',
    does: 'gives a partition to the next worker while the last one has it',
    file: 'controller/core/diff.ts',
    edits: [{ from: 'if (blocked.has(key))', to: 'if (false)' }],
    caughtBy: test('test/property/controller/handoff', 'whatever happens in whatever order'),
  },
  {
    name: 'any-report-releases',
    rule: '7.3',
    does: 'takes a report of an older generation for a release',
    file: 'controller/core/holders.ts',
    edits: [{ from: 'compareAssignments(report.stamp, revokedBy) < 0', to: 'false' }],
    caughtBy: test(
      `${UNIT}/controller/reign`,
      'a report of an older generation, or of another incarnation, releases nothing',
    ),
  },
  {
    name: 'older-generations-count',
    rule: '7.4',
    does: 'goes back to an older generation of its assignment',
    file: 'worker/supervisor/assignment-reader.ts',
    edits: [{ from: 'if (compareAssignments(assignment, this.#highest) <= 0)', to: 'if (false)' }],
    caughtBy: test(`${UNIT}/worker/supervisor/assignment-reader`, '7.4 the highest epoch and generation seen is kept'),
  },
];
