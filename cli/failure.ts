import { isCausewayError, messageOf } from '../common/errors/error.js';
import { EXIT } from '../common/process/exit-codes.js';
import { printable, type Terminal } from './output.js';

/** Prints code, message, place and fix, and gives the exit code. No stack without `--debug`. */
export function reportFailure(terminal: Terminal, error: unknown, debug: boolean): number {
  if (isCausewayError(error)) {
    const place = Object.entries(error.place).map(([key, value]) => `${key} ${String(value)}`);
    const where = place.length === 0 ? '' : ` (${place.join(', ')})`;
    // Each line on its own: the configuration's faults come one a line.
    const lines = `${error.code}: ${error.message}${where}`.split('\n').map(printable);
    terminal.err(`${lines.join('\n')}\n`);
    if (error.fix !== undefined) terminal.err(`  ${printable(error.fix)}\n`);
  } else {
    terminal.err(`INTERNAL: ${printable(messageOf(error))}\n`);
    if (!debug) terminal.err('  This is a bug; run again with --debug and report what it prints.\n');
  }
  if (debug && error instanceof Error) terminal.err(`${error.stack ?? ''}\n`);
  return exitCodeOf(error);
}

/** 78 and 64 belong to processes that a supervisor watches; of the rest a script only needs failed (1) or wrongly called (2). */
function exitCodeOf(error: unknown): number {
  if (!isCausewayError(error)) return EXIT.crashed;
  if (error.code === 'USAGE') return EXIT.usage;
  return error.code === 'CONFIG_INVALID' ? error.info.exitCode : EXIT.failed;
}
