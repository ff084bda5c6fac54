import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { byName } from '../../../controller/core/cluster-identity.js';
import { ConfigWords, type ConfigWriter, ConfigWriters } from '../../../controller/core/config-words.js';
import { routeOf } from '../../unit/controller/kit.js';

const cluster = fc.constantFrom('a', 'b', 'c', 'd', 'e');

const anyWriters: fc.Arbitrary<readonly ConfigWriter[]> = fc
  .uniqueArray(fc.record({ order: fc.nat(99), source: cluster, target: cluster, manual: fc.boolean() }), {
    maxLength: 14,
    selector: ({ order }) => order,
  })
  .map((edges) =>
    edges
      .filter(({ source, target }) => source !== target)
      .map(({ order, source, target, manual }) => ({
        route: routeOf(`r${order}`, { source, target, ...(manual ? { metadata: 'manual' } : {}) }),
        topic: 't',
      })),
  );

function holders(writers: readonly ConfigWriter[]): Map<string, ConfigWriter> {
  const words = new ConfigWords(writers, byName);
  const found = new Map<string, ConfigWriter>();
  for (const writer of writers) {
    if (words.rivalOf(writer) !== undefined) continue;
    assert.equal(found.has(writer.route.target), false, 'two write into one topic');
    found.set(writer.route.target, writer);
  }
  return found;
}

/** Where the topic’s values come from in the end. */
function origins(holding: ReadonlyMap<string, ConfigWriter>, at: string): string[] {
  const seen = [at];
  for (let next = holding.get(at); next !== undefined; next = holding.get(seen.at(-1) as string)) {
    assert.equal(seen.includes(next.route.source), false, `values go round: ${seen.join(' ')}`);
    seen.push(next.route.source);
  }
  return seen;
}

describe('the word on configs', () => {
  test('each topic has one writer, values come to rest, and who has no writer is where the others’ come from', () => {
    fc.assert(
      fc.property(anyWriters, (writers) => {
        const holding = holders(writers);
        for (const { route } of writers) {
          const above = origins(holding, route.source);
          if (!holding.has(route.target)) assert.ok(above.includes(route.target), `nobody writes into ${route.target}`);
        }
      }),
    );
  });

  test('is the same whether all are looked at or only those who contend for it', () => {
    fc.assert(
      fc.property(anyWriters, (writers) => {
        const all = new ConfigWords(writers, byName);
        for (const writer of writers) {
          const contenders = new ConfigWriters(writers, byName).contenders([writer]);
          const some = contenders.length === 0 ? undefined : new ConfigWords(contenders, byName).rivalOf(writer);
          assert.deepEqual(some, all.rivalOf(writer));
        }
      }),
    );
  });
});
