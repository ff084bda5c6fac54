import { Command, CommanderError, Option } from 'commander';
import { EXIT } from '../common/process/exit-codes.js';
import { packageVersion } from '../common/process/version.js';
import { addConfigCommands } from './commands/config.js';
import { addFleetCommands } from './commands/fleet.js';
import { addGroupCommands } from './commands/groups.js';
import { addJobCommands } from './commands/job.js';
import { addMm2Commands } from './commands/mm2.js';
import { addOffsetCommands } from './commands/offsets.js';
import { addPlanCommands } from './commands/plan.js';
import { addRecoveryCommands } from './commands/recovery.js';
import { addRouteCommands } from './commands/route.js';
import { addRulesCommands } from './commands/rules.js';
import { addRunCommands } from './commands/run.js';
import { addSchemaCommands } from './commands/schemas.js';
import { addSyncCommands } from './commands/sync.js';
import { addTopicCommands } from './commands/topic.js';
import { addTransferCommands } from './commands/transfer.js';
import { addWhyCommand } from './commands/why.js';
import type { CliDeps } from './deps.js';
import { reportFailure } from './failure.js';

/** Runs one command line (without node and script) and gives the exit code; a role that was started runs on after that. */
export async function runCli(args: readonly string[], deps: Omit<CliDeps, 'exit'>): Promise<number> {
  let code: number = EXIT.ok;
  const exit = (given: number): void => {
    code = given;
  };
  const program = buildProgram({ ...deps, exit });
  try {
    await program.parseAsync([...args], { from: 'user' });
    return code;
  } catch (error) {
    // Commander has said what is wrong; help and version end with 0.
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    return reportFailure(deps.terminal, error, args.includes('--debug'));
  }
}

/** The tree of all commands. */
export function buildProgram(deps: CliDeps): Command {
  const { terminal } = deps;
  const program = new Command('causeway')
    .description('Mirrors topics between Kafka clusters')
    .version(packageVersion(), '-V, --version')
    .configureOutput({ writeOut: (text) => terminal.out(text), writeErr: (text) => terminal.err(text) })
    .exitOverride()
    .showHelpAfterError('(add --help for the options)');
  addRunCommands(program);
  addRouteCommands(program, deps);
  addTopicCommands(program, deps);
  addWhyCommand(program, deps);
  addRulesCommands(program, deps);
  addSyncCommands(program, deps);
  addSchemaCommands(program, deps);
  addFleetCommands(program, deps);
  addPlanCommands(program, deps);
  addJobCommands(program, deps);
  addOffsetCommands(program, deps);
  addGroupCommands(program, deps);
  addRecoveryCommands(program, deps);
  addMm2Commands(program, deps);
  addTransferCommands(program, deps);
  addConfigCommands(program, deps);
  addDebugOption(program);
  return program;
}

function addDebugOption(command: Command): void {
  command.addOption(new Option('--debug', 'print stacks of errors').hideHelp(command.parent !== null));
  for (const child of command.commands) addDebugOption(child);
}
