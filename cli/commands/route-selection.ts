import { type Command, Option } from 'commander';
import type { SelectionBody, SelectionView } from '../../common/api/selection-shapes.js';
import { CausewayError } from '../../common/errors/error.js';
import type { CliDeps } from '../deps.js';
import { addRestOptions, clientOf, type RestOptions } from '../fleet.js';
import { printResult, type Result, warningNotes } from '../output.js';

interface SelectOptions extends RestOptions {
  readonly include?: string[];
  readonly exclude?: string[];
  readonly targetMustExist?: boolean;
  readonly onUnmatched?: 'keep' | 'stop';
  readonly none?: boolean;
  readonly dryRun?: boolean;
}

/** `causeway route select`, `selection`, `deny` and `allow`: topics that a route chooses by their names. */
export function addRouteSelection(route: Command, deps: CliDeps): void {
  const show = route
    .command('selection')
    .argument('<route>')
    .description('what a route chooses by itself, and what it leaves');
  addRestOptions(show).action(async (name: string, options: RestOptions) => {
    printResult(deps.terminal, options.output, selectionResult(await clientOf(deps, options).selection(name)));
  });
  addSelect(route, deps);
  addDenials(route, deps);
}

function addSelect(route: Command, deps: CliDeps): void {
  const command = route
    .command('select')
    .argument('<route>')
    .description(
      'mirror the topics whose names match, those to come included; patterns are RE2’s and match whole names',
    )
    .option('--include <pattern...>', 'topics to mirror')
    .option('--exclude <pattern...>', 'not these, whatever includes them')
    .option('--target-must-exist', 'only topics that the target has already')
    .addOption(
      new Option('--on-unmatched <policy>', 'what becomes of selected topics that do not match any more').choices([
        'keep',
        'stop',
      ]),
    )
    .option('--none', 'select nothing more; what is mirrored stays')
    .option('--dry-run', 'show what would be, and change nothing');
  addRestOptions(command).action(async (name: string, options: SelectOptions) => {
    const client = clientOf(deps, options);
    const wanted = wantedSelection(options);
    if (options.dryRun === true) {
      if (wanted === null) throw new CausewayError('USAGE', '--none takes nothing away: there is nothing to try');
      printResult(deps.terminal, options.output, selectionResult(await client.selection(name, wanted)));
      return;
    }
    const { etag } = await client.getRoute(name);
    const { warnings = [] } = (await client.patchRoute(name, { selection: wanted }, etag)).value;
    const shown = selectionResult(await client.selection(name));
    const notes = [...(shown.notes ?? []), ...warningNotes(warnings)];
    printResult(deps.terminal, options.output, { ...shown, notes });
  });
}

function wantedSelection(options: SelectOptions): SelectionBody | null {
  const { include, exclude = [], targetMustExist = false, onUnmatched = 'keep', none = false } = options;
  if (none === (include !== undefined)) {
    throw new CausewayError('USAGE', 'which topics?', { fix: 'Give --include patterns, or --none.' });
  }
  return include === undefined ? null : { include, exclude, targetMustExist, onUnmatched };
}

function addDenials(route: Command, deps: CliDeps): void {
  const deny = route
    .command('deny')
    .argument('<route>')
    .argument('<topic>')
    .description('never select a topic; where it is mirrored it stops')
    .option('--reason <text>', 'why; kept with the order', '');
  addRestOptions(deny).action(
    async (name: string, topic: string, options: RestOptions & { readonly reason: string }) => {
      const denial = await clientOf(deps, options).denyTopic(name, topic, options.reason);
      printResult(deps.terminal, options.output, denialResult([denial.topic, denial.route, 'denied', denial.reason]));
    },
  );
  const allow = route
    .command('allow')
    .argument('<route>')
    .argument('<topic>')
    .description('let the selection have a denied topic again');
  addRestOptions(allow).action(async (name: string, topic: string, options: RestOptions) => {
    await clientOf(deps, options).allowTopic(name, topic);
    printResult(deps.terminal, options.output, denialResult([topic, name, 'allowed', '']));
  });
}

function denialResult([topic, route, state, reason]: readonly [string, string, string, string]): Result {
  return {
    value: { topic, route, state, reason },
    columns: ['TOPIC', 'ROUTE', 'STATE', 'REASON'],
    rows: [[topic, route, state, reason]],
  };
}

function selectionResult(view: SelectionView): Result {
  const selected = view.selected.map((topic) => [topic, 'selected', '']);
  const left = view.left.map(({ topic, why, by }) => [topic, why, by ?? '']);
  const unmatched = view.unmatched.map(({ topic, stops, message }) => [topic, stops ? 'stops' : 'unmatched', message]);
  return {
    value: view,
    columns: ['TOPIC', 'VERDICT', 'BY'],
    rows: [...selected, ...unmatched, ...left],
    empty: `nothing to take up: ${view.mirrored} of ${view.atSource} topics are mirrored, ${view.notIncluded} are not included`,
  };
}
