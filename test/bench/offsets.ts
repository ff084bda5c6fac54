import { COPIED, type KindCount } from '../audit/translation-truth.js';
import type { Bench } from './bench.js';
import { atLeast, atMost, type GoalRow, shown } from './goal-rows.js';
import { withBenchHost } from './host.js';
import { CausewayOffsets, type JudgedMap } from './offsets-causeway.js';
import type { JudgedGroups } from './offsets-groups.js';
import { OffsetsLog, topics } from './offsets-log.js';
import { Mm2Offsets } from './offsets-mm2.js';
import { reported } from './report.js';
import type { MirrorHost } from './subject.js';

const offsetsBySize = { usual: 200_000, quick: 8_000 };
const maxOffsets = 1_000_000;
/** With a position in each topic. */
const groupsBySize = { usual: 250, quick: 25 };
/** The cleaner is quick about it. */
const brokerConfig = { 'log.cleaner.backoff.ms': '100', 'log.cleaner.min.cleanable.ratio': '0.01' };
/** What the source does to these happens while nobody reads them. */
const disturbed = [topics.gaps, topics.reborn] as const;

export const offsetsBench: Bench = {
  name: 'offsets',
  about:
    'Every offset of a log with holes of all kinds, both ways, against what lies in both logs; MirrorMaker 2 beside it on the same log.',
  minutes: 4,
  flags: {
    offsets: `how many (${offsetsBySize.usual})`,
    only: 'mm2 or causeway',
  },
  run: (flags, log) => {
    const asked = flags.integer('offsets', maxOffsets);
    const offsets = asked ?? (flags.quick ? offsetsBySize.quick : offsetsBySize.usual);
    const groups = flags.quick ? groupsBySize.quick : groupsBySize.usual;
    const only = flags.one('only', ['mm2', 'causeway']);
    return reported('offsets', flags, log, () =>
      withBenchHost({ config: brokerConfig }, (host) => measure(host, { offsets, groups, only, log })),
    );
  },
};

interface Measuring {
  readonly offsets: number;
  readonly groups: number;
  readonly only: 'mm2' | 'causeway' | undefined;
  readonly log: (line: string) => void;
}

async function measure(host: MirrorHost, { offsets, groups, only, log: say }: Measuring) {
  const beganMs = performance.now();
  const log = (line: string): void => say(`${Math.round((performance.now() - beganMs) / 1_000)} s: ${line}`);
  const source = new OffsetsLog(host.source.plaintextBootstrapServers, offsets);
  log(`writing the first act of ${offsets} offsets`);
  await source.first(log);
  const mm2 = only === 'causeway' ? undefined : new Mm2Offsets(host, source);
  let ours: CausewayOffsets | undefined;
  try {
    log('the mirrors begin');
    await mm2?.start();
    ours = only === 'mm2' ? undefined : await CausewayOffsets.start(host, source);
    for (const topic of Object.values(topics)) await ours?.copied(topic);
    await ours?.judge(topics.reborn);
    const targetFrom = (await ours?.targetEnd(topics.reborn)) ?? 0;
    await mm2?.copied();
    log('both stand still; the source loses records of one topic, and makes another anew');
    await Promise.all([ours?.pause(disturbed), mm2?.leave()]);
    await source.second();
    await mm2?.commit(groups);
    log('the mirrors go on');
    await Promise.all([ours?.resume(disturbed), mm2?.start()]);
    for (const topic of Object.values(topics)) await ours?.copied(topic, topic === topics.reborn ? 2 : 1);
    log('every offset is asked about');
    for (const topic of Object.values(topics)) await ours?.judge(topic, topic === topics.reborn ? targetFrom : 0);
    const ourGroups = await ours?.groups(groups);
    log('MirrorMaker 2 is given until its answers settle');
    const theirs = await mm2?.judge(groups);
    await source.checkStill();
    const details = { partitions: ours?.judged, groups: ourGroups, mm2: theirs };
    say(JSON.stringify(details));
    // Ours would have been no map to judge.
    const neverCopied = shown('records never copied', ours === undefined ? undefined : 0, theirs?.neverCopied);
    return { rows: [...mapRows(ours?.judged ?? []), neverCopied, ...groupRows(ourGroups, theirs)], details };
  } finally {
    await Promise.all([ours?.stop(), mm2?.stop()]);
  }
}

function mapRows(judged: readonly JudgedMap[]): GoalRow[] {
  const kinds = new Map<string, KindCount>([[COPIED, noCount()]]);
  const backwards = noCount();
  const others = noCount();
  for (const { kinds: own, inverse } of judged) {
    for (const [kind, counts] of Object.entries(own)) kinds.set(kind, sum(kinds.get(kind) ?? noCount(), counts));
    Object.assign(backwards, sum(backwards, inverse.copied));
    Object.assign(others, sum(others, inverse.others));
  }
  if (judged.length === 0) return [];
  const all = [...kinds.values()].reduce(sum, noCount());
  const total = (pick: (one: JudgedMap) => number): number => judged.reduce((count, one) => count + pick(one), 0);
  return [
    shown('source offsets asked about', all.asked),
    ...[...kinds].map(([kind, { asked, right }]) => atLeast(`${kind}: answered rightly`, right, asked)),
    atLeast('copies at the target, the other way round: answered rightly', backwards.right, backwards.asked),
    atLeast('other target offsets, the other way round: answered rightly', others.right, others.asked),
    atMost(
      'answers that are wrong, both ways',
      [all, backwards, others].reduce((count, { wrong }) => count + wrong, 0),
      0,
    ),
    atMost(
      'unknown, both ways',
      [all, backwards, others].reduce((count, { unanswered }) => count + unanswered, 0),
      0,
    ),
    atMost(
      'single questions over REST answered otherwise',
      total(({ otherwise }) => otherwise),
      0,
    ),
    shown(
      'runs of the maps',
      total(({ runs }) => runs),
    ),
  ];
}

function groupRows(ours: JudgedGroups | undefined, theirs: JudgedGroups | undefined): GoalRow[] {
  const positions = ours === undefined ? (theirs?.positions ?? 0) : ours.positions - ours.before;
  return [
    shown('positions of groups', ours?.positions, theirs?.positions),
    atLeast('of these exact: nothing read again, nothing missed', ours?.exact, positions, theirs?.exact),
    atMost('behind: something is read again', ours?.behind, 0, theirs?.behind),
    atMost('ahead: something is missed', ours?.ahead, 0, theirs?.ahead),
    atMost('without an answer', ours?.unanswered, ours?.before ?? 0, theirs?.unanswered),
    atMost('records read again, all together', ours?.rereads, 0, theirs?.rereads),
    shown('the worst position reads again', ours?.worstRereads, theirs?.worstRereads),
    atMost('records missed, all together', ours?.skips, 0, theirs?.skips),
    shown('the worst position misses', ours?.worstSkips, theirs?.worstSkips),
  ];
}

function noCount(): KindCount {
  return { asked: 0, right: 0, wrong: 0, unanswered: 0 };
}

function sum(a: KindCount, b: KindCount): KindCount {
  return {
    asked: a.asked + b.asked,
    right: a.right + b.right,
    wrong: a.wrong + b.wrong,
    unanswered: a.unanswered + b.unanswered,
  };
}
