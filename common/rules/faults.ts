import { MAX_RULES_BYTES, type RecordRules, type RuleAction } from '../model/record-rules.js';
import { topicNameFault } from '../model/topic-partition.js';
import { patternFault } from '../patterns/name-patterns.js';
import { conditionFaults, type RuleFault } from './condition-faults.js';
import { parsePath, pathFault } from './field-path.js';
import { avroFault } from './readers.js';

/** What is wrong with a route's rules beyond the form of their actions, by place. Paths begin below the rules. */
export function rulesFaults(rules: RecordRules): readonly RuleFault[] {
  const faults: RuleFault[] = [];
  const bytes = Buffer.byteLength(JSON.stringify(rules));
  if (bytes > MAX_RULES_BYTES) {
    faults.push({ path: ['list'], message: `all rules together may have ${MAX_RULES_BYTES} bytes, not ${bytes}` });
  }
  for (const part of ['key', 'value'] as const) {
    const schema = rules.avro?.[part];
    faults.push(...fault(['avro', part], schema === undefined ? undefined : avroFault(schema)));
  }
  const names = new Set<string>();
  for (const [i, { name, when, action }] of rules.list.entries()) {
    const at = ['list', i];
    if (names.has(name)) faults.push({ path: [...at, 'name'], message: `two rules have the name "${name}"` });
    names.add(name);
    if (when !== undefined) faults.push(...conditionFaults(when, [...at, 'when']));
    faults.push(...actionFaults(action).map(({ path, message }) => ({ path: [...at, 'action', ...path], message })));
  }
  return faults;
}

function actionFaults(action: RuleAction): RuleFault[] {
  switch (action.do) {
    case 'mask':
    case 'hash':
      return action.fields.flatMap((field, i) => fault(['fields', i], pathFault(field)));
    case 'remove':
      return action.fields.flatMap((field, i) => fault(['fields', i], pathFault(field) ?? removalFault(field)));
    case 'route':
      return fault(['topic'], topicNameFault(action.topic));
    case 'strip-headers':
      return action.matching.flatMap((pattern, i) => fault(['matching', i], patternFault(pattern)));
    case 'set-key':
      return keyFaults(action);
    default:
      return [];
  }
}

/** Something has to be left. */
function removalFault(field: string): string | undefined {
  return parsePath(field).length === 0 ? 'a key or value cannot be taken out of itself: name its fields' : undefined;
}

function keyFaults({ from, name, hmac }: RuleAction & { readonly do: 'set-key' }): RuleFault[] {
  if (from === 'hash') return name === undefined ? [] : fault(['name'], 'a hash is of the present key: leave it out');
  if (hmac !== undefined) return fault(['hmac'], 'only from: hash takes a secret');
  if (name === undefined) return fault(['name'], `from: ${from} needs it`);
  return from === 'field' ? fault(['name'], pathFault(name)) : [];
}

function fault(path: RuleFault['path'], message: string | undefined): RuleFault[] {
  return message === undefined ? [] : [{ path, message }];
}
