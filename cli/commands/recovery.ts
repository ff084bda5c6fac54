import type { Command } from 'commander';
import { RecoveryClient } from '../../common/api/recovery-client.js';
import type { RecoveryBody, RecoveryView } from '../../common/api/recovery-shapes.js';
import { EXIT } from '../../common/process/exit-codes.js';
import type { CliDeps } from '../deps.js';
import { addRestOptions, clientOf, type RestOptions } from '../fleet.js';
import { integer } from '../options.js';
import { confirm, printResult } from '../output.js';
import { listResult, programResult, rpoResult, stepLine } from './recovery-table.js';

const POLL_MS = 1_000;
const MS_PER_S = 1_000;
const MAX_SECONDS = 86_400;

type Kind = RecoveryBody['kind'];

const KINDS: readonly (readonly [Kind, string])[] = [
  ['switchover', 'change the direction of a route, both clusters alive: nothing lost, nothing twice'],
  ['failover', 'give the source up: stop copying, note what is lost, move group positions'],
  ['failback', 'bring a source back after a failover: what it lacks, and no more; then switch back'],
  ['cutover', 'end a migration: drain, move group positions, stop'],
  ['drill', 'rehearse: checks, numbers, every group position compared by reading; nothing is changed'],
];

interface ProgramOptions extends RestOptions {
  readonly topics?: string[];
  readonly dryRun?: boolean;
  readonly yes: boolean;
  readonly watch?: boolean;
  readonly force?: boolean;
  readonly confirm?: string[];
  readonly reverse?: string;
  readonly fence?: string[];
  readonly still?: number;
  readonly drainTimeout?: number;
  readonly stopTimeout?: number;
  readonly wayBack?: boolean;
  readonly switchBack: boolean;
  readonly quarantine?: string;
  readonly readOnly?: boolean;
  readonly groups: boolean;
  readonly sample?: number;
}

/** `causeway switchover | failover | failback | cutover | drill`, `causeway recovery ...`, `causeway rpo` */
export function addRecoveryCommands(program: Command, deps: CliDeps): void {
  for (const [kind, description] of KINDS) addProgram(program, deps, kind, description);
  const recovery = program.command('recovery').description('recovery programs: what they do and did');
  addRestOptions(recovery.command('list').description('programs, the latest first')).action(
    async (options: RestOptions) => {
      printResult(deps.terminal, options.output, listResult(await recoveriesOf(deps, options).list()));
    },
  );
  addRestOptions(recovery.command('describe').argument('<id>').description('steps, evidence and audit log'))
    .option('--watch', 'print steps as they end, until the program rests')
    .action(async (id: string, options: RestOptions & { readonly watch?: boolean }) => {
      const client = recoveriesOf(deps, options);
      const view = options.watch === true ? await watch(deps, client, id) : await client.get(id);
      printResult(deps.terminal, options.output, programResult(view));
      if (options.watch === true) exitAs(deps, view);
    });
  addOrder(recovery, deps, 'confirm', 'let the step go on that waits for it');
  addOrder(recovery, deps, 'resume', 'try again what failed');
  addOrder(recovery, deps, 'abort', 'give a program up and undo what it did, before its point of no return');
  addRestOptions(
    program.command('rpo').argument('<route>').description('what would be lost if the source were lost now'),
  ).action(async (route: string, options: RestOptions) => {
    printResult(deps.terminal, options.output, rpoResult(await recoveriesOf(deps, options).rpo(route)));
  });
}

function recoveriesOf(deps: CliDeps, options: RestOptions): RecoveryClient {
  return new RecoveryClient(clientOf(deps, options).transport);
}

function addProgram(program: Command, deps: CliDeps, kind: Kind, description: string): void {
  const command = program
    .command(kind)
    .argument('<route>')
    .description(description)
    .option('--topics <topic...>', 'these topics only')
    .option('-w, --watch', 'print steps as they end, until the program rests')
    .option('--no-groups', 'leave the positions of consumer groups alone');
  if (kind === 'drill') {
    command.option('--sample <records>', 'records compared behind each group position', integer(1, 1_000));
  } else {
    command
      .option('--dry-run', 'checks and numbers only; waits for them')
      .option('-y, --yes', 'do not ask', false)
      .option('--force', 'in spite of findings that an operator may know better')
      .option('--confirm <step...>', 'wait for "recovery confirm" before these steps; "none" for none')
      .option('--stop-timeout <seconds>', 'how long workers may take to let go', integer(1, 3_600));
  }
  if (kind !== 'drill' && kind !== 'failover') {
    command
      .option('--reverse <route>', 'name of the route back')
      .option('--fence <principal...>', 'deny these principals to write at the source (User:app)')
      .option('--still <seconds>', 'the source counts as quiet when its ends stand still so long', integer(1, 600))
      .option('--drain-timeout <seconds>', 'how long producers and copying may take', integer(1, MAX_SECONDS));
  }
  if (kind === 'cutover') {
    command
      .option('--way-back', 'copy back to the old cluster from then on')
      .option('--read-only', 'nobody may write to the old topics afterwards');
  }
  if (kind === 'failback') {
    command
      .option('--no-switch-back', 'stop when the old source has caught up')
      .option('--quarantine <suffix>', 'copy stranded records to <topic><suffix> at the target');
  }
  addRestOptions(command).action((route: string, options: ProgramOptions) => begin(deps, kind, route, options));
}

