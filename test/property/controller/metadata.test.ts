import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isCycle, type NamingPolicy, originalTopic, sourceName, targetName } from '../../../common/model/naming.js';
import type { TopicConfig, TopicConfigs } from '../../../common/model/topic-config.js';
import { configDifferences } from '../../../controller/core/config-diff.js';

const NAME = fc.stringMatching(/^[ab._-]{1,6}(heartbeats)?$/);
const ALIAS = fc.constantFrom('a', 'b', 'ab', 'east');
const SEPARATOR = fc.constantFrom('.', '_', '-', '__');
const SIMPLE: fc.Arbitrary<NamingPolicy> = fc.oneof(
  fc.constant({ policy: 'identity' } as const),
  SEPARATOR.map((separator) => ({ policy: 'default', separator }) as const),
  fc.constantFrom('{topic}', '{source}.{topic}', '{topic}-{source}', 'x{topic}y').map((template) => {
    return { policy: 'template', template } as const;
  }),
);

test('what a policy names it finds again, and claims nothing that it would name otherwise', () => {
  fc.assert(
    fc.property(ALIAS, SIMPLE, NAME, NAME, (source, naming, topic, other) => {
      const route = { source, naming };
      assert.equal(sourceName(route, targetName(route, topic)), topic);
      const claimed = sourceName(route, other);
      if (claimed !== undefined) assert.equal(targetName(route, claimed), other);
    }),
  );
});

test('a topic that went round by default naming is known for a cycle at every cluster it has been to', () => {
  fc.assert(
    fc.property(fc.stringMatching(/^[a-z]{1,5}$/), fc.array(ALIAS, { minLength: 1, maxLength: 6 }), (topic, hops) => {
      const name = hops.reduce<string>(
        (at, source) => targetName({ source, naming: { policy: 'default', separator: '.' } }, at),
        topic,
      );
      for (const cluster of ['a', 'b', 'ab', 'east'] as const)
        assert.equal(isCycle(name, cluster), hops.includes(cluster));
      assert.equal(originalTopic(name), topic);
    }),
  );
});

const VALUE = fc.constantFrom('1', '2', '3');
const CONFIG = fc.record({
  value: VALUE,
  isOwn: fc.boolean(),
  isReadOnly: fc.constant(false),
  isSensitive: fc.boolean(),
});
const CONFIGS: fc.Arbitrary<TopicConfigs> = fc
  .dictionary(fc.constantFrom('a', 'b', 'c', 'd', 'e'), CONFIG)
  .map((found) => new Map(Object.entries(found).map(([name, config]) => [name, { name, ...config }])));
const DEFAULTS: Readonly<Record<string, string>> = { a: '1', b: '2', c: '3', d: '1', e: '2' };

test('once what differs is written nothing differs, and nothing else was touched', () => {
  fc.assert(
    fc.property(CONFIGS, CONFIGS, fc.constantFrom('source', 'target'), (source, given, useDefaultsFrom) => {
      // A topic whose value is not its own has its cluster's default.
      const target = new Map<string, TopicConfig>(
        [...given].map(([name, config]) => [name, config.isOwn ? config : { ...config, value: DEFAULTS[name] ?? '' }]),
      );
      const isMirrored = (name: string): boolean => name !== 'e';
      const question = { source, useDefaultsFrom, isMirrored };
      const differences = configDifferences({ ...question, target }).filter(({ left }) => left === undefined);
      const after = new Map(target);
      for (const { name, after: value } of differences) {
        const before = target.get(name);
        assert.ok(before !== undefined && !before.isSensitive && isMirrored(name));
        after.set(name, { ...before, value: value ?? DEFAULTS[name] ?? '', isOwn: value !== null });
      }
      const left = configDifferences({ ...question, target: after });
      assert.deepEqual(
        left.filter((difference) => difference.left === undefined),
        [],
      );
      for (const [name, { isOwn, isSensitive, value }] of source) {
        const there = after.get(name);
        if (isSensitive || there === undefined || there.isSensitive || !isMirrored(name)) continue;
        if (isOwn || useDefaultsFrom === 'source') assert.equal(there.value, value);
        else assert.equal(there.isOwn, false);
      }
    }),
  );
});
