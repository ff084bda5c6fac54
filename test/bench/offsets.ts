import { setTimeout as sleep } from 'node:timers/promises';
import { RestTransport } from '../../common/api/rest-transport.js';
import { ClusterClient } from '../../common/kafka/wire/cluster-client.js';
import { commitOffsets } from '../../common/kafka/wire/operations/commit-offsets.js';
import { type Checkpoint, decodeCheckpoint } from '../../common/mm2/records.js';
import { checkpointsTopic } from '../../common/mm2/topic-names.js';
import { silentLogger } from '../../common/observability/logger.js';
import { systemClock } from '../../common/runtime/clock.js';
import { seededRandom, systemRandom } from '../../common/runtime/random.js';
import { AuditCluster } from '../audit/audit-cluster.js';
import { dumpPartition } from '../audit/dump.js';
import { HoleyLog } from '../audit/holey-log.js';
import { copiesOf, judgeMap, judgeTranslations } from '../audit/offset-truth.js';
import type { AuditRecord } from '../audit/record.js';
import { mapOverRest } from '../audit/rest-map.js';
import { createTopics } from '../audit/topics.js';
import { waitUntil } from '../bed/wait.js';
import type { Bench } from './bench.js';
import { causeway } from './causeway.js';
import { atLeast, atMost, type GoalRow, shown } from './goal-rows.js';
import { withBenchHost } from './host.js';
import { mirrorMaker2 } from './mm2.js';
import { reported } from './report.js';
import { type MirrorHost, targetTopicOf } from './subject.js';

const topic = 'holes';
const offsetsBySize = { usual: 200_000, quick: 4_000 };
const maxOffsets = 1_000_000;
/** Their transactions lie between each other’s. */
const writers = 4;
/** Positions that MirrorMaker 2 is asked about: it translates what groups have committed, and nothing else. */
const groups = 100;
const copyLimitMs = 240_000;
/** MirrorMaker 2 translates every five seconds here; its answers have settled when they stay for this long. */
const settledMs = 20_000;
const settleLimitMs = 120_000;

export const offsetsBench: Bench = {
  name: 'offsets',
  about:
    'Every source offset of a log with holes translated, against what lies in both logs; MirrorMaker 2 on the same log.',
  minutes: 4,
  flags: {
    offsets: `how many (${offsetsBySize.usual})`,
    only: 'mm2 or causeway',
  },
  run: (flags, log) => {
    const asked = flags.integer('offsets', maxOffsets);
    const offsets = asked ?? (flags.quick ? offsetsBySize.quick : offsetsBySize.usual);
    const only = flags.one('only', ['mm2', 'causeway']);
    return reported('offsets', flags, log, () =>
      withBenchHost({}, async (host) => {
        log(`writing ${offsets} offsets: transactions, committed and aborted, and batches between them`);
        await fill(host, offsets);
        const source = await recordsOf(host.source.plaintextBootstrapServers, topic);
        const end = (source.at(-1)?.offset ?? -1) + 1;
        const shape = { offsets: end, records: source.length };
        const ours = only === 'mm2' ? undefined : await judgeCauseway(host, source, end);
        log(`causeway: ${JSON.stringify(ours)}`);
        const theirs = only === 'causeway' ? undefined : await judgeMm2(host, source, end);
        log(`mm2: ${JSON.stringify(theirs)}`);
        return { rows: rowsOf(source.length, ours, theirs), details: { ...shape, causeway: ours, mm2: theirs } };
      }),
    );
  },
};

type Ours = Awaited<ReturnType<typeof judgeCauseway>>;
type Theirs = Awaited<ReturnType<typeof judgeMm2>>;

function rowsOf(records: number, ours: Ours | undefined, theirs: Theirs | undefined): GoalRow[] {
  return [
    atLeast('copied records translated exactly', ours?.exact, records),
    atMost('answers that skip a copied record', ours?.skips, 0, theirs?.skips),
    atMost('answers that are wrong, or none', ours && ours.wrong + ours.unanswered, 0),
    atMost('inverse answers that are wrong', ours?.inverseWrong, 0),
    atMost('records read again by 100 groups, all together', ours?.rereadsOfGroups, 0, theirs?.rereads),
    shown('the worst of these groups reads again', ours?.worst, theirs?.worst),
    shown('groups without an answer', ours?.groupsUnanswered, theirs?.unanswered),
    shown('runs of the map', ours?.runs),
  ];
}

async function fill(host: MirrorHost, offsets: number): Promise<void> {
  const bootstrapServers = host.source.plaintextBootstrapServers;
  await createTopics(bootstrapServers, [{ topic, partitions: 1 }]);
  const writing = Array.from({ length: writers }, async (_, i) => {
    const named = { bootstrapServers, topic, name: `w${i}-`, random: seededRandom(i + 1) };
    const log = await HoleyLog.open({ ...named, maxRecords: 100, abortShare: 0.1 });
    try {
      await log.fill(Math.ceil(offsets / writers));
    } finally {
      await log.close();
    }
  });
  await Promise.all(writing);
}

