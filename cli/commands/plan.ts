import type { Command } from 'commander';
import type { PlanView } from '../../common/api/fleet-shapes.js';
import type { CliDeps } from '../deps.js';
import { addRestOptions, clientOf, type RestOptions } from '../fleet.js';
import { megabytes } from '../numbers.js';
import { integer } from '../options.js';
import { printResult, type Result } from '../output.js';
import { addWhatIf } from './plan-what-if.js';
import { addWorkerOrders } from './worker-orders.js';

const DEFAULT_MOVES = 20;
const MAX_MOVES = 500;

/** `causeway plan ...` */
export function addPlanCommands(program: Command, deps: CliDeps): void {
  const plan = program.command('plan').description('who carries how much, what moved why, and what workers are for');
  addWorkerOrders(plan, deps);
  addWhatIf(plan, deps);
  addRestOptions(
    plan.command('show').description('load and share of each worker, as the leader plans with them'),
  ).action(async (options: RestOptions) => {
    printResult(deps.terminal, options.output, sharesResult(await clientOf(deps, options).plan()));
  });
  addRestOptions(plan.command('moves').description('which partitions were given to which worker lately, and why'))
    .option('--last <count>', 'so many, the latest first', integer(1, MAX_MOVES), DEFAULT_MOVES)
    .action(async (options: RestOptions & { last: number }) => {
      const { moves } = await clientOf(deps, options).plan();
      printResult(deps.terminal, options.output, movesResult(moves.slice(0, options.last)));
    });
}

function sharesResult(view: PlanView): Result {
  const { epoch, frozen, partitions, measured, underWay, workers } = view;
  return {
    value: view,
    preface: [
      `Partitions: ${partitions}, of ${measured} the load is measured; ${underWay} on their way; epoch ${epoch}`,
      ...(frozen ? ['Frozen: nothing moves from worker to worker'] : []),
      '',
    ],
    columns: ['WORKER', 'PARTITIONS', 'LOAD-MB/S', 'FAIR-MB/S'],
    rows: workers.map(({ worker, partitions: own, load, fairLoad }) => [
      worker,
      String(own),
      megabytes(load),
      megabytes(fairLoad),
    ]),
    empty: 'no workers',
  };
}

function movesResult(moves: PlanView['moves']): Result {
  return {
    value: { moves },
    columns: ['AT', 'ROUTE', 'TOPIC', 'PARTITION', 'FROM', 'TO', 'REASON'],
    rows: moves.map(({ at, route, topic, partition, from, to, reason }) => [
      at,
      route,
      topic,
      String(partition),
      from ?? '-',
      to,
      reason,
    ]),
    empty: 'nothing has moved since the leader began',
  };
}
