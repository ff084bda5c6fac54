import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { projectRoot } from '../../bed/kafka-set.js';
import { HOLES, SCENARIOS } from '../../model/catalogue.js';
import type { Exploration } from '../../model/explorer.js';
import { ruleRow, ruleTitle, ruleTrace, scenarioRow, switchesOf } from '../../model/report.js';
import { RULES } from '../../model/rules.js';

const overview = page('model.md');
const traces = page('model-traces.md');

/** One model: clean with all rules on, within every bound; and each rule needed. */
export function checkModel(model: string): void {
  describe(`${model}: all rules on`, () => {
    for (const scenario of SCENARIOS.filter(({ name }) => name.startsWith(`${model}:`))) {
      test(`${scenario.name}: every reachable state is sound and can still end well`, (context) => {
        const result = scenario.explore();
        assertClean(result);
        context.diagnostic(`${result.states} states, ${result.transitions} transitions, ${result.depth} steps deep`);
        assertStands(overview, scenarioRow(scenario, result));
      });
    }
  });

  describe(`${model}: each rule off`, () => {
    for (const rule of RULES.filter(({ scenario }) => scenario.name.startsWith(`${model}:`))) {
      test(`${ruleTitle(rule)}: without it ${rule.without}`, () => {
        if (rule.heldBy !== undefined) {
          assertClean(rule.scenario.explore([rule.off]));
          assertClean(rule.scenario.explore([rule.heldBy]));
        }
        const result = rule.scenario.explore(switchesOf(rule));
        assert.ok(result.counterexample !== undefined, 'no counterexample');
        assertStands(overview, ruleRow(rule));
        assertStands(traces, ruleTrace(rule, result));
      });
    }
  });

  const holes = HOLES.filter(({ scenario }) => scenario.name.startsWith(`${model}:`));
  if (holes.length === 0) return;
  describe(`${model}: what the rules leave open`, () => {
    for (const { title, scenario, remedied } of holes) {
      test(title, () => {
        assert.ok(scenario.explore().counterexample !== undefined, 'it is closed: say so');
        assertClean(remedied.explore());
      });
    }
  });
}

function assertClean({ counterexample }: Exploration): void {
  if (counterexample === undefined) return;
  assert.fail(`${counterexample.problem}\n${counterexample.steps.join('\n')}`);
}

function page(name: string): string {
  return readFileSync(join(projectRoot(), 'docs', name), 'utf8');
}

function assertStands(page: string, text: string): void {
  assert.ok(page.includes(text), `the page differs, npm run model -- --docs writes it anew:\n${text}`);
}
