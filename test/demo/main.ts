import { BedError } from '../bed/bed-error.js';
import { Workspace } from '../bed/workspace.js';
import { DEMO_HELP, type DemoOptions, parseDemoOptions, UsageError } from './options.js';
import { Screen } from './screen.js';
import { DemoSession } from './session.js';

const EXIT_USAGE = 64;
const EXIT_FAULT = 1;
const EXIT_INTERRUPTED = 130;

/** `npm run demo`: the whole of it. @returns the exit status */
export async function runDemo(args: readonly string[]): Promise<number> {
  let options: DemoOptions | undefined;
  try {
    options = parseDemoOptions(args);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    process.stderr.write(`${error.message}\n\n${DEMO_HELP}\n`);
    return EXIT_USAGE;
  }
  if (options === undefined) {
    process.stdout.write(`${DEMO_HELP}\n`);
    return 0;
  }
  return runSession(options);
}

async function runSession(options: DemoOptions): Promise<number> {
  const interrupt = new AbortController();
  const onSignal = (): void => {
    // Before everything runs, and the second time: the exit handlers of the test bed kill whatever there is.
    if (!session.isStarted || interrupt.signal.aborted) process.exit(EXIT_INTERRUPTED);
    interrupt.abort();
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, onSignal);
  // A check speaks on stderr, so that stdout carries the verdict alone.
  const out = options.check ? process.stderr : process.stdout;
  const screen = new Screen(out, !options.check && process.stdout.isTTY);
  const workspace = new Workspace('demo');
  const session = new DemoSession(options, screen, workspace.folder, interrupt.signal);
  let line = '';
  let status = 0;
  try {
    const verdict = await session.run();
    screen.leave();
    line = verdict?.line ?? '';
    for (const fault of verdict?.faults ?? []) out.write(`${fault}\n`);
    if (verdict?.ok === false) status = EXIT_FAULT;
    if (interrupt.signal.aborted && options.check) status = EXIT_INTERRUPTED;
  } catch (error) {
    screen.leave();
    out.write(`${error instanceof BedError ? error.message : String((error as Error).stack ?? error)}\n`);
    status = EXIT_FAULT;
  }
  screen.say('stopping everything');
  await session.stop();
  if (status === EXIT_FAULT) workspace.markFailed();
  workspace.remove();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, onSignal);
  if (line !== '') process.stdout.write(`${line}\n`);
  return status;
}
