import type { RecordRule, RecordRules, RuleCondition, ValueTest } from '../model/record-rules.js';
import { isDate } from './condition-faults.js';
import { isTransform } from './transforms.js';

type Leaf = Extract<RuleCondition, { readonly on: string }>;

/** What of the rules can have no effect, or another one than it seems; each can be meant all the same. */
export function rulesWarnings({ list }: RecordRules): readonly string[] {
  const warnings: string[] = [];
  const ended = new Map<string, string>();
  for (const { name, when, action } of list) {
    const everything = ended.get('');
    const before = everything ?? ended.get(textOf(when));
    if (before !== undefined) {
      warnings.push(
        `rule ${name} is never asked: rule ${before} ends ${everything === undefined ? 'the same records' : 'every record'} before it`,
      );
    }
    if (when !== undefined && isImpossible(when))
      warnings.push(`rule ${name} concerns no record: its condition cannot hold`);
    if (action.do === 'sample' && action.fraction === 1) warnings.push(`rule ${name} drops nothing: its fraction is 1`);
    // What is changed may be another record for the same condition.
    if (isTransform(action)) for (const text of [...ended.keys()]) if (text !== '') ended.delete(text);
    if (ends(action) && before === undefined) ended.set(textOf(when), name);
  }
  return warnings;
}

function ends(action: RecordRule['action']): boolean {
  const { do: what } = action;
  return what === 'keep' || what === 'drop' || what === 'route' || (action.do === 'sample' && action.fraction === 0);
}

/** Of every record: "". */
function textOf(when: RuleCondition | undefined): string {
  return when === undefined ? '' : JSON.stringify(when);
}

/** True where that can be seen from the condition alone. */
function isImpossible(condition: RuleCondition): boolean {
  if ('any' in condition) return condition.any.every(isImpossible);
  if (!('all' in condition)) return false;
  if (condition.all.some(isImpossible)) return true;
  const leaves = condition.all.filter((part): part is Leaf => 'on' in part && isSingle(part));
  return leaves.some((one, i) => leaves.slice(i + 1).some((other) => isSame(one, other) && excludes(one, other)));
}

/** It looks at one value at most: headers may be there twice, and so may what a path with a star leads to. */
function isSingle(leaf: Leaf): boolean {
  return leaf.on !== 'header' && !('name' in leaf && leaf.name.split('.').includes('*'));
}

function isSame(a: Leaf, b: Leaf): boolean {
  return a.on === b.on && nameOf(a) === nameOf(b);
}

function nameOf(leaf: Leaf): string {
  return 'name' in leaf ? leaf.name : '';
}

function excludes(a: Leaf, b: Leaf): boolean {
  if (a.exists !== undefined || b.exists !== undefined) {
    const [one, other] = a.exists === undefined ? [b, a] : [a, b];
    // Where a record has no key, it is null all the same.
    return 'name' in one && one.exists === false && (other.exists ?? true);
  }
  const [ones, others] = [valuesOf(a), valuesOf(b)];
  if (ones !== undefined && others !== undefined) return areApart(ones, others);
  const [low, high] = [lowest(a) ?? lowest(b), highest(a) ?? highest(b)];
  return low !== undefined && high !== undefined && low > high;
}

/** A time may be written in several ways. */
function areApart(ones: readonly unknown[], others: readonly unknown[]): boolean {
  const values = [...ones, ...others];
  const areAlike = values.every((value) => typeof value === typeof values[0] && !isDate(value));
  return areAlike && !ones.some((value) => others.includes(value));
}

function valuesOf({ equals, in: values }: ValueTest): readonly unknown[] | undefined {
  return equals === undefined ? values : [equals];
}

function lowest({ above, atLeast }: ValueTest): number | undefined {
  const bound = above ?? atLeast;
  return typeof bound === 'number' ? bound : undefined;
}

function highest({ below, atMost }: ValueTest): number | undefined {
  const bound = below ?? atMost;
  return typeof bound === 'number' ? bound : undefined;
}
