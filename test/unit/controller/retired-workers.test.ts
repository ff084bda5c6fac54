import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeAssignment } from '../../../common/coordination/records/assignment.js';
import { encodeLane, encodeLiveWorker, encodeReport } from '../../../common/coordination/records/worker.js';
import { assignmentPath, lanePath, livePath, reportPath } from '../../../common/coordination/znodes.js';
import type { AssignmentItem } from '../../../common/model/assignment.js';
import { silentLogger } from '../../../common/observability/logger.js';
import { FleetRecords } from '../../../controller/loop/fleet-records.js';
import { RetiredWorkers } from '../../../controller/loop/retired-workers.js';
import { ownedItem } from '../model/samples.js';
import { ControllerKit, routeOf } from './kit.js';

const HOUR_MS = 3_600_000;

const item = ownedItem('t', 0);

test('the nodes of a worker that is away for an hour with nothing left are removed; all others stay', async () => {
  const kit = await ControllerKit.open();
  try {
    const { store } = kit;
    const write = async (worker: string, items: readonly AssignmentItem[], generation: number): Promise<void> => {
      const incarnation = `i-${worker}`;
      const assignment = { worker, incarnation, epoch: 1, generation, routes: [routeOf('r')], items, limits: [] };
      await store.create(assignmentPath(worker), encodeAssignment(assignment)[0] as Buffer);
      const report = { worker, incarnation, epoch: 1, generation, held: [], doubtful: [], started: [] };
      await store.create(reportPath(worker), encodeReport(report));
    };
    await write('gone', [], 57);
    await store.create(`${assignmentPath('gone')}/p1`, Buffer.alloc(0));
    await write('holds', [item], 3);
    await write('lives', [], 99);
    await write('fenced', [], 98);
    const live = { worker: 'lives', incarnation: 'i-lives', zone: '', capacity: 1, http: '', version: '' };
    await store.create(livePath('lives'), encodeLiveWorker({ ...live, startedAt: '', leaving: false }));
    const lane = { transactionalId: 'l', worker: 'fenced', incarnation: 'i-fenced', index: 0, target: 'west' };
    const rest = { producerId: 1n, producerEpoch: 0, state: 'fencing', http: '', createdAt: '' } as const;
    await store.create(lanePath('l'), encodeLane({ ...lane, ...rest }));

    const records = new FleetRecords(store, silentLogger);
    const reign = {
      write: async (ops: Parameters<typeof store.multi>[0]) => {
        const outcome = await store.multi(ops);
        assert.ok(outcome.applied, JSON.stringify(outcome));
        return outcome.versions;
      },
    };
    const retired = new RetiredWorkers({ reign, records });
    // Part nodes are listed for nodes that were written more than once.
    const node = await store.get(assignmentPath('gone'));
    await store.set(assignmentPath('gone'), node?.data as Buffer, 0);
    for (const [nowMs, expected] of [
      [0, false],
      [HOUR_MS - 1, false],
      [HOUR_MS, true],
      [2 * HOUR_MS, false],
    ] as const) {
      await records.refresh(true);
      assert.equal(await retired.remove(nowMs), expected, `at ${nowMs} ms`);
    }
    assert.deepEqual(await store.children('/assignments'), ['fenced', 'holds', 'lives']);
    assert.deepEqual(await store.children('/reports'), ['fenced', 'holds', 'lives']);
    assert.equal(retired.highestGeneration, 57, 'what it is told when it comes back must be above that');
  } finally {
    await kit.close();
  }
});
