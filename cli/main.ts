#!/usr/bin/env node
import { systemClock } from '../common/runtime/clock.js';
import { runCli } from './cli.js';
import { nodeTerminal } from './node-terminal.js';

// A reader that has seen enough (`causeway topic list | head`) is no failure of ours.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});

process.exitCode = await runCli(process.argv.slice(2), {
  terminal: nodeTerminal,
  environment: process.env,
  pace: systemClock,
});
