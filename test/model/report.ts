import type { Scenario } from './catalogue.js';
import type { Exploration } from './explorer.js';
import type { RuleCase } from './rules.js';

const BEGIN = '<!-- generated from the models; npm run model -- --docs writes it anew -->';
const END = '<!-- end of the generated part -->';

export interface ModelPages {
  /** docs/model.md: two tables. */
  readonly overview: string;
  /** docs/model-traces.md: the counterexamples step by step. */
  readonly traces: string;
}

/** A scenario's row in docs/model.md. */
export function scenarioRow({ name, bounds }: Scenario, { states, depth }: Exploration): string {
  return `| ${name} | ${bounds} | ${states.toLocaleString('en')} | ${depth} |`;
}

/** A rule's row in docs/model.md. */
export function ruleRow({ rule, says, without, heldBy, isUnwritten }: RuleCase): string {
  const notes = [
    ...(heldBy === undefined ? [] : [`held by ${heldBy} alone`]),
    ...(isUnwritten === true ? ['was not said in words'] : []),
  ];
  return `| ${rule} | ${says} | ${without} | ${notes.join('; ')} |`;
}

/** A rule's entry in docs/model-traces.md. */
export function ruleTrace(rule: RuleCase, { counterexample }: Exploration): string {
  const steps = (counterexample?.steps ?? []).map((step, i) => `${i + 1}. ${step}`);
  const off = rule.heldBy === undefined ? '' : ` With rule ${rule.heldBy} off as well.`;
  return [
    `### ${ruleTitle(rule)}`,
    '',
    `Scenario "${rule.scenario.name}".${off}`,
    '',
    ...steps,
    '',
    `**${counterexample?.problem ?? 'nothing goes wrong'}**`,
  ].join('\n');
}

export function ruleTitle({ rule, says }: RuleCase): string {
  return `${rule} ${says}`;
}

/** The pages with their generated parts replaced. */
export function withTables(
  pages: ModelPages,
  scenarios: readonly string[],
  rules: readonly string[],
  traces: readonly string[],
): ModelPages {
  const tables = [
    ['| Scenario, all rules on: clean | Bounds | States | Steps deep |', '|---|---|---|---|', ...scenarios].join('\n'),
    ['| Rule | says | Without it | |', '|---|---|---|---|', ...rules].join('\n'),
  ];
  return { overview: withPart(pages.overview, tables), traces: withPart(pages.traces, traces) };
}

function withPart(page: string, blocks: readonly string[]): string {
  const begin = page.indexOf(BEGIN) + BEGIN.length;
  return `${page.slice(0, begin)}\n\n${blocks.join('\n\n')}\n\n${page.slice(page.indexOf(END))}`;
}

/** The switches of a rule's counterexample. */
export function switchesOf({ off, heldBy }: RuleCase): string[] {
  return heldBy === undefined ? [off] : [off, heldBy];
}
