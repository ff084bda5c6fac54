import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Route } from '../../../common/model/route.js';
import { byName } from '../../../controller/core/cluster-identity.js';
import { ConfigWords, type ConfigWriter, ConfigWriters } from '../../../controller/core/config-words.js';
import { routeOf } from './kit.js';

/** `ew`: a route from e to w. */
function writer(name: string, topic = 't', settings: Partial<Route> = {}): ConfigWriter {
  return { route: routeOf(name, { source: name.at(-2) ?? '', target: name.at(-1) ?? '', ...settings }), topic };
}

/** What each writer is told: whom to leave it to, with `<` where that one writes into its source topic. */
function told(writers: readonly ConfigWriter[], identity = byName): Record<string, string> {
  const words = new ConfigWords(writers, identity);
  const texts = writers.map((asking) => {
    const rival = words.rivalOf(asking);
    const text = rival === undefined ? 'its own' : `${rival.isWayBack ? '<' : ''}${rival.route.name}/${rival.topic}`;
    return [`${asking.route.name}/${asking.topic}`, text] as const;
  });
  return Object.fromEntries(texts);
}

describe('the word on a config', () => {
  test('is the first’s by route and topic, among those with one target topic', () => {
    const naming = { policy: 'map', topics: { u: 't' }, otherwise: { policy: 'identity' } } as const;
    assert.deepEqual(told([writer('b-nw'), writer('a-ew', 'u', { naming }), writer('a-ew', 't', { naming })]), {
      'a-ew/t': 'its own',
      'a-ew/u': 'a-ew/t',
      'b-nw/t': 'a-ew/t',
    });
  });

  test('is not a manual route’s where another one writes by itself', () => {
    const manual = { metadata: 'manual' } as const;
    assert.deepEqual(told([writer('a-ew', 't', manual), writer('b-nw')]), { 'a-ew/t': 'b-nw/t', 'b-nw/t': 'its own' });
    const both = [writer('a-ew', 't', manual), writer('b-nw', 't', manual)];
    assert.deepEqual(told(both), { 'a-ew/t': 'its own', 'b-nw/t': 'a-ew/t' });
  });

  test('over two clusters that mirror into each other is the first route’s, also by other names of the clusters', () => {
    assert.deepEqual(told([writer('we'), writer('ew')]), { 'ew/t': 'its own', 'we/t': '<ew/t' });
    const aliases = (cluster: string) => ({ v: 'w' })[cluster] ?? cluster;
    assert.deepEqual(told([writer('ve'), writer('ew')], aliases), { 'ew/t': 'its own', 've/t': '<ew/t' });
    assert.deepEqual(told([writer('ve'), writer('ew')]), { 'ew/t': 'its own', 've/t': 'its own' });
  });

  test('leaves no topic without a writer because the way there has lost another word', () => {
    // The north has the word in the west: the east has it from there.
    assert.deepEqual(told([writer('a-nw'), writer('ew'), writer('we')]), {
      'a-nw/t': 'its own',
      'ew/t': 'a-nw/t',
      'we/t': 'its own',
    });
    // Pairs in a row.
    assert.deepEqual(told([writer('ab'), writer('ba'), writer('bc'), writer('cb')]), {
      'ab/t': 'its own',
      'ba/t': '<ab/t',
      'bc/t': 'its own',
      'cb/t': 'ab/t',
    });
  });
});

describe('those who contend for it', () => {
  const names = (writers: readonly ConfigWriter[]) => writers.map(({ route }) => route.name).sort();

  test('are nobody where one route writes, however long the chain before and behind it', () => {
    const [ab, bc, cd] = [writer('ab'), writer('bc'), writer('cd')];
    assert.deepEqual(new ConfigWriters([ab, bc, cd], byName).contenders([bc]), []);
  });

  test('are all whose values may come there, and no others', () => {
    const [ab, db, bc, cb, ax] = [writer('ab'), writer('db'), writer('bc'), writer('cb'), writer('ax')];
    const [foreign, behind] = [writer('ab', 'u'), writer('ce')];
    const writers = new ConfigWriters([ab, db, bc, cb, ax, foreign, behind], byName);
    assert.deepEqual(names(writers.contenders([ab])), ['ab', 'bc', 'cb', 'db']);
    assert.deepEqual(names(writers.contenders([bc])), ['ab', 'bc', 'cb', 'db']);
    assert.deepEqual(writers.contenders([foreign, ax]), []);
  });
});
