import { type Command, InvalidArgumentError } from 'commander';
import type { SimulationView } from '../../common/api/fleet-shapes.js';
import type { CliDeps } from '../deps.js';
import { addRestOptions, clientOf, type RestOptions } from '../fleet.js';
import { counted, megabytes } from '../numbers.js';
import { printResult, type Result } from '../output.js';

interface SimulateOptions extends RestOptions {
  readonly add: string[];
  readonly remove: string[];
  readonly capacity: number;
  readonly zone: string;
  readonly loadFactor: number;
}

/** `causeway plan simulate`, `expected-workers`, `freeze`, `thaw` */
export function addWhatIf(plan: Command, deps: CliDeps): void {
  const simulate = plan
    .command('simulate')
    .description('what would move with other workers or loads; nothing is done')
    .option('--add <workers...>', 'workers that would be there as well', [])
    .option('--capacity <number>', 'capacity of those', positive, 1)
    .option('--zone <zone>', 'zone of those', '')
    .option('--remove <workers...>', 'workers that would not be there', [])
    .option('--load-factor <number>', 'what the loads measured now are multiplied with', positive, 1);
  addRestOptions(simulate).action(async (options: SimulateOptions) => {
    const { add, remove, capacity, zone, loadFactor } = options;
    const added = add.map((worker) => ({ worker, capacity, zone }));
    const view = await clientOf(deps, options).simulate({ add: added, remove, loadFactor });
    printResult(deps.terminal, options.output, simulationResult(view));
  });
  addRestOptions(plan.command('expected-workers').description('how many workers loads and partitions ask for')).action(
    async (options: RestOptions) => {
      const view = await clientOf(deps, options).expectedWorkers();
      printResult(deps.terminal, options.output, {
        value: view,
        columns: ['EXPECTED', 'LIVE', 'BY-LOAD', 'BY-PARTITIONS'],
        rows: [[view.expected, view.live, view.byLoad, view.byPartitions].map(counted)],
      });
    },
  );
  addRestOptions(
    plan.command('freeze').description('let nothing move from worker to worker, whoever goes, until "plan thaw"'),
  )
    .option('--reason <text>', 'why; kept with the order', '')
    .action(async (options: RestOptions & { reason: string }) => {
      const view = await clientOf(deps, options).freeze(options.reason);
      printResult(deps.terminal, options.output, {
        value: view,
        columns: ['FROZEN', 'REASON', 'AT'],
        rows: [[view.frozen ? 'yes' : 'no', view.reason, view.at ?? '-']],
      });
    });
  addRestOptions(plan.command('thaw').description('lift the freeze')).action(
    async (options: RestOptions) => await clientOf(deps, options).thaw(),
  );
}

function simulationResult(view: SimulationView): Result {
  const moves = Object.entries(view.moves).map(([reason, count]) => `${count} ${reason}`);
  return {
    value: view,
    preface: [`Moves: ${moves.length === 0 ? 'none' : moves.join(', ')}; ${view.unassigned} without a worker`, ''],
    columns: ['WORKER', 'PARTITIONS', 'LOAD-MB/S', 'FAIR-MB/S'],
    rows: view.workers.map(({ worker, partitions, load, fairLoad }) => [
      worker,
      String(partitions),
      megabytes(load),
      megabytes(fairLoad),
    ]),
    empty: 'no workers',
  };
}

function positive(text: string): number {
  const value = Number(text);
  if (value > 0 && Number.isFinite(value)) return value;
  throw new InvalidArgumentError('It must be a number above 0.');
}