async function begin(deps: CliDeps, kind: Kind, route: string, options: ProgramOptions): Promise<void> {
  const { terminal } = deps;
  const dryRun = options.dryRun === true;
  if (kind !== 'drill' && !dryRun) await confirm(terminal, `Begin a ${kind} of route ${route}?`, options.yes);
  const client = recoveriesOf(deps, options);
  const { id } = await client.begin(bodyOf(kind, route, options));
  terminal.err(`${id}\n`);
  // What only looks is over soon, and its numbers are what was asked for.
  const waits = options.watch === true || dryRun || kind === 'drill';
  const view = waits ? await watch(deps, client, id) : await client.get(id);
  printResult(terminal, options.output, programResult(view));
  if (waits) exitAs(deps, view);
}

function bodyOf(kind: Kind, route: string, options: ProgramOptions): RecoveryBody {
  const { topics, dryRun, force, reverse, fence, still, drainTimeout, stopTimeout, sample, groups } = options;
  const given = <T>(name: string, value: T | undefined): Record<string, T> =>
    value === undefined ? {} : { [name]: value };
  const inMs = (seconds: number | undefined): number | undefined =>
    seconds === undefined ? undefined : seconds * MS_PER_S;
  return {
    ...{ kind, route, dryRun: dryRun === true },
    ...given('topics', topics),
    options: {
      groups,
      ...given('force', force),
      ...given(
        'confirm',
        options.confirm?.filter((step) => step !== 'none'),
      ),
      ...given('reverse', reverse),
      ...given('fencePrincipals', fence),
      ...given('stillMs', inMs(still)),
      ...given('drainTimeoutMs', inMs(drainTimeout)),
      ...given('stopTimeoutMs', inMs(stopTimeout)),
      ...given('sampleRecords', sample),
      ...(kind === 'cutover'
        ? { reverseCopy: options.wayBack === true, readOnlySource: options.readOnly === true }
        : {}),
      ...(kind === 'failback' ? { switchBack: options.switchBack, quarantineSuffix: options.quarantine ?? '' } : {}),
    },
  };
}

function addOrder(recovery: Command, deps: CliDeps, order: 'confirm' | 'resume' | 'abort', description: string): void {
  const command = recovery
    .command(order)
    .argument('<id>')
    .description(description)
    .option('--reason <text>', 'why; kept in the audit log', '')
    .option('-w, --watch', 'print steps as they end, until the program rests');
  addRestOptions(command).action(
    async (id: string, options: RestOptions & { readonly reason: string; readonly watch?: boolean }) => {
      const client = recoveriesOf(deps, options);
      const ordered = await client[order](id, options.reason);
      const view = options.watch === true ? await watch(deps, client, id) : ordered;
      printResult(deps.terminal, options.output, programResult(view));
      if (options.watch !== true) return;
      const isGivenUp = order === 'abort' && view.state === 'aborted' && !isPartly(view);
      if (!isGivenUp) exitAs(deps, view);
    },
  );
}

/** Something that it did could not be undone. */
function isPartly({ audit }: RecoveryView): boolean {
  return audit.at(-1)?.detail.includes('not undone') === true;
}

/** Says each step as it ends, until the program is over, failed, or waits for an operator. */
async function watch(deps: CliDeps, client: RecoveryClient, id: string): Promise<RecoveryView> {
  const said = new Set<string>();
  for (;;) {
    const view = await client.get(id);
    for (const step of view.steps) {
      const line = stepLine(step);
      if (step.state === 'pending' || step.state === 'running' || said.has(line)) continue;
      said.add(line);
      deps.terminal.err(`${line}\n`);
    }
    if (view.state !== 'running' && view.state !== 'aborting') return view;
    await deps.pace.sleep(POLL_MS);
  }
}

/** Done or waiting for a confirmation is what was asked for; anything else is for a script to see. */
function exitAs(deps: CliDeps, { state, steps, dryRun }: RecoveryView): void {
  // A dry run goes on behind what stands in the way; what was forced has passed it.
  const isBlocked = dryRun && steps.some(({ evidence }) => Number(evidence?.['blocking'] ?? 0) > 0);
  if (state === 'failed' || state === 'aborted' || isBlocked) deps.exit(EXIT.conditionNotMet);
}
