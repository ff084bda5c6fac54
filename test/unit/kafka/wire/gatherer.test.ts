import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AGAIN, Gatherer, Gatherers } from '../../../../common/kafka/wire/gatherer.js';

type Answers = readonly (string | typeof AGAIN)[];

/** Requests that end when the test says so. */
function setUp(options: { keyOf?: (question: string) => string; maxQuestions?: number } = {}) {
  const requests: {
    readonly questions: readonly string[];
    readonly answer: (answers?: Answers) => void;
    readonly fail: (error: Error) => void;
  }[] = [];
  const gatherer = new Gatherer<string, string>({
    ask: (questions) =>
      new Promise<Answers>((resolve, reject) => {
        const usual = questions.map((question) => question.toUpperCase());
        requests.push({ questions, answer: (answers = usual) => resolve(answers), fail: reject });
      }),
    maxQuestions: 10,
    ...options,
  });
  return { gatherer, requests };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

test('what is asked within one turn is one request, and what is asked meanwhile is the next one', async () => {
  const { gatherer, requests } = setUp();
  const first = [gatherer.ask('a'), gatherer.ask('b')];
  await turn();
  const second = [gatherer.ask('c'), gatherer.ask('d'), gatherer.ask('e')];
  await turn();
  assert.deepEqual(
    requests.map(({ questions }) => questions),
    [['a', 'b']],
  );
  requests[0]?.answer();
  assert.deepEqual(await Promise.all(first), ['A', 'B']);
  await turn();
  assert.deepEqual(requests[1]?.questions, ['c', 'd', 'e']);
  requests[1]?.answer();
  assert.deepEqual(await Promise.all(second), ['C', 'D', 'E']);
  const late = gatherer.ask('f');
  await turn();
  requests[2]?.answer();
  assert.equal(await late, 'F', 'it begins anew after a rest');
});

test('a failure is that of all who asked in the request, and of nobody else', async () => {
  const { gatherer, requests } = setUp({ maxQuestions: 2 });
  const asked = ['a', 'b', 'c'].map((question) => gatherer.ask(question));
  const outcome = Promise.allSettled(asked);
  await turn();
  requests[0]?.fail(new Error('lost'));
  await turn();
  assert.deepEqual(requests[1]?.questions, ['c'], 'no more than so many at once');
  requests[1]?.answer();
  assert.deepEqual(
    (await outcome).map(({ status }) => status),
    ['rejected', 'rejected', 'fulfilled'],
  );
});

test('questions of one key go one after the other', async () => {
  const { gatherer, requests } = setUp({ keyOf: (question) => question.charAt(0) });
  const asked = ['a1', 'b1', 'a2'].map((question) => gatherer.ask(question));
  await turn();
  assert.deepEqual(requests[0]?.questions, ['a1', 'b1']);
  requests[0]?.answer();
  await turn();
  assert.deepEqual(requests[1]?.questions, ['a2']);
  requests[1]?.answer();
  assert.deepEqual(await Promise.all(asked), ['A1', 'B1', 'A2']);
});

test('what has to be asked again comes before what has waited', async () => {
  const { gatherer, requests } = setUp({ maxQuestions: 3 });
  const asked = ['a', 'b', 'c', 'd', 'e'].map((question) => gatherer.ask(question));
  await turn();
  requests[0]?.answer(['A', AGAIN, AGAIN]);
  await turn();
  assert.deepEqual(requests[1]?.questions, ['b', 'c', 'd']);
  requests[1]?.answer();
  await turn();
  requests[2]?.answer();
  assert.deepEqual(await Promise.all(asked), ['A', 'B', 'C', 'D', 'E']);
});

test('gatherers belong to their owner and name', () => {
  const gatherers = new Gatherers<object, string, string>();
  const make = () => setUp().gatherer;
  const [one, other] = [{}, {}];
  assert.equal(gatherers.of(one, 'x', make), gatherers.of(one, 'x', make));
  assert.notEqual(gatherers.of(one, 'x', make), gatherers.of(one, 'y', make));
  assert.notEqual(gatherers.of(one, 'x', make), gatherers.of(other, 'x', make));
});
