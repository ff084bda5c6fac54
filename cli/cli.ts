import { Command, CommanderError, Option } from 'commander';
import { EXIT } from '../common/process/exit-codes.js';
import { packageVersion } from '../common/process/version.js';
import { addConfigCommands } from './commands/config.js';
import { addRunCommands } from './commands/run.js';
import { reportFailure } from './failure.js';
import type { Terminal } from './output.js';

/** Runs one command line (without node and script) and gives the exit code; a role that was started runs on after that. */
export async function runCli(args: readonly string[], terminal: Terminal): Promise<number> {
  let code: number = EXIT.ok;
  const program = buildProgram(terminal, (given) => {
    code = given;
  });
  try {
    await program.parseAsync([...args], { from: 'user' });
    return code;
  } catch (error) {
    // Commander has said what is wrong; help and version end with 0.
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    return reportFailure(terminal, error, args.includes('--debug'));
  }
}

/** The tree of all commands. */
export function buildProgram(terminal: Terminal, exit: (code: number) => void): Command {
  const program = new Command('causeway')
    .description('Mirrors topics between Kafka clusters')
    .version(packageVersion(), '-V, --version')
    .configureOutput({ writeOut: (text) => terminal.out(text), writeErr: (text) => terminal.err(text) })
    .exitOverride()
    .showHelpAfterError('(add --help for the options)');
  addRunCommands(program);
  addConfigCommands(program, terminal, exit);
  addDebugOption(program);
  return program;
}

function addDebugOption(command: Command): void {
  command.addOption(new Option('--debug', 'print stacks of errors').hideHelp(command.parent !== null));
  for (const child of command.commands) addDebugOption(child);
}
