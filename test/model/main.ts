import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { projectRoot } from '../bed/kafka-set.js';
import { HOLES, LARGER, SCENARIOS, type Scenario } from './catalogue.js';
import type { Exploration } from './explorer.js';
import { ruleRow, ruleTitle, ruleTrace, scenarioRow, switchesOf, withTables } from './report.js';
import { RULES, type RuleCase } from './rules.js';

const MANY_STATES = 10_000_000;
const EXIT_USAGE = 64;

const MODEL_HELP = `npm run model -- [options]

Checks the ownership protocol's models exhaustively: every scenario of the tests, the larger ones, and every rule switched off.
The last line says how many states were visited; the exit status is 0 when everything came out as it must.

  --only TEXT  scenarios whose name contains it
  --quick      without the larger scenarios
  --docs       writes the tables of docs/model.md and the steps of docs/model-traces.md`;

/** @returns the exit status */
export function runModels(args: readonly string[]): number {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: { type: 'string', default: '' },
      quick: { type: 'boolean', default: false },
      docs: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help || (values.docs && values.only !== '')) {
    console.log(MODEL_HELP);
    return values.help ? 0 : EXIT_USAGE;
  }
  const wanted = (scenario: Scenario): boolean => scenario.name.includes(values.only);
  const run = new Run();
  const larger = values.quick || values.docs ? [] : LARGER;
  const rows = SCENARIOS.filter(wanted).map((scenario) => scenarioRow(scenario, run.clean(scenario)));
  for (const scenario of larger.filter(wanted)) run.clean(scenario);
  const rules = RULES.filter(({ scenario }) => wanted(scenario));
  const traces = rules.map((rule) => ruleTrace(rule, run.broken(rule)));
  for (const { title, scenario, remedied } of HOLES.filter(({ scenario }) => wanted(scenario))) {
    run.open(title, scenario);
    run.clean(remedied);
  }
  if (values.docs) writePages(rows, rules.map(ruleRow), traces);
  console.log(`${run.states} states visited, ${run.surprises} surprises`);
  return run.surprises === 0 ? 0 : 1;
}

function writePages(scenarios: readonly string[], rules: readonly string[], traces: readonly string[]): void {
  const overview = join(projectRoot(), 'docs', 'model.md');
  const steps = join(projectRoot(), 'docs', 'model-traces.md');
  const pages = { overview: readFileSync(overview, 'utf8'), traces: readFileSync(steps, 'utf8') };
  const written = withTables(pages, scenarios, rules, traces);
  writeFileSync(overview, written.overview);
  writeFileSync(steps, written.traces);
}

class Run {
  states = 0;
  surprises = 0;

  clean(scenario: Scenario): Exploration {
    const result = this.#timed(scenario.name, () => scenario.explore([], MANY_STATES));
    if (result.counterexample !== undefined) this.#surprise(result);
    return result;
  }

  open(title: string, scenario: Scenario): void {
    const result = this.#timed(`open: ${title}`, () => scenario.explore([], MANY_STATES));
    if (result.counterexample === undefined) this.#surprise(result);
  }

  broken(rule: RuleCase): Exploration {
    const result = this.#timed(`off: ${ruleTitle(rule)}`, () => rule.scenario.explore(switchesOf(rule), MANY_STATES));
    if (result.counterexample === undefined) this.#surprise(result);
    return result;
  }

  #timed(what: string, explore: () => Exploration): Exploration {
    const since = Date.now();
    const result = explore();
    this.states += result.states;
    const seconds = ((Date.now() - since) / 1_000).toFixed(1).padStart(7);
    const verdict = result.counterexample === undefined ? 'clean' : `${result.counterexample.steps.length} steps`;
    console.log(`${String(result.states).padStart(9)} states ${seconds} s  ${verdict.padEnd(9)} ${what}`);
    return result;
  }

  #surprise({ counterexample }: Exploration): void {
    this.surprises++;
    console.log(`    SURPRISE: ${counterexample?.problem ?? 'nothing goes wrong'}`);
    for (const step of counterexample?.steps ?? []) console.log(`      ${step}`);
  }
}
