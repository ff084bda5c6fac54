import type { Command } from 'commander';
import { SyncClient } from '../../common/api/sync-client.js';
import type { ApplyView, SyncPlan } from '../../common/api/sync-shapes.js';
import { planSubject } from '../../common/model/plan-subject.js';
import { EXIT } from '../../common/process/exit-codes.js';
import type { CliDeps } from '../deps.js';
import { addRestOptions, clientOf, type RestOptions, routeOf } from '../fleet.js';
import { confirm, printResult, type Result } from '../output.js';

interface RouteOptions extends RestOptions {
  readonly route?: string;
}

interface ApplyOptions extends RouteOptions {
  readonly hash?: string;
  readonly yes?: boolean;
}

/** `causeway drift` and `causeway sync`: what differs at the target of a route, and bringing it into line. */
export function addSyncCommands(program: Command, deps: CliDeps): void {
  const drift = program
    .command('drift')
    .description('what differs between the ends of a route: topics, partitions, configs, rights')
    .option('--route <route>', 'needed when there are several');
  addRestOptions(drift).action(async (options: RouteOptions) => {
    const client = clientOf(deps, options);
    const found = await new SyncClient(client.transport).drift(await routeOf(client, options.route));
    printResult(deps.terminal, options.output, planResult(found, 'nothing differs'));
  });
  const sync = program.command('sync').description('bring the target of a route into line');
  const plan = sync
    .command('plan')
    .description('what apply would do; nothing is done')
    .option('--route <route>', 'needed when there are several');
  addRestOptions(plan).action(async (options: RouteOptions) => {
    const client = clientOf(deps, options);
    const found = await new SyncClient(client.transport).plan(await routeOf(client, options.route));
    printResult(deps.terminal, options.output, planResult(found, 'nothing is to be done'));
    if (options.output !== 'json' && found.items.length > 0) deps.terminal.err(`plan ${found.hash}\n`);
  });
  addApply(sync, deps);
}

function addApply(sync: Command, deps: CliDeps): void {
  const apply = sync
    .command('apply')
    .description('do what the plan says')
    .option('--route <route>', 'needed when there are several')
    .option('--hash <hash>', 'of the plan that was looked at; refused when there is something else to do now')
    .option('--yes', 'do not ask');
  addRestOptions(apply).action(async (options: ApplyOptions) => {
    const client = clientOf(deps, options);
    const syncs = new SyncClient(client.transport);
    const route = await routeOf(client, options.route);
    const hash = options.hash ?? (await confirmed(deps, await syncs.plan(route), options.yes === true));
    const view = await syncs.apply(route, hash);
    printResult(deps.terminal, options.output, applyResult(view));
    if (view.results.some(({ done }) => !done)) deps.exit(EXIT.failed);
  });
}

/** The hash of a plan that somebody has seen and said yes to. */
async function confirmed({ terminal }: CliDeps, plan: SyncPlan, yes: boolean): Promise<string> {
  if (plan.items.length === 0) return plan.hash;
  if (!yes) printResult(terminal, 'table', planResult(plan, ''));
  await confirm(terminal, `change ${plan.items.length} things at the target?`, yes);
  return plan.hash;
}

function planResult(plan: SyncPlan, empty: string): Result {
  const unread = plan.unread.map(({ part, message }) => ['not read', part, '', '', message]);
  const rows = plan.items.map((item) => [
    item.applies ? item.action : 'report',
    `${item.kind} ${planSubject(item)}`,
    item.before ?? '-',
    item.after ?? '-',
    item.reason,
  ]);
  const notes = plan.more === 0 ? [] : [`and ${plan.more} more: ask again when these are done`];
  return {
    value: plan,
    notes,
    columns: ['ACTION', 'WHAT', 'NOW', 'WOULD BE', 'REASON'],
    rows: [...rows, ...unread],
    empty,
  };
}

function applyResult(view: ApplyView): Result {
  return {
    value: view,
    columns: ['DONE', 'WHAT', 'WAS', 'IS', 'ERROR'],
    rows: view.results.map(({ item, done, error }) => [
      done ? 'yes' : 'no',
      `${item.kind} ${planSubject(item)}`,
      item.before ?? '-',
      item.after ?? '-',
      error ?? '',
    ]),
    empty: 'nothing was to be done',
  };
}
