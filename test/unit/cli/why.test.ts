import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { runCli } from '../../../cli/cli.js';
import type { WhyView } from '../../../common/api/why-shapes.js';
import { type Asked, FakeController, type Reply } from './fake-controller.js';
import { FakeTerminal } from './fake-terminal.js';

const VIEW: WhyView = {
  route: 'r',
  topic: 'a.b',
  partition: 3,
  verdict: 'fault',
  summary: 'nothing has moved since noon',
  checks: [
    { check: 'orders', verdict: 'ok', evidence: 'nobody paused it', fix: null },
    { check: 'movement', verdict: 'fault', evidence: 'nothing has moved since noon', fix: 'Mend the broker.' },
  ],
};

async function run(args: readonly string[], reply: Reply): Promise<{ out: string; code: number; asked: Asked[] }> {
  const controller = await FakeController.start(() => reply);
  const terminal = new FakeTerminal();
  const pace = { monotonicMs: () => 0, sleep: () => Promise.resolve() };
  try {
    const code = await runCli(args, { terminal, environment: { CAUSEWAY_URL: controller.url }, pace });
    return { out: terminal.stdout, code, asked: [...controller.asked] };
  } finally {
    await controller.close();
  }
}

describe('why', () => {
  test('asks about the partition, shows the verdict first, each check with its evidence, and what to do', async () => {
    const { out, code, asked } = await run(['why', 'r', 'a.b', '3'], { body: VIEW });
    assert.equal(code, 0);
    assert.equal(asked[0]?.url, '/api/v1/routes/r/topics/a.b/partitions/3/why');
    assert.match(out, /^Partition 3 of a\.b on route r: fault: nothing has moved since noon\n/);
    assert.match(out, /CHECK +VERDICT +EVIDENCE\n/);
    assert.match(out, /movement +fault +nothing has moved since noon\n/);
    assert.match(out, /movement: Mend the broker\.\n$/);
  });

  test('as JSON it is what the controller answered', async () => {
    const { out } = await run(['why', 'r', 'a.b', '3', '-o', 'json'], { body: VIEW });
    assert.deepEqual(JSON.parse(out), VIEW);
  });

  test('what is no partition is refused before anybody is asked', async () => {
    const { code, asked } = await run(['why', 'r', 't', 'three'], { body: VIEW });
    assert.equal(code, 2);
    assert.deepEqual(asked, []);
  });
});
