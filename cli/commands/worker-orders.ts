import { type Command, InvalidArgumentError } from 'commander';
import type { WorkerOrderBody, WorkerOrderView } from '../../common/api/desired-shapes.js';
import type { CliDeps } from '../deps.js';
import { addRestOptions, clientOf, type RestOptions } from '../fleet.js';
import { printResult, type Result } from '../output.js';

interface OrderOptions extends RestOptions {
  readonly reason: string;
}

const ROLES = [
  ['drain', 'drained', 'give everything a worker has to others; it goes on running'],
  ['exclude', 'excluded', 'give a worker nothing more; it keeps what it has'],
  ['standby', 'standby', 'let a worker stand by until too few others are there'],
  ['activate', 'active', 'let a worker take its share again'],
] as const;

/** `causeway plan drain`, `exclude`, `standby`, `activate`, `dedicate`, `release` */
export function addWorkerOrders(plan: Command, deps: CliDeps): void {
  const order = async (workers: readonly string[], options: OrderOptions, body: WorkerOrderBody): Promise<void> => {
    const client = clientOf(deps, options);
    const orders: WorkerOrderView[] = [];
    for (const worker of workers) orders.push(await client.orderWorker(worker, { ...body, reason: options.reason }));
    printResult(deps.terminal, options.output, orderResult(orders));
  };
  for (const [name, role, description] of ROLES) {
    const command = plan.command(name).argument('<workers...>').description(description);
    withReason(command).action(
      async (workers: string[], options: OrderOptions) => await order(workers, options, { role }),
    );
  }
  withReason(
    plan
      .command('restart')
      .argument('<workers...>')
      .description('announce restarts: partitions wait for workers that go, and move nowhere')
      .option('--within <seconds>', 'how long to wait for each; 0 takes the announcement back', seconds, 60),
  ).action(async (workers: string[], options: OrderOptions & { readonly within: number }) => {
    await order(workers, options, { restartWithinMs: options.within * 1_000 });
  });
  withReason(
    plan
      .command('dedicate')
      .argument('<worker>')
      .argument('[routes...]')
      .description('keep a worker for these routes; none: for any'),
  ).action(
    async (worker: string, routes: string[], options: OrderOptions) => await order([worker], options, { routes }),
  );
  addRestOptions(
    plan
      .command('release')
      .argument('<workers...>')
      .description('take orders back: the workers’ own configuration counts'),
  ).action(async (workers: string[], options: RestOptions) => {
    const client = clientOf(deps, options);
    for (const worker of workers) await client.releaseWorker(worker);
  });
}

function seconds(text: string): number {
  const value = /^\d{1,4}$/.test(text) ? Number(text) : Number.NaN;
  if (value <= 3_600) return value;
  throw new InvalidArgumentError('It must be 0 to 3600 seconds.');
}

function withReason(command: Command): Command {
  return addRestOptions(command).option('--reason <text>', 'why; kept with the order', '');
}

function orderResult(orders: readonly WorkerOrderView[]): Result {
  return {
    value: { orders },
    columns: ['WORKER', 'ROLE', 'ROUTES', 'AWAITED UNTIL', 'REASON'],
    rows: orders.map(({ worker, role, routes, restartUntil, reason }) => [
      worker,
      role ?? '-',
      routes === null ? '-' : routes.join(','),
      restartUntil ?? '-',
      reason,
    ]),
  };
}
