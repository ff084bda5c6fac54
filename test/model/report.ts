import type { Exploration } from './explorer.js';
import type { RuleCase } from './rules.js';

const BEGIN = '<!-- generated from the models; npm run model -- --docs writes it anew -->';
const END = '<!-- end of the generated part -->';

/** A rule's entry in docs/model.md: what it says, and the shortest way to the damage without it. */
export function ruleEntry(rule: RuleCase, { counterexample }: Exploration): string {
  const heldBy =
    rule.heldBy === undefined ? '' : ` Rule ${rule.heldBy} alone keeps the damage away; both are off here.`;
  const unwritten = rule.isUnwritten === true ? ' The rule did not say so in words.' : '';
  const lines = [
    `### ${ruleTitle(rule)}`,
    '',
    `Without it ${rule.without}.${heldBy}${unwritten} Scenario "${rule.scenario.name}".`,
    '',
    ...(counterexample?.steps ?? []).map((step, i) => `${i + 1}. ${step}`),
    '',
    `**${counterexample?.problem ?? 'nothing goes wrong'}**`,
  ];
  return lines.join('\n');
}

export function ruleTitle({ rule, says }: RuleCase): string {
  return `${rule} ${says}`;
}

/** The page with its generated part replaced. */
export function withEntries(page: string, entries: readonly string[]): string {
  const begin = page.indexOf(BEGIN) + BEGIN.length;
  return `${page.slice(0, begin)}\n\n${entries.join('\n\n')}\n\n${page.slice(page.indexOf(END))}`;
}

/** The switches of a rule's counterexample. */
export function switchesOf({ off, heldBy }: RuleCase): string[] {
  return heldBy === undefined ? [off] : [off, heldBy];
}