async function judgeCauseway(host: MirrorHost, source: readonly AuditRecord[], end: number) {
  const plan = { alias: 'offsets-causeway', topics: [topic], compression: 'none' } as const;
  const route = { delivery: 'exactly-once', isolation: 'read_committed' };
  const run = await causeway.start(host, { ...plan, route });
  try {
    const transport = new RestTransport({ baseUrl: String(run.controllerUrl) });
    const mapped = async () => {
      const map = await mapOverRest(transport, plan.alias, topic).catch(() => undefined);
      return map !== undefined && map.head.source >= BigInt(end) ? map : undefined;
    };
    await waitUntil('everything is copied', async () => (await mapped()) !== undefined, { timeoutMs: copyLimitMs });
    const map = await mapped();
    if (map === undefined) throw new Error('the map is gone again');
    const target = await recordsOf(host.target.plaintextBootstrapServers, targetTopicOf(plan, topic));
    const copies = copiesOf(source, target);
    const verdict = judgeMap(map, copies, { from: 0, to: end });
    const perGroup = positions(end).map((at) => judgeMap(map, copies, { from: at, to: at + 1 }));
    return {
      ...verdict,
      runs: map.runs.length,
      rereadsOfGroups: perGroup.reduce((sum, { rereads }) => sum + rereads, 0),
      worst: Math.max(...perGroup.map(({ rereads }) => rereads)),
      groupsUnanswered: perGroup.filter(({ unanswered }) => unanswered > 0).length,
    };
  } finally {
    await run.stop();
  }
}

/** Evenly over the log. */
function positions(end: number): number[] {
  return Array.from({ length: groups }, (_, i) => Math.floor(((i + 1) * end) / groups) - 1);
}

const groupAt = (position: number): string => `group-${position}`;

/** What it says of groups that had committed before it began to copy. */
async function judgeMm2(host: MirrorHost, source: readonly AuditRecord[], end: number) {
  const plan = { alias: 'offsets-mm2', topics: [topic], compression: 'none' } as const;
  await commitGroups(host, end);
  const run = await mirrorMaker2.start(host, {
    ...plan,
    tuning: 'defaults',
    mm2Settings: {
      'SOURCE.consumer.isolation.level': 'read_committed',
      'SOURCE->target.emit.checkpoints.interval.seconds': '5',
      'SOURCE->target.refresh.groups.interval.seconds': '5',
      'SOURCE->target.sync.group.offsets.interval.seconds': '5',
    },
  });
  try {
    const servers = host.target.plaintextBootstrapServers;
    const copied = async () => (await recordsOf(servers, targetTopicOf(plan, topic)).catch(() => [])).length;
    const isCopied = async () => (await copied()) >= source.length;
    await waitUntil('MirrorMaker 2 has copied everything', isCopied, { timeoutMs: copyLimitMs });
    const said = await settled(() => checkpoints(servers, plan.alias));
    const target = await recordsOf(servers, targetTopicOf(plan, topic));
    const copies = copiesOf(source, target);
    const perGroup = positions(end).map((at) => {
      const answer = said.get(groupAt(at));
      const position = answer === undefined ? undefined : Number(answer.downstreamOffset);
      return judgeTranslations(copies, { from: at, to: at + 1 }, () =>
        position === undefined ? undefined : { position, isExact: false },
      );
    });
    return {
      groups: perGroup.length,
      skips: perGroup.reduce((sum, { skips }) => sum + skips, 0),
      rereads: perGroup.reduce((sum, { rereads }) => sum + rereads, 0),
      worst: Math.max(...perGroup.map(({ rereads }) => rereads)),
      unanswered: perGroup.filter(({ unanswered }) => unanswered > 0).length,
    };
  } finally {
    await run.stop();
  }
}

/** From outside the groups: joining each would take seconds. */
async function commitGroups(host: MirrorHost, end: number): Promise<void> {
  const client = new ClusterClient({
    cluster: {
      name: 'source',
      bootstrap: host.source.plaintextBootstrapServers.split(','),
      connectTimeoutMs: 5_000,
      requestTimeoutMs: 10_000,
    },
    clientId: 'bench',
    clock: systemClock,
    random: systemRandom,
    logger: silentLogger,
  });
  try {
    for (const position of positions(end)) {
      const committed = { topic, partition: 0, offset: BigInt(position), metadata: '' };
      const [answer] = await commitOffsets(client, groupAt(position), [committed]);
      if (answer?.errorCode !== 0) throw new Error(`committing was answered with ${answer?.errorCode}`);
    }
  } finally {
    await client.close();
  }
}

/** Once it has not changed for a while. */
async function settled(read: () => Promise<ReadonlyMap<string, Checkpoint>>): Promise<ReadonlyMap<string, Checkpoint>> {
  const untilMs = performance.now() + settleLimitMs;
  let last = '';
  let sinceMs = performance.now();
  for (;;) {
    const found = await read();
    const text = [...found].map(([group, { downstreamOffset }]) => `${group}=${downstreamOffset}`).join();
    if (text !== last) {
      last = text;
      sinceMs = performance.now();
    }
    const isSettled = found.size > 0 && performance.now() - sinceMs > settledMs;
    if (isSettled || performance.now() > untilMs) return found;
    await sleep(1_000);
  }
}

/** The latest of each group. */
async function checkpoints(bootstrapServers: string, alias: string): Promise<ReadonlyMap<string, Checkpoint>> {
  const found = new Map<string, Checkpoint>();
  const records = await recordsOf(bootstrapServers, checkpointsTopic(alias)).catch(() => []);
  for (const { key, value } of records) {
    if (key === null || value === null) continue;
    const checkpoint = decodeCheckpoint({ key, value });
    found.set(checkpoint.group, checkpoint);
  }
  return found;
}

async function recordsOf(bootstrapServers: string, name: string): Promise<AuditRecord[]> {
  const cluster = new AuditCluster(bootstrapServers);
  try {
    const layout = await cluster.layout(name);
    const range = layout === undefined ? undefined : (await cluster.ranges(layout))[0];
    if (layout === undefined || range === undefined) throw new Error(`${name} is not there`);
    const found: AuditRecord[] = [];
    for await (const records of dumpPartition(cluster, { layout, partition: 0, range })) {
      for (const record of records) found.push(record);
    }
    return found;
  } finally {
    await cluster.close();
  }
}
