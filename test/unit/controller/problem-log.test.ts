import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createLogger } from '../../../common/observability/logger.js';
import type { Problem } from '../../../controller/core/problem.js';
import { ProblemLog } from '../../../controller/loop/problem-log.js';

type Line = Record<string, unknown>;

function logged(): { readonly log: ProblemLog; take(): Line[] } {
  let text = '';
  const destination = {
    write: (line: string): void => {
      text += line;
    },
  };
  const logger = createLogger({ level: 'debug', base: {}, destination });
  const log = new ProblemLog(logger);
  const take = (): Line[] => {
    const lines = text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Line);
    text = '';
    return lines;
  };
  return { log, take };
}

const problem = (topic: string, code: Problem['code']): Problem => ({ route: 'r', topic, code, message: 'why' });
const many = Array.from({ length: 10_000 }, (_, i) => problem(`t${i}`, 'CLUSTER_UNREACHABLE'));
const eventsOf = (lines: readonly Line[], event: string) => lines.filter((line) => line['event'] === event);

describe('problems of topics in the log', () => {
  test('each is said once as it comes and once as it goes', () => {
    const { log, take } = logged();
    log.update([problem('a', 'TARGET_CONFLICT')]);
    log.update([problem('a', 'TARGET_CONFLICT')]);
    assert.equal(eventsOf(take(), 'topic.problem').length, 1);
    log.update([]);
    assert.equal(eventsOf(take(), 'topic.problem-over').length, 1);
  });

  test('ten thousand of one kind are a few lines and a sum; a rare one beside them is still said, and all can be read', () => {
    const { log, take } = logged();
    log.update([...many, problem('rare', 'TARGET_CONFLICT')]);
    const lines = take();
    assert.ok(lines.length <= 12, `${lines.length} lines`);
    assert.ok(eventsOf(lines, 'topic.problem').some((line) => line['topic'] === 'rare'));
    const [sum] = eventsOf(lines, 'topic.problem-more');
    assert.deepEqual(sum?.['byCode'], { CLUSTER_UNREACHABLE: 10_000, TARGET_CONFLICT: 1 });
    assert.equal(sum?.['topics'], 9_990);
    assert.equal(log.current.length, 10_001);
    log.update([]);
    assert.ok(take().length <= 12);
  });
});
