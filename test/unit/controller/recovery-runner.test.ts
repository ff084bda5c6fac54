import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { StoreOp } from '../../../common/coordination/ports.js';
import { decodeRecovery, encodeRecovery } from '../../../common/coordination/records/recovery.js';
import { CausewayError } from '../../../common/errors/error.js';
import type { Recovery, RecoveryOptions } from '../../../common/model/recovery.js';
import { silentLogger } from '../../../common/observability/logger.js';
import { Metrics } from '../../../common/observability/metrics.js';
import { programOf } from '../../../controller/core/recovery-program.js';
import { abortOrdered, stepBegun, stepEnded } from '../../../controller/core/recovery-state.js';
import type { Term } from '../../../controller/loop/leader-works.js';
import { HANDLERS } from '../../../controller/recovery/handlers.js';
import type { RecoveryWorld, StepHandler } from '../../../controller/recovery/ports.js';
import { ProgramRunner } from '../../../controller/recovery/program-runner.js';

const AT = '2026-01-01T00:00:00.000Z';
const OPTIONS = {
  ...{ confirm: [], fencePrincipals: ['User:app'], stillMs: 100, drainTimeoutMs: 1_000, stopTimeoutMs: 1_000 },
  ...{ force: false, reverseCopy: true, switchBack: true, quarantineSuffix: '', readOnlySource: false, groups: true },
  sampleRecords: 1,
} satisfies RecoveryOptions;

/** A program in a store of one node, with time that passes as fast as it is slept. */
function world(start: Recovery) {
  let node = { data: encodeRecovery(start), version: 1 };
  let nowMs = 0;
  const clock = {
    wallMs: () => Date.parse(AT) + nowMs,
    monotonicMs: () => nowMs,
    after: () => () => undefined,
    sleep: (delayMs: number, signal?: AbortSignal) => {
      // A bound that is waited for beside something else does not end by itself here.
      if (delayMs >= 30_000) return new Promise<void>((done) => signal?.addEventListener('abort', () => done()));
      nowMs += delayMs;
      return Promise.resolve();
    },
  };
  const end = new AbortController();
  const term = {
    signal: end.signal,
    write: ([op]: readonly StoreOp[]) => {
      if (op?.type === 'set') node = { data: op.data, version: op.version + 1 };
      return Promise.resolve([node.version]);
    },
  } as unknown as Term;
  const parts = { logger: silentLogger, metrics: new Metrics({ version: 'test', role: 'controller' }), clock };
  const store = { get: () => Promise.resolve(node) };
  return {
    run: (handlers: Partial<Record<keyof typeof HANDLERS, StepHandler>>) =>
      new ProgramRunner(start.id, {
        world: { ...parts, store } as unknown as RecoveryWorld,
        term,
        handlers: { ...HANDLERS, ...handlers },
      }).run(),
    read: () => decodeRecovery(node.data, '/recoveries/x'),
    now: () => nowMs,
  };
}

/** Given up when it had come so far. */
function givenUp(): Recovery {
  let recovery: Recovery = {
    ...{
      id: 'switchover-1',
      kind: 'switchover',
      route: 'r',
      topics: ['t'],
      asked: [],
      options: OPTIONS,
      dryRun: false,
    },
    ...{ state: 'running', createdAt: AT, updatedAt: AT, steps: programOf('switchover', OPTIONS, []), confirmed: [] },
    ...{ facts: { out: {}, back: {} }, audit: [] },
  };
  for (const id of ['survey', 'rpo', 'fence-producers', 'quiet', 'drain', 'stop']) {
    recovery = stepEnded(stepBegun(recovery, id, AT), id, { kind: 'done' }, AT);
  }
  return abortOrdered(recovery, 'the source died', AT);
}

const undoing = (undo: StepHandler['undo']): StepHandler => ({
  look: () => Promise.reject(new Error('not asked')),
  run: () => Promise.reject(new Error('not asked')),
  ...(undo === undefined ? {} : { undo }),
});

describe('what a step notes', () => {
  test('is written down before it acts, and known to whoever takes it back after it broke off', async () => {
    const { state: _state, ...rest } = givenUp();
    const bed = world({ ...rest, state: 'running' });
    const fence = { cluster: 'east', topics: ['t'], principals: ['User:app'] };
    let writtenWhenItActed: unknown;
    const settle: StepHandler = {
      ...undoing(undefined),
      run: async ({ note }) => {
        await note({ fences: [fence], schemasResumed: 'back' });
        writtenWhenItActed = bed.read().facts.out;
        throw new CausewayError('KAFKA_ERROR', 'refused half-way');
      },
    };
    await bed.run({ settle });
    assert.deepEqual(writtenWhenItActed, { fences: [fence], schemasResumed: 'back' });
    assert.deepEqual([bed.read().state, bed.read().facts.out.fences], ['failed', [fence]]);
  });
});

describe('a program that is given up', () => {
  test('ends though a cluster does not answer: what could not be undone is said, the rest is', async () => {
    const bed = world(givenUp());
    let asked = 0;
    const unreachable = (): Promise<string> => {
      asked += 1;
      return Promise.reject(new CausewayError('CLUSTER_UNREACHABLE', 'no broker of cluster east could be used'));
    };
    const stop = undoing(() => Promise.resolve('1 topics are copied again'));
    await bed.run({ 'fence-producers': undoing(unreachable), stop });
    const { state, audit } = bed.read();
    assert.equal(state, 'aborted');
    const detail = audit.at(-1)?.detail ?? '';
    assert.match(detail, /^stop: 1 topics are copied again; fence-producers: not undone: CLUSTER_UNREACHABLE/);
    assert.ok(asked > 10, 'it was tried for a while');
    assert.ok(bed.now() >= 60_000 && bed.now() < 70_000);
  });

  test('is not over while the store does not answer: topics are not left behind', async () => {
    const bed = world(givenUp());
    const lost = () => Promise.reject(new CausewayError('COORDINATION_UNAVAILABLE', 'ZooKeeper does not answer'));
    await assert.rejects(bed.run({ stop: undoing(lost) }), { code: 'COORDINATION_UNAVAILABLE' });
    assert.equal(bed.read().state, 'aborting', 'it is taken up again');
  });
});
