import { setTimeout as sleep } from 'node:timers/promises';
import { Load } from '../audit/load.js';
import type { TopicShape } from '../audit/shapes.js';
import { TAG_BYTES } from '../audit/tag.js';
import { createTopics } from '../audit/topics.js';
import { SMALL_INDEXES } from '../bed/broker-config.js';
import { waitUntil } from '../bed/wait.js';
import { startZooKeeper } from '../bed/zookeeper.js';
import { type Effort, EffortMeter, effortLine, type Toilers } from '../chaos/effort.js';
import { Links } from '../chaos/links.js';
import { PauseMeter } from '../chaos/meters.js';
import { Fleet, ROUTE } from '../demo/fleet.js';
import { LogEnds } from '../demo/log-ends.js';
import { killWorker, type TakeoverReport } from '../demo/mayhem.js';
import { observeWorkers } from '../demo/observe.js';
import { addTopics } from '../demo/rest.js';
import type { Bench } from './bench.js';
import { atMost, type GoalRow, shown } from './goal-rows.js';
import { withBenchHost } from './host.js';
import { reported } from './report.js';

const usual = { partitions: 250, kills: 5, recordsPerS: 500 } as const;
const quick = { partitions: 20, kills: 1, recordsPerS: 200 } as const;
const limits = { partitions: 2_000, kills: 50, rate: 20_000 };
const tickMs = 500;
const readyLimitMs = 120_000;
const restMs = 3_000;
const workers = ['worker-1', 'worker-2'] as const;

interface Scale {
  /** Of each worker. */
  readonly partitions: number;
  readonly kills: number;
  readonly recordsPerS: number;
}

/** One worker's end. */
export interface Death extends TakeoverReport {
  readonly effort: Effort;
  /** The longest wait of a partition of the other worker, whose source had more meanwhile. */
  readonly othersPauseMs: number;
}

export const takeoverBench: Bench = {
  name: 'takeover',
  about: 'A worker is killed: how long until all its partitions move again under the other one, and what that costs.',
  minutes: 3,
  flags: {
    partitions: `of each of the two workers (${usual.partitions})`,
    kills: `how many, one after the other (${usual.kills})`,
    rate: `records per second over all partitions (${usual.recordsPerS})`,
    delivery: 'exactly-once (unless given) or transactional',
  },
  run: (flags, log) => {
    const scale: Scale = flags.quick ? quick : usual;
    const chosen: Scale = {
      partitions: flags.integer('partitions', limits.partitions) ?? scale.partitions,
      kills: flags.integer('kills', limits.kills) ?? scale.kills,
      recordsPerS: flags.integer('rate', limits.rate) ?? scale.recordsPerS,
    };
    const delivery = flags.one('delivery', ['exactly-once', 'transactional']) ?? 'exactly-once';
    return reported('takeover', flags, log, async () => {
      const deaths = await killed(chosen, delivery, log);
      return { rows: takeoverRows(deaths), details: { ...chosen, delivery, deaths } };
    });
  },
};

/** Of the partitions of all deaths together, the median; of the last partition of each, the median and the worst. */
export function takeoverRows(deaths: readonly Death[]): GoalRow[] {
  const sorted = (figure: (death: Death) => number): number[] =>
    // One that did not end is the worst.
    deaths.map((death) => (figure(death) < 0 ? Number.POSITIVE_INFINITY : figure(death))).sort((a, b) => a - b);
  const median = (values: readonly number[]): number | undefined => values[Math.ceil(values.length / 2) - 1];
  const seconds = (ms: number | undefined): number | undefined =>
    ms === undefined || ms === Number.POSITIVE_INFINITY ? undefined : Number((ms / 1_000).toFixed(2));
  const asked = ({ effort }: Death): number => Object.values(effort.requests).reduce((sum, count) => sum + count, 0);
  return [
    shown('takeover: partitions of the worker that is killed', deaths[0]?.partitions),
    atMost('takeover: s until half of them move, median', seconds(median(sorted(({ medianMs }) => medianMs))), 3),
    atMost('takeover: s until all of them move, median', seconds(median(sorted(({ lastMs }) => lastMs))), 3),
    atMost('takeover: s until all of them move, worst', seconds(sorted(({ lastMs }) => lastMs).at(-1)), 10),
    shown(
      'takeover: s that a partition of the other worker waits, worst',
      seconds(sorted((d) => d.othersPauseMs).at(-1)),
    ),
    shown('takeover: requests of the workers meanwhile, median', median(sorted(asked))),
    shown('takeover: CPU s of the brokers meanwhile, median', median(sorted(({ effort }) => effort.cpuS.brokers))),
    shown('takeover: CPU s of the fleet meanwhile, median', median(sorted(({ effort }) => effort.cpuS.fleet))),
  ];
}

