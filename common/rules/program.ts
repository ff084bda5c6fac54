import {
  type RecordRules,
  RULE_OUTCOMES,
  type RuleAction,
  type RuleOutcome,
  type UnreadablePolicy,
} from '../model/record-rules.js';
import { compileCondition, type Predicate } from './condition.js';
import { type Part, SchemaWanted, Unreadable } from './document.js';
import { type PartReaders, partReaders } from './readers.js';
import { RecordInHand, type RuleRecord } from './record-in-hand.js';
import { Sampler, type SourcePlace } from './sampling.js';
import { compileTransform, isTransform, type Secrets, type Transform } from './transforms.js';

/** Counts per rule and outcome. */
export class RuleTally {
  readonly #rules: readonly string[];
  readonly #counts: Float64Array;

  constructor(rules: readonly string[]) {
    this.#rules = rules;
    this.#counts = new Float64Array(rules.length * RULE_OUTCOMES.length);
  }

  add(rule: number, outcome: number): void {
    const at = rule * RULE_OUTCOMES.length + outcome;
    this.#counts[at] = (this.#counts[at] as number) + 1;
  }

  /** Those that are not 0. */
  entries(): { readonly rule: string; readonly outcome: RuleOutcome; readonly count: number }[] {
    return [...this.#counts.entries()].flatMap(([at, count]) => {
      if (count === 0) return [];
      const rule = this.#rules[Math.floor(at / RULE_OUTCOMES.length)] as string;
      return [{ rule, outcome: RULE_OUTCOMES[at % RULE_OUTCOMES.length] as RuleOutcome, count }];
    });
  }
}

const KEPT = 0;
const DROPPED = 1;
const ROUTED = 2;
const CHANGED = 3;
const UNREADABLE = 4;

export type Decision =
  /** As it is. */
  | { readonly kind: 'same' }
  | { readonly kind: 'changed'; readonly record: RuleRecord }
  | { readonly kind: 'drop'; readonly rule: string }
  | {
      readonly kind: 'route';
      readonly rule: string;
      readonly topic: string;
      readonly partition: number;
      readonly record: RuleRecord;
    }
  /** A rule has to look into it, or to change it, and cannot, and the policy is not `keep` or `drop`. */
  | {
      readonly kind: 'unreadable';
      readonly rule: string;
      readonly why: string;
      readonly policy: Extract<UnreadablePolicy, 'pause' | 'dead-letter'>;
    }
  /** Nothing can be said before this id has been looked up; what was counted does not count. */
  | { readonly kind: 'wanting'; readonly part: Part; readonly id: number };

export const SAME: Decision = { kind: 'same' };

interface Step {
  readonly name: string;
  readonly when: Predicate | undefined;
  readonly action: RuleAction;
  readonly sampler: Sampler | undefined;
  readonly transform: Transform | undefined;
  readonly onUnreadable: UnreadablePolicy;
}

const NO_REGISTRY = { missing: 'no schema registry is configured' };

/** A route's rules, ready for the records of one source partition. Pure: the same record at the same offset always fares the same. */
export class RuleProgram {
  readonly names: readonly string[];
  readonly #steps: readonly Step[];
  readonly #readers: PartReaders;
  readonly #partition: number;

  /** @param rules without faults (faults.ts), their secrets known (`missingSecrets`) */
  constructor(
    rules: RecordRules,
    place: SourcePlace,
    secrets: Secrets,
    readers = partReaders(rules, { key: NO_REGISTRY, value: NO_REGISTRY }),
  ) {
    const { list, onUnreadable } = rules;
    this.names = list.map(({ name }) => name);
    this.#readers = readers;
    this.#partition = place.partition;
    this.#steps = list.map(({ name, when, action, onUnreadable: own = onUnreadable }) => ({
      name,
      when: when === undefined ? undefined : compileCondition(when),
      action,
      sampler: action.do === 'sample' ? new Sampler(name, place, action.fraction) : undefined,
      transform: isTransform(action) ? compileTransform(action, secrets) : undefined,
      onUnreadable: own,
    }));
  }

  /** @param tally with this program's names */
  decide(record: RuleRecord, offset: number, tally: RuleTally): Decision {
    const inHand = new RecordInHand(record, this.#readers);
    for (let i = 0; i < this.#steps.length; i++) {
      const step = this.#steps[i] as Step;
      const end = this.#attempt(step, i, inHand, offset, tally);
      if (end !== undefined) return end;
    }
    return left(inHand);
  }

  #attempt(step: Step, i: number, inHand: RecordInHand, offset: number, tally: RuleTally): Decision | undefined {
    try {
      if (step.when?.(inHand) === false) return undefined;
      return this.#act(step, i, inHand, offset, tally);
    } catch (error) {
      if (error instanceof SchemaWanted) return { kind: 'wanting', part: error.part, id: error.id };
      if (!(error instanceof Unreadable)) throw error;
      tally.add(i, UNREADABLE);
      const { name, onUnreadable } = step;
      if (onUnreadable === 'keep') return undefined;
      if (onUnreadable === 'drop') return { kind: 'drop', rule: name };
      return { kind: 'unreadable', rule: name, why: error.message, policy: onUnreadable };
    }
  }

  #act(step: Step, i: number, inHand: RecordInHand, offset: number, tally: RuleTally): Decision | undefined {
    const { name, action, sampler, transform } = step;
    switch (action.do) {
      case 'keep':
        tally.add(i, KEPT);
        return left(inHand);
      case 'drop':
        tally.add(i, DROPPED);
        return { kind: 'drop', rule: name };
      case 'sample': {
        const isIn = sampler?.has(offset) === true;
        tally.add(i, isIn ? KEPT : DROPPED);
        return isIn ? undefined : { kind: 'drop', rule: name };
      }
      case 'route':
        tally.add(i, ROUTED);
        return {
          kind: 'route',
          rule: name,
          topic: action.topic,
          partition: this.#partition % action.partitions,
          record: inHand,
        };
      default:
        tally.add(i, transform?.(inHand) === true ? CHANGED : KEPT);
        return undefined;
    }
  }
}

function left(inHand: RecordInHand): Decision {
  return inHand.isChanged ? { kind: 'changed', record: inHand } : SAME;
}

/** Names of secrets that the rules need and that are not there. */
export function missingSecrets({ list }: RecordRules, names: { has(name: string): boolean }): readonly string[] {
  const missing = new Set<string>();
  for (const { action } of list) {
    if ((action.do === 'hash' || action.do === 'set-key') && action.hmac !== undefined && !names.has(action.hmac)) {
      missing.add(action.hmac);
    }
  }
  return [...missing];
}
