import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { TopicEntry } from '../../../common/model/route.js';
import { systemClock } from '../../../common/runtime/clock.js';
import type { ClusterSnapshot } from '../../../controller/metadata/ports.js';
import { RouteRegistries } from '../../../controller/schemas/route-registries.js';
import { TopicGuard } from '../../../controller/schemas/topic-guard.js';
import { FakeRegistry } from './fake-registry.js';
import { clusterWith, schemaRoute } from './registry-kit.js';

const ROUTE = schemaRoute({ mode: 'topic' });
const ENTRY: TopicEntry = {
  ...{ route: ROUTE.name, topic: '_schemas', partitions: 'all', paused: false, skips: [], limits: {} },
  addedAt: '2026-01-01T00:00:00Z',
};

/** Findings about a topic of so many partitions, with a registry at the target that answers so. */
async function findings(partitions: number, registry: FakeRegistry, entries: readonly TopicEntry[] = [ENTRY]) {
  const info = { topicId: null, partitions, replicationFactor: 1 };
  const snapshot: ClusterSnapshot = { clusterId: null, brokers: 1, topics: new Map([['_schemas', info]]) };
  const clusters = new Map([['west', clusterWith('west', registry.url)]]);
  const guard = new TopicGuard({
    clusters,
    registries: new RouteRegistries(clusters, systemClock),
    metadata: { describe: () => Promise.resolve(snapshot) },
    world: { routes: () => Promise.resolve([ROUTE]) },
  });
  return await guard.findings({ route: ROUTE, entries });
}

describe('a registry’s topic is looked at while it is mirrored', () => {
  const leads = (available: boolean) => (_method: string, path: string) =>
    path === '/master_available' ? { status: 200, text: JSON.stringify({ master_available: available }) } : undefined;

  test('a registry of Karapace’s kind that leads at the target is told; one that follows is not', async () => {
    for (const [isLeader, expected] of [
      [true, 1],
      [false, 0],
    ] as const) {
      const registry = await FakeRegistry.start({ answer: leads(isLeader), hasModes: false });
      try {
        const found = await findings(1, registry);
        assert.equal(found.length, expected, found.join());
        if (isLeader) assert.match(found[0] ?? '', /master_eligibility=false/);
      } finally {
        await registry.stop();
      }
    }
  });

  test('one that does not tell whether it leads, or does not answer, is not accused', async () => {
    const registry = await FakeRegistry.start();
    assert.deepEqual(await findings(1, registry), []);
    await registry.stop();
    assert.deepEqual(await findings(1, registry), []);
  });

  test('several partitions, and an entry that is missing, paused or retired, are told', async () => {
    const registry = await FakeRegistry.start();
    try {
      assert.match((await findings(3, registry))[0] ?? '', /3 partitions/);
      for (const entries of [[], [{ ...ENTRY, paused: true }]]) {
        assert.match((await findings(1, registry, entries))[0] ?? '', /is not mirrored/);
      }
    } finally {
      await registry.stop();
    }
  });
});
