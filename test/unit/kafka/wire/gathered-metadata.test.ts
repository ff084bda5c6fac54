import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { GatheredMetadata } from '../../../../common/kafka/wire/gathered-metadata.js';

/** A cluster that answers when told to, and keeps what it was asked. */
function cluster() {
  const asked: string[][] = [];
  const answers: { give(): void; fail(): void }[] = [];
  const gathered = new GatheredMetadata<string, { readonly topics: ReadonlyMap<string, string> }>((topics) => {
    const number = asked.push([...topics]);
    return new Promise((resolve, reject) => {
      answers.push({
        give: () => resolve({ topics: new Map(topics.map((topic) => [topic, `${topic} in answer ${number}`])) }),
        fail: () => reject(new Error(`answer ${number} is lost`)),
      });
    });
  });
  const ask = async (...topics: string[]) => [...(await gathered.of(topics)).topics.values()];
  const settled = () => new Promise((resolve) => setImmediate(resolve));
  return { asked, answers, ask, settled };
}

describe('metadata asked for together', () => {
  test('what is asked for while a request is under way goes into the next one; everybody gets his own topics', async () => {
    const { asked, answers, ask, settled } = cluster();
    const first = ask('a');
    await settled();
    const later = [ask('a'), ask('b', 'c'), ask('b')];
    await settled();
    assert.deepEqual(asked, [['a']]);
    answers[0]?.give();
    assert.deepEqual(await first, ['a in answer 1']);
    await settled();
    assert.deepEqual(asked, [['a'], ['a', 'b', 'c']]);
    answers[1]?.give();
    assert.deepEqual(await Promise.all(later), [
      ['a in answer 2'],
      ['b in answer 2', 'c in answer 2'],
      ['b in answer 2'],
    ]);
  });

  test('what is asked for within one turn is one request; no answer is older than its question', async () => {
    const { asked, answers, ask, settled } = cluster();
    const both = [ask('a'), ask('b')];
    await settled();
    assert.deepEqual(asked, [['a', 'b']]);
    answers[0]?.give();
    await Promise.all(both);
    const after = ask('a');
    await settled();
    answers[1]?.give();
    assert.deepEqual(await after, ['a in answer 2']);
  });

  test('a failure concerns those who asked, and nobody who asks later', async () => {
    const { answers, ask, settled } = cluster();
    const lost = assert.rejects(ask('a'), /answer 1 is lost/);
    await settled();
    const next = ask('a');
    answers[0]?.fail();
    await lost;
    await settled();
    answers[1]?.give();
    assert.deepEqual(await next, ['a in answer 2']);
  });

  test('no topics: the brokers alone', async () => {
    const { asked, answers, ask, settled } = cluster();
    const none = ask();
    await settled();
    answers[0]?.give();
    assert.deepEqual(await none, []);
    assert.deepEqual(asked, [[]]);
  });
});