async function killed(scale: Scale, delivery: string, log: (line: string) => void): Promise<Death[]> {
  return withBenchHost({ jvm: 'fast', config: SMALL_INDEXES }, async ({ source, target, folder }) => {
    const undo: (() => Promise<unknown>)[] = [];
    try {
      const zooKeeper = await startZooKeeper({ tickTimeMs: tickMs });
      undo.unshift(() => zooKeeper.stop());
      const shape = wideTopic(scale.partitions * workers.length);
      await createTopics(source.bootstrapServers, [shape]);
      const links = new Map<string, Links>();
      for (const worker of workers) {
        const own = await Links.start({ source, target, zooKeeper }, 'worker');
        undo.unshift(() => own.close());
        links.set(worker, own);
      }
      const fleet = new Fleet({
        folder: folder.folder,
        source,
        target,
        zooKeeperConnect: zooKeeper.connect,
        route: { delivery },
        reach: (kind, id) => {
          const { source: atSource, target: atTarget } = links.get(id)?.reach ?? {};
          // Sessions are the machine's, not the bed's.
          return kind === 'worker' && atSource !== undefined && atTarget !== undefined
            ? { source: atSource, target: atTarget }
            : {};
        },
      });
      undo.unshift(() => fleet.kill());
      const toilers: Toilers = {
        links: [...links.values()],
        brokers: () => [...source.brokers, ...target.brokers].map(({ pid }) => pid),
        fleet: () => [...fleet.running('worker'), ...fleet.running('controller')].map(({ pid }) => pid),
      };
      const controller = await fleet.start('controller', 'controller-1');
      const started = [];
      for (const worker of workers) started.push(await fleet.start('worker', worker));
      for (const process of [controller, ...started]) await process.ready();
      const ends = {
        source: new LogEnds(source.bootstrapServers, [shape]),
        target: new LogEnds(target.bootstrapServers, [shape]),
      };
      undo.unshift(
        () => ends.source.close(),
        () => ends.target.close(),
      );
      await addTopics(fleet, ROUTE, [shape.topic]);
      const load = new Load({
        bootstrapServers: source.bootstrapServers,
        shapes: [shape],
        recordsPerS: scale.recordsPerS,
        run: process.pid,
        keepsLedger: false,
      });
      undo.unshift(() => load.stop());
      const deaths: Death[] = [];
      for (let kill = 1; kill <= scale.kills; kill += 1) {
        await balanced(fleet, scale.partitions);
        await sleep(restMs);
        const death = await died({ fleet, ends, shape, toilers });
        log(
          `kill ${kill}: ${death.partitions} partitions of ${death.worker}: first ${death.firstMs}, median ${death.medianMs}, last ${death.lastMs} ms; another's waited ${death.othersPauseMs} ms`,
        );
        log(`  ${effortLine(death.effort)}`);
        deaths.push(death);
        if (kill < scale.kills) await (await fleet.start('worker', death.worker)).ready();
      }
      return deaths;
    } finally {
      for (const each of undo) await each().catch((error: unknown) => log(`while stopping: ${String(error)}`));
    }
  });
}

interface Scene {
  readonly fleet: Fleet;
  readonly ends: { readonly source: LogEnds; readonly target: LogEnds };
  readonly shape: TopicShape;
  readonly toilers: Toilers;
}

async function died({ fleet, ends, shape, toilers }: Scene): Promise<Death> {
  const others = await observeWorkers(fleet);
  const pauses = new Map(workers.map((worker) => [worker as string, new PauseMeter()]));
  let isOver = false;
  const watching = (async () => {
    while (!isOver) {
      const [source, target] = await Promise.all([ends.source.read(), ends.target.read()]);
      const now = performance.now();
      for (const [worker, meter] of pauses) {
        const own = new Set(
          others.filter((held) => held.worker === worker).map((held) => `${held.topic}-${held.partition}`),
        );
        const of = (all: ReadonlyMap<string, number>) => new Map([...all].filter(([key]) => own.has(key)));
        meter.saw(now, of(source), of(target));
      }
      await sleep(200);
    }
  })();
  const meter = new EffortMeter(toilers);
  try {
    const report = await killWorker(fleet, ends.target, [shape]);
    const effort = meter.end();
    const survivor = workers.find((worker) => worker !== report.worker) as string;
    isOver = true;
    await watching;
    return { ...report, effort, othersPauseMs: pauses.get(survivor)?.longest.ms ?? 0 };
  } finally {
    isOver = true;
  }
}

/** Both workers run their half. */
async function balanced(fleet: Fleet, partitions: number): Promise<void> {
  const isSo = async (): Promise<boolean> => {
    const held = await observeWorkers(fleet);
    const counts = workers.map(
      (worker) => held.filter((one) => one.worker === worker && one.state === 'running').length,
    );
    return counts.every((count) => count === partitions);
  };
  await waitUntil(`each worker runs ${partitions} partitions`, isSo, { timeoutMs: readyLimitMs });
}

/** Small records, in each partition now and then. */
function wideTopic(partitions: number): TopicShape {
  return {
    topic: 'wide',
    partitions,
    codec: 'none',
    share: 1,
    batchRecords: 10,
    make: ({ nowMs, tagged }) => ({ key: null, value: tagged(TAG_BYTES), headers: [], timestamp: nowMs }),
  };
}
