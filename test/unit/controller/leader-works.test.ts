import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Route, TopicEntry } from '../../../common/model/route.js';
import { silentLogger } from '../../../common/observability/logger.js';
import { Metrics } from '../../../common/observability/metrics.js';
import { type Clock, systemClock } from '../../../common/runtime/clock.js';
import { systemRandom } from '../../../common/runtime/random.js';
import type { FleetRecords } from '../../../controller/loop/fleet-records.js';
import { type LeaderWork, LeaderWorks, type Term } from '../../../controller/loop/leader-works.js';
import { routeOf, until } from './kit.js';

const entry = (route: string, topic: string): TopicEntry => {
  return { route, topic, partitions: 'all', paused: false, skips: [], limits: {}, addedAt: '' };
};

function recordsOf(routes: readonly Route[], topics: readonly TopicEntry[]) {
  const area = (values: readonly unknown[]) => ({ entries: new Map(values.map((value, i) => [String(i), { value }])) });
  const none = area([]);
  const others = { denials: none, progress: none, exclusions: none, assignments: none };
  return { routes: area(routes), topics: area(topics), ...others } as unknown as FleetRecords;
}

const NOTHING = recordsOf([], []);
const LOOKING = { lookAgain: () => Promise.resolve() };
const FACTS = { revision: '', facts: () => ({ source: { state: 'unknown' }, target: { state: 'unknown' } }) as const };
const reignOf = (epoch: number, signal: AbortSignal) => ({ epoch, signal, write: () => Promise.resolve([]) });

function worksOf(work: LeaderWork): LeaderWorks {
  const quick: Clock = {
    wallMs: () => systemClock.wallMs(),
    monotonicMs: () => systemClock.monotonicMs(),
    after: (delayMs, callback) => systemClock.after(delayMs, callback),
    sleep: (_delayMs, signal) => systemClock.sleep(1, signal),
  };
  const metrics = new Metrics({ version: 'test', role: 'controller' });
  return new LeaderWorks([work], { clock: quick, random: systemRandom, logger: silentLogger, metrics });
}

const ended = (signal: AbortSignal): Promise<void> => systemClock.sleep(60_000, signal);

describe('what the leader does beside the reconciler', () => {
  test('begins with a reign, sees its routes and topics, and is begun again when it fails', async () => {
    const seen: string[] = [];
    const run = async ({ epoch, signal, routes, entries }: Term): Promise<void> => {
      seen.push(`${epoch} ${routes().map(({ name }) => name)} ${entries('a').map(({ topic }) => topic)}`);
      if (seen.length < 3) throw new Error('not yet');
      await ended(signal);
    };
    const works = worksOf({ name: 'w', run });
    const end = new AbortController();
    works.begin(reignOf(7, end.signal), recordsOf([routeOf('a')], [entry('a', 't'), entry('b', 'u')]), LOOKING, FACTS);
    await until(() => seen.length === 3);
    end.abort();
    assert.deepEqual(seen, ['7 a t', '7 a t', '7 a t']);
  });

  test('of the next reign begins only when that of the last one has come to its end', async () => {
    const seen: string[] = [];
    let release: () => void = () => undefined;
    const run = async ({ epoch, signal }: Term): Promise<void> => {
      seen.push(`begin ${epoch}`);
      await ended(signal);
      if (epoch === 1) await new Promise<void>((resolve) => (release = resolve));
      seen.push(`end ${epoch}`);
    };
    const works = worksOf({ name: 'w', run });
    const [first, second] = [new AbortController(), new AbortController()];
    works.begin(reignOf(1, first.signal), NOTHING, LOOKING, FACTS);
    await until(() => seen.length === 1);
    first.abort();
    works.begin(reignOf(2, second.signal), NOTHING, LOOKING, FACTS);
    await new Promise((resolve) => setTimeout(resolve, 20));
    assert.deepEqual(seen, ['begin 1']);
    release();
    await until(() => seen.length === 3);
    second.abort();
    await until(() => seen.length === 4);
    assert.deepEqual(seen, ['begin 1', 'end 1', 'begin 2', 'end 2']);
  });
});
