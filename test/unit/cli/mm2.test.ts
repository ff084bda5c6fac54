import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runCli } from '../../../cli/cli.js';
import type { ImportedTopic, Mm2ImportView, Mm2ImportWish } from '../../../common/api/mm2-shapes.js';
import { systemClock } from '../../../common/runtime/clock.js';
import { FakeController } from './fake-controller.js';
import { FakeTerminal } from './fake-terminal.js';

const PER_REQUEST = 2;

/** Adds two topics at a time, of those that are not there; `bad...` are refused. */
async function importing(names: readonly string[], line: string) {
  const present = new Set<string>();
  const controller = await FakeController.start(({ body }) => {
    const { topics = names, dryRun = false } = body as Mm2ImportWish;
    const tried = dryRun ? [] : topics.filter((topic) => !present.has(topic)).slice(0, PER_REQUEST);
    const view = (topic: string): ImportedTopic => {
      const none = { topic, targetTopic: topic, starts: [], lost: [], reason: null };
      if (present.has(topic)) return { ...none, outcome: 'present' };
      if (!tried.includes(topic)) return { ...none, outcome: 'add' };
      const reason = { code: 'TOPIC_CONFLICT', message: 'no' };
      if (topic.startsWith('bad')) return { ...none, outcome: 'refused', reason };
      present.add(topic);
      return { ...none, outcome: 'added' };
    };
    const views = topics.map(view);
    const more = views.filter(({ outcome }) => outcome === 'add').length;
    const place = { route: 'r', alias: 'east', cluster: 'west', offsetsTopic: 'o', connector: 'c' };
    return { body: { ...place, dryRun, isRunning: false, topics: views, more } satisfies Mm2ImportView };
  });
  try {
    const terminal = new FakeTerminal();
    const pace = { monotonicMs: () => systemClock.monotonicMs(), sleep: () => systemClock.sleep(1) };
    const environment = { CAUSEWAY_URL: controller.url };
    const code = await runCli(line.split(' '), { terminal, environment, pace });
    const { topics, more } = JSON.parse(terminal.stdout) as Mm2ImportView;
    return {
      code,
      more,
      told: topics.map(({ topic, outcome }) => `${topic} ${outcome}`),
      asked: controller.asked.length,
    };
  } finally {
    await controller.close();
  }
}

test('topics that are refused do not keep those behind them from being imported', async () => {
  const names = ['bad-1', 'bad-2', 'bad-3', 'x', 'y', 'z'];
  const { code, more, told } = await importing(names, 'import-mm2 r -o json');
  assert.deepEqual(told, ['bad-1 refused', 'bad-2 refused', 'bad-3 refused', 'x added', 'y added', 'z added']);
  assert.deepEqual([code, more], [3, 0]);
});

test('a dry run asks once, and adds nothing', async () => {
  assert.deepEqual(await importing(['x', 'y', 'z'], 'import-mm2 r --dry-run -o json'), {
    ...{ code: 0, more: 3, asked: 1 },
    told: ['x add', 'y add', 'z add'],
  });
});
