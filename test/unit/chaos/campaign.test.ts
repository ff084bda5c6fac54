import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Campaign } from '../../chaos/campaign.js';
import { FAULT_KINDS, type FaultKind } from '../../chaos/catalogue.js';
import { DOERS } from '../../chaos/faults/doers.js';
import type { Doer, Field } from '../../chaos/field.js';
import type { PlannedFault } from '../../chaos/plan.js';

const fault = (number: number, kind: FaultKind, atMs: number, forMs: number): PlannedFault => ({
  number,
  kind,
  atMs,
  forMs,
  slot: 0,
  variant: 0,
});

/** A campaign whose faults only write down that they begin and are healed. */
function rehearsal(
  plan: readonly PlannedFault[],
  { healMs = 0, failing }: { healMs?: number; failing?: FaultKind } = {},
) {
  const log: string[] = [];
  const doer: Doer = async (_field, { kind }) => {
    if (kind === failing) throw new Error('no such broker');
    log.push(`${kind} begins`);
    return async () => {
      await sleep(healMs);
      log.push(`${kind} healed`);
    };
  };
  const doers = Object.fromEntries(FAULT_KINDS.map((kind) => [kind, doer])) as Record<FaultKind, Doer>;
  const interrupt = new AbortController();
  const field = { say: () => undefined } as unknown as Field;
  return { log, interrupt, campaign: new Campaign(plan, field, interrupt.signal, doers) };
}

describe('a plan carried out', () => {
  test('every fault that can be planned can be done', () => {
    assert.deepEqual(Object.keys(DOERS).sort(), [...FAULT_KINDS].sort());
  });

  test('faults begin and are healed at their times, and the run lasts as long as it should', async () => {
    const plan = [fault(1, 'kill-worker', 10, 100), fault(2, 'bounce-target', 50, 20)];
    const { log, campaign } = rehearsal(plan);
    const since = performance.now();
    await campaign.run(200);
    assert.ok(performance.now() - since >= 195);
    assert.deepEqual(log, ['kill-worker begins', 'bounce-target begins', 'bounce-target healed', 'kill-worker healed']);
    assert.equal(campaign.begun, 2);
    assert.deepEqual(campaign.troubles, []);
  });

  test('a fault that takes longer to heal than planned holds up the next one at the same place only', async () => {
    const plan = [fault(1, 'bounce-target', 0, 10), fault(2, 'kill-worker', 20, 10), fault(3, 'hang-target', 30, 10)];
    const { log, campaign } = rehearsal(plan, { healMs: 100 });
    await campaign.run(0);
    assert.ok(log.indexOf('kill-worker begins') < log.indexOf('bounce-target healed'));
    assert.ok(log.indexOf('bounce-target healed') < log.indexOf('hang-target begins'));
  });

  test('when it is ended early, what has begun is healed and nothing more begins', async () => {
    const { log, interrupt, campaign } = rehearsal([
      fault(1, 'kill-worker', 0, 60_000),
      fault(2, 'hang-source', 60_000, 9),
    ]);
    const running = campaign.run(120_000);
    await sleep(20);
    interrupt.abort();
    await running;
    assert.deepEqual(log, ['kill-worker begins', 'kill-worker healed']);
  });

  test('a fault that cannot be done is told, and the others go on', async () => {
    const plan = [fault(1, 'hang-source', 0, 5), fault(2, 'kill-worker', 10, 5)];
    const { log, campaign } = rehearsal(plan, { failing: 'hang-source' });
    await campaign.run(0);
    assert.deepEqual(log, ['kill-worker begins', 'kill-worker healed']);
    assert.match(campaign.troubles.join(), /#1 hang-source failed: Error: no such broker/);
  });
});
