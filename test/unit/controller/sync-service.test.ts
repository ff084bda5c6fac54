import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { CausewayError } from '../../../common/errors/error.js';
import type { PlanItem } from '../../../common/model/plan-item.js';
import { silentLogger } from '../../../common/observability/logger.js';
import { systemClock } from '../../../common/runtime/clock.js';
import type { SyncPart, SyncStep } from '../../../controller/sync/ports.js';
import { SyncService } from '../../../controller/sync/sync-service.js';
import { routeOf } from './kit.js';

const never = new AbortController().signal;

/** Values that should be; what was written is there. */
class World implements SyncPart {
  readonly name = 'values';
  readonly wanted = new Map<string, string>();
  readonly values = new Map<string, string>();
  readonly refused = new Set<string>();
  unreachable = false;
  writes = 0;

  plan(): Promise<readonly SyncStep[]> {
    if (this.unreachable) return Promise.reject(new CausewayError('CLUSTER_UNREACHABLE', 'no broker answers'));
    const steps = [...this.wanted].flatMap(([topic, value]): SyncStep[] => {
      const before = this.values.get(topic) ?? null;
      return before === value ? [] : [{ item: item(topic, before, value), run: () => this.#write(topic, value) }];
    });
    return Promise.resolve([...steps, { item: { ...item('told', null, null), action: 'report', applies: false } }]);
  }

  #write(topic: string, value: string): Promise<void> {
    this.writes++;
    if (this.refused.has(topic)) return Promise.reject(new CausewayError('KAFKA_ERROR', 'not allowed'));
    this.values.set(topic, value);
    return Promise.resolve();
  }
}

function item(topic: string, before: string | null, after: string | null): PlanItem {
  const names = { kind: 'config', name: 'retention.ms', topic, sourceTopic: topic } as const;
  return { ...names, action: 'change', cluster: 'west', before, after, reason: 'so', applies: true };
}

function serviceOf(...parts: readonly SyncPart[]): SyncService {
  return new SyncService({
    routes: { get: (name) => Promise.resolve({ route: routeOf(name), node: { version: 0, createdAt: 0n } }) },
    world: { entries: () => Promise.resolve([]) },
    parts,
    clock: systemClock,
    logger: silentLogger,
  });
}

describe('plan and apply', () => {
  test('what was seen is what is done; once done there is nothing left, and doing it again does nothing', async () => {
    const world = new World();
    world.wanted.set('a', '1').set('b', '2');
    const service = serviceOf(world);
    const plan = await service.plan('r', never);
    assert.deepEqual([plan.items.length, plan.more], [2, 0]);
    assert.equal((await service.drift('r', never)).items.length, 3);
    const { results } = await service.apply('r', plan.hash, never);
    assert.deepEqual(
      results.map(({ done }) => done),
      [true, true],
    );
    const rest = await service.plan('r', never);
    assert.equal(rest.items.length, 0);
    await assert.rejects(service.apply('r', plan.hash, never), { code: 'PRECONDITION_FAILED' });
    assert.deepEqual((await service.apply('r', rest.hash, never)).results, []);
    assert.equal(world.writes, 2);
  });

  test('anything else to do than was seen, and nothing is done', async () => {
    const world = new World();
    world.wanted.set('a', '1');
    const service = serviceOf(world);
    const { hash } = await service.plan('r', never);
    world.values.set('a', '0');
    await assert.rejects(service.apply('r', hash, never), { code: 'PRECONDITION_FAILED' });
    assert.equal(world.writes, 0);
  });

  test('what fails is told, and keeps nothing else from being done', async () => {
    const world = new World();
    world.wanted.set('a', '1').set('b', '2');
    world.refused.add('a');
    const service = serviceOf(world);
    const { results } = await service.apply('r', (await service.plan('r', never)).hash, never);
    assert.deepEqual(
      results.map(({ done, error }) => [done, error]),
      [
        [false, 'KAFKA_ERROR: not allowed'],
        [true, null],
      ],
    );
  });

  test('a part that cannot be read is named, and the others are planned', async () => {
    const dark = new World();
    dark.unreachable = true;
    const world = new World();
    world.wanted.set('a', '1');
    const { items, unread } = await serviceOf(dark, world).plan('r', never);
    assert.equal(items.length, 1);
    assert.deepEqual(unread, [{ part: 'values', message: 'CLUSTER_UNREACHABLE: no broker answers' }]);
  });

  test('of very many as many are done as were shown', async () => {
    const world = new World();
    for (let i = 0; i < 700; i++) world.wanted.set(`t${i}`, '1');
    const service = serviceOf(world);
    const plan = await service.plan('r', never);
    assert.deepEqual([plan.items.length, plan.more], [500, 200]);
    assert.equal((await service.apply('r', plan.hash, never)).results.length, 500);
    assert.equal((await service.plan('r', never)).items.length, 200);
  });
});
