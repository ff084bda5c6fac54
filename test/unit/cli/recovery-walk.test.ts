import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { runCli } from '../../../cli/cli.js';
import type { RecoveryList, RecoveryView, RpoView } from '../../../common/api/recovery-shapes.js';
import { systemClock } from '../../../common/runtime/clock.js';
import { copyingFleet } from '../controller/copying-fleet.js';
import { until } from '../controller/kit.js';
import { FakeTerminal } from './fake-terminal.js';

/** A real controller over clusters that only tell their topics, as an operator meets it at the command line. */
async function office() {
  const { kit, worker, httpAddress } = await copyingFleet();
  const pace = { monotonicMs: () => systemClock.monotonicMs(), sleep: () => systemClock.sleep(20) };
  const causeway = async (line: string) => {
    const terminal = new FakeTerminal();
    const environment = { CAUSEWAY_URL: httpAddress };
    const code = await runCli(line.split(' '), { terminal, environment, pace });
    return { code, out: terminal.stdout, err: terminal.stderr };
  };
  const list = async (): Promise<RecoveryList['recoveries']> =>
    (JSON.parse((await causeway('recovery list -o json')).out) as RecoveryList).recoveries;
  return { kit, worker, causeway, list };
}

describe('an operator with recovery programs', () => {
  test('is told what is wrong with an order, and what to order instead; nothing is begun', async () => {
    const { kit, causeway, list } = await office();
    try {
      const wrong: [string, number, RegExp][] = [
        ['switchover nowhere -y', 1, /ROUTE_UNKNOWN: there is no route "nowhere"\n +.*lists the routes/],
        ['switchover r', 2, /Add --yes/],
        ['switchover r -y --confirm stopp', 1, /has no step stopp\n +Its steps are survey, rpo, quiet/],
        ['switchover r -y --fence app', 1, /fencePrincipals\/0: write it as User:name/],
        ['switchover r -y --fence User:*', 1, /would deny the copy back.*\n +Name the producers/],
        ['switchover r -y --reverse r', 1, /not its own way back.*\n +Name the route/],
        ['cutover r -y --read-only --way-back', 1, /--way-back/],
        ['failover r -y --quarantine .q', 2, /unknown option '--quarantine'/],
        ['recovery describe failover-1', 1, /RECOVERY_UNKNOWN.*\n +causeway recovery list/],
        ['rpo nowhere', 1, /ROUTE_UNKNOWN/],
      ];
      for (const [line, code, told] of wrong) {
        const answer = await causeway(line);
        assert.equal(answer.code, code, `${line}: ${answer.err}`);
        assert.match(answer.err, told, line);
      }
      assert.deepEqual(await list(), []);
    } finally {
      await kit.close();
    }
  });

  test('sees why a program does not begin, orders it otherwise, and gives it up again', async () => {
    const { kit, worker, causeway, list } = await office();
    try {
      const rpo = async (): Promise<RpoView> => JSON.parse((await causeway('rpo r -o json')).out) as RpoView;
      // The leader looks once a second, and the first time before it knows how many partitions there are.
      await until(async () => (await rpo()).topics[0]?.partitions === 2);
      const blocked = await causeway('failover r -y --no-groups --watch');
      assert.equal(blocked.code, 3);
      assert.match(blocked.out, /survey +failed .*blocking=1 +source answers: cluster east answers/);
      assert.match(blocked.out, /check=partitions verdict=ok detail=1 topics have the same 2 partitions/);
      const forced = await causeway('failover r -y --no-groups --force --confirm settle --watch');
      assert.equal(forced.code, 0, forced.out);
      assert.match(forced.out, /stop +done +topics=1 workers=0/);
      assert.match(forced.out, /rpo +done +records=unknown seconds=unknown unknownPartitions=2/);
      assert.match(forced.out, /It waits for a confirmation: causeway recovery confirm failover-/);
      const [open] = await list();
      const id = open?.id ?? '';
      const second = await causeway('switchover r -y --no-groups');
      assert.equal(second.code, 1);
      assert.match(
        second.err,
        new RegExp(`RECOVERY_UNDER_WAY: ${id} is waiting.*\\n +.*causeway recovery describe ${id}`),
      );
      assert.match((await causeway(`recovery resume ${id}`)).err, /RECOVERY_NOT_POSSIBLE: .* no step of it failed/);
      assert.equal(worker.held.size, 0, 'its workers let go');
      const given = await causeway(`recovery abort ${id} --reason back --watch`);
      assert.equal(given.code, 0);
      assert.match(given.out, /Given up: stop: 1 topics are copied again on route r/);
      await until(() => worker.held.size === 2);
      assert.match((await causeway(`recovery abort ${id}`)).err, /it is aborted already/);
      const { audit } = JSON.parse((await causeway(`recovery describe ${id} -o json`)).out) as RecoveryView;
      assert.deepEqual(
        audit.map(({ event }) => event).filter((event) => !['begun', 'done'].includes(event)),
        ['ordered', 'asked', 'abort-ordered', 'aborted'],
      );
    } finally {
      await kit.close();
    }
  });
});
