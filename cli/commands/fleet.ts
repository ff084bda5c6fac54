import type { Command } from 'commander';
import type { AssignmentView, FleetStatus, TopicStatusView, WorkerView } from '../../common/api/fleet-shapes.js';
import { formatPartitions } from '../../common/model/partition-set.js';
import { EXIT } from '../../common/process/exit-codes.js';
import type { CliDeps } from '../deps.js';
import { addRestOptions, clientOf, type RestOptions } from '../fleet.js';
import { counted, megabytes, seconds } from '../numbers.js';
import { printResult, type Result } from '../output.js';
import { statusFaults } from '../status-check.js';

/** `causeway status`, `causeway workers`, `causeway assignment` */
export function addFleetCommands(program: Command, deps: CliDeps): void {
  addRestOptions(program.command('status').description('the fleet at a glance: leader, workers, lag of each topic'))
    .option('--check', 'exit code 3 unless somebody leads and every partition that should be copied runs', false)
    .action(async (options: RestOptions & { check: boolean }) => {
      const status = await clientOf(deps, options).status();
      printResult(deps.terminal, options.output, statusResult(status));
      if (!options.check) return;
      const faults = statusFaults(status);
      for (const fault of faults) deps.terminal.err(`not so: ${fault}\n`);
      deps.exit(faults.length === 0 ? EXIT.ok : EXIT.conditionNotMet);
    });
  addRestOptions(program.command('workers').description('the workers that live, and what they carry')).action(
    async (options: RestOptions) => {
      const { workers } = await clientOf(deps, options).workers();
      printResult(deps.terminal, options.output, workersResult(workers));
    },
  );
  addRestOptions(program.command('assignment').description('who should copy what, and who does'))
    .option('-w, --worker <id>', 'of this worker only')
    .action(async (options: RestOptions & { worker?: string }) => {
      const view = await clientOf(deps, options).assignment();
      printResult(deps.terminal, options.output, assignmentResult(view, options.worker));
    });
}

function statusResult(status: FleetStatus): Result {
  const { fleet, leader, controllers, counts, topics } = status;
  const led = leader === null ? 'nobody leads' : `${leader.controller} leads (epoch ${leader.epoch})`;
  return {
    value: status,
    preface: [
      `Fleet:    ${fleet}; ${led}; ${controllers.length} controllers`,
      `Workers:  ${counts.workers}, ${counts.answeringWorkers} answer; ${counts.assigned} partitions assigned`,
      '',
    ],
    columns: ['TOPIC', 'ROUTE', 'STATES', 'LAG', 'LAG-S', 'RECORDS/S', 'MB/S', 'WORKERS'],
    rows: topics.map(statusRow),
    notes: (status.problems ?? []).map(({ route, topic, code, message }) => `${route}/${topic}: ${code}: ${message}`),
    empty: 'no topics',
  };
}

function statusRow(topic: TopicStatusView): string[] {
  const states = Object.entries(topic.states).map(([state, count]) => `${state}:${count}`);
  if (topic.throttled > 0) states.push(`throttled:${topic.throttled}`);
  return [
    topic.topic,
    topic.route,
    states.length === 0 ? '-' : states.join(','),
    counted(topic.lagRecords),
    seconds(topic.lagSeconds),
    counted(topic.recordsPerS),
    megabytes(topic.bytesPerS),
    topic.workers.join(','),
  ];
}

function workersResult(workers: readonly WorkerView[]): Result {
  return {
    value: { workers },
    columns: [
      'WORKER',
      'ZONE',
      'CAPACITY',
      'ROLE',
      'ROUTES',
      'PARTITIONS',
      'LAG',
      'RECORDS/S',
      'MB/S',
      'THREADS',
      'LEAVING',
      'VERSION',
      'HTTP',
    ],
    rows: workers.map((worker) => [
      worker.worker,
      worker.zone,
      String(worker.capacity),
      worker.role,
      worker.routes.join(','),
      String(worker.partitions),
      counted(worker.lagRecords),
      counted(worker.recordsPerS),
      megabytes(worker.bytesPerS),
      threadsText(worker.threads),
      worker.leaving ? 'yes' : 'no',
      worker.version,
      worker.http,
    ]),
    empty: 'no workers',
  };
}

/** How busy each data thread is. */
function threadsText(threads: WorkerView['threads']): string {
  if (threads === null || threads.length === 0) return '-';
  return threads.map(({ utilization }) => `${Math.round(utilization * 100)}%`).join(',');
}

function assignmentResult(view: AssignmentView, worker: string | undefined): Result {
  const workers = view.workers.filter((entry) => worker === undefined || entry.worker === worker);
  return {
    value: { ...view, workers },
    columns: ['WORKER', 'ROUTE', 'TOPIC', 'PARTITIONS', 'STATE', 'ACTUAL', 'ALIVE'],
    rows: workers.flatMap(assignmentRows),
    notes: view.unreadable.map((path) => `cannot be read: ${path}`),
    empty: 'nothing is assigned',
  };
}

/** One row per worker, topic and state; partitions as a set. */
function assignmentRows({ worker, alive, items }: AssignmentView['workers'][number]): string[][] {
  const groups = new Map<string, { readonly cells: readonly string[]; readonly partitions: number[] }>();
  for (const { route, topic, state, actual, partition } of items) {
    const key = JSON.stringify([route, topic, state, actual]);
    const group = groups.get(key) ?? { cells: [route, topic, state, actual], partitions: [] };
    group.partitions.push(partition);
    groups.set(key, group);
  }
  return [...groups.values()].map(({ cells: [route = '', topic = '', state = '', actual = ''], partitions }) => [
    worker,
    route,
    topic,
    formatPartitions(partitions),
    state,
    actual,
    alive ? 'yes' : 'no',
  ]);
}
