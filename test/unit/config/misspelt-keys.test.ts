import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { isMap, isScalar, type Node, parseDocument } from 'yaml';
import { checkConfigText } from '../../../common/config/load.js';
import { editDistance, nearest } from '../../../common/config/nearest.js';
import { configReference } from '../../../common/config/reference.js';
import { FULL_CONFIG } from './sample.js';

interface KeyPlace {
  /** With `<name>` for what operators choose. */
  readonly path: string;
  /** The sections it stands in, as they are called. */
  readonly parents: readonly string[];
  readonly key: string;
  readonly start: number;
  readonly end: number;
}

/** Keys whose names the operator chooses stand below these. */
const NAMED = new Set(['clusters', 'routes', 'ruleSecrets', 'recovery.hooks', 'routes.<name>.naming.topics']);

function keysOf(text: string): KeyPlace[] {
  const places: KeyPlace[] = [];
  const visit = (node: Node | null, path: readonly string[], parents: readonly string[]): void => {
    if (!isMap(node)) return;
    for (const { key, value } of node.items) {
      assert.ok(isScalar(key) && key.range);
      const name = String(key.value);
      const chosen = NAMED.has(path.join('.'));
      const next = [...path, chosen ? '<name>' : name];
      if (!chosen) places.push({ path: next.join('.'), parents, key: name, start: key.range[0], end: key.range[1] });
      visit(value as Node | null, next, [...parents, name]);
    }
  };
  visit(parseDocument(text).contents, [], []);
  return places;
}

/** Every kind of single edit, at every position. */
function misspellings(word: string): string[] {
  const edits = new Set<string>();
  for (let i = 0; i <= word.length; i++) {
    edits.add(`${word.slice(0, i)}x${word.slice(i)}`);
    if (i === word.length) continue;
    edits.add(word.slice(0, i) + word.slice(i + 1));
    edits.add(`${word.slice(0, i)}q${word.slice(i + 1)}`);
    if (i + 1 < word.length) edits.add(word.slice(0, i) + word[i + 1] + word[i] + word.slice(i + 2));
  }
  edits.delete(word);
  edits.delete('');
  return [...edits];
}

interface Edit extends KeyPlace {
  readonly wrong: string;
}

const placeOf = ({ parents, wrong }: Edit): string => [...parents, wrong].join('.');

/** Every misspelling of every key, many in one text: keys of one depth do not hide each other. */
function* together(places: readonly KeyPlace[]): Generator<readonly Edit[]> {
  for (const depth of new Set(places.map(({ parents }) => parents.length))) {
    const level = places.filter(({ parents }) => parents.length === depth);
    const edits = level.map((place) => misspellings(place.key).map((wrong): Edit => ({ ...place, wrong })));
    for (let round = 0; edits.some((of) => round < of.length); round += 1) {
      yield edits.flatMap((of) => of[round] ?? []);
    }
  }
}

/** What is said about unknown keys, by their places. */
function suggestionsFor(text: string, edits: readonly Edit[]): Map<string, string> {
  let wrong = text;
  for (const edit of [...edits].sort((a, b) => b.start - a.start)) {
    wrong = `${wrong.slice(0, edit.start)}${edit.wrong}${wrong.slice(edit.end)}`;
  }
  const outcome = checkConfigText(wrong, 'c.yaml', { environment: {} });
  assert.ok(!outcome.ok, `${edits.map(placeOf).join(', ')}: accepted`);
  const unknown = outcome.faults.filter(({ message }) => message.startsWith('unknown key'));
  return new Map(unknown.map(({ path, message }) => [String(path), message]));
}

/** Forms that exclude what the full sample has: the same test on texts of their own. */
const OTHER_FORMS = [
  FULL_CONFIG.replace(
    /coordination:[\s\S]*?\nclusters/,
    'coordination:\n  type: embedded\n  embedded:\n    dir: state\nclusters',
  ),
  ...[
    'password: secret',
    'clientSecret: hidden',
    'passphrase: open',
    'digest: causeway:secret',
    'token: 0123456789abcdef',
    'token: fedcba9876543210',
    'secret: known-to-every-worker',
    'secret: sixteen-letters-or-more',
    'token: let-me-in',
  ].map((secret) => FULL_CONFIG.replace(secret, `${secret.split(':')[0]}File: /dev/null`)),
  ...[
    'policy: template\n      template: "{source}-{topic}"',
    'policy: regex\n      match: a\n      replacement: b\n      otherwise:\n        policy: default\n        separator: "-"',
    'policy: map\n      topics:\n        a: b\n      otherwise:\n        policy: template\n        template: "{topic}"',
  ].map((naming) => FULL_CONFIG.replace('policy: default\n      separator: "."', naming)),
  ...['username: a\n      passwordFile: /dev/null', 'token: abc\n      caFile: /dev/null', 'tokenFile: /dev/null'].map(
    (login) =>
      FULL_CONFIG.replace(
        /(url: https:\/\/schemas.east:8081\n {6})username: causeway\n {6}password: secret/,
        `$1${login}`,
      ),
  ),
  FULL_CONFIG.replace('scope: kafka', 'scope: kafka\n        caFile: /dev/null'),
  FULL_CONFIG.replace(/tokenEndpoint:[\s\S]*?\nroutes/, 'tokenFile: /dev/null\nroutes'),
  FULL_CONFIG.replace(
    'insecure: true',
    'insecure: true\n      caFile: /dev/null\n      certFile: /dev/null\n      keyFile: /dev/null',
  ),
];

describe('misspelt keys', () => {
  const tried = new Set<string>();

  for (const [form, text] of [FULL_CONFIG, ...OTHER_FORMS].entries()) {
    test(`every key of form ${form} with one wrong edit is refused, and the right one suggested`, () => {
      const places = keysOf(text).filter(({ path }) => form === 0 || !tried.has(path));
      for (const { path } of places) tried.add(path);
      for (const edits of together(places)) {
        const told = suggestionsFor(text, edits);
        for (const edit of edits) {
          if (told.get(placeOf(edit))?.includes(`"${edit.key}"`) === true) continue;
          // Beside others it may be hidden by what they break.
          const alone = suggestionsFor(text, [edit]).get(placeOf(edit));
          assert.ok(alone?.includes(`"${edit.key}"`), `${edit.path} as ${edit.wrong}: ${alone}`);
        }
      }
    });
  }

  test('the forms above use every documented key', () => {
    const documented = configReference().map(({ path }) => path);
    assert.deepEqual(
      documented.filter((path) => !tried.has(path)),
      [],
    );
  });

  test('other spellings of the same word are understood, far words are not guessed at', () => {
    assert.deepEqual(nearest('max-inflight-bytes', ['maxInflightBytes', 'fetchMaxBytes']), ['maxInflightBytes']);
    assert.deepEqual(nearest('take_over_delay_ms', ['takeoverDelayMs']), ['takeoverDelayMs']);
    assert.deepEqual(nearest('colour', ['maxInflightBytes', 'zone']), []);
    assert.equal(editDistance('theads', 'threads'), 1);
    assert.equal(editDistance('ab', 'ba'), 1);
  });
});
