import { setMaxListeners } from 'node:events';
import { BedError } from '../bed/bed-error.js';
import { Workspace } from '../bed/workspace.js';
import { CHAOS_HELP, type ChaosOptions, parseChaosOptions, UsageError } from './options.js';
import { planLine, planOf } from './plan.js';
import { ChaosSession } from './session.js';
import { Timeline } from './timeline.js';

const EXIT_USAGE = 64;
const EXIT_FAULT = 1;
const EXIT_INTERRUPTED = 130;

/**
 * `npm run chaos`: the whole of it.
 * @param prepare what must be there before anything can be started; not called for what starts nothing
 * @returns the exit status
 */
export async function runChaos(args: readonly string[], prepare: () => Promise<void>): Promise<number> {
  let options: ChaosOptions | undefined;
  try {
    options = parseChaosOptions(args, Date.now());
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    process.stderr.write(`${error.message}\n\n${CHAOS_HELP}\n`);
    return EXIT_USAGE;
  }
  if (options === undefined) {
    process.stdout.write(`${CHAOS_HELP}\n`);
    return 0;
  }
  if (options.planOnly) {
    const plan = planOf({ ...options, durationMs: options.minutes * 60_000 });
    process.stdout.write(`seed ${options.seed}\n${plan.map((fault) => `${planLine(fault)}\n`).join('')}`);
    return 0;
  }
  await prepare();
  return runSession(options);
}

async function runSession(options: ChaosOptions): Promise<number> {
  const interrupt = new AbortController();
  // Every fault that waits for its time listens.
  setMaxListeners(0, interrupt.signal);
  const onSignal = (): void => {
    // Before everything runs, and the second time: the exit handlers of the test bed kill whatever there is.
    if (!session.isStarted || interrupt.signal.aborted) process.exit(EXIT_INTERRUPTED);
    interrupt.abort();
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, onSignal);
  const timeline = new Timeline(process.stdout);
  const say = (text: string): void => timeline.say(text);
  const workspace = new Workspace('chaos');
  const session = new ChaosSession(options, workspace.folder, say, interrupt.signal);
  let status = 0;
  let line = '';
  try {
    const verdict = await session.run();
    line = verdict?.line ?? '';
    for (const reason of verdict?.reasons ?? []) say(reason);
    if (verdict !== undefined) say(verdict.ok ? 'verdict: clean' : 'verdict: not clean');
    if (verdict?.ok === false) status = EXIT_FAULT;
  } catch (error) {
    say(error instanceof BedError ? error.message : String((error as Error).stack ?? error));
    status = EXIT_FAULT;
  }
  if (interrupt.signal.aborted) status = EXIT_INTERRUPTED;
  say('stopping everything');
  await session.stop();
  if (status === EXIT_FAULT || options.keepsLogs) {
    workspace.markFailed();
    say(`logs: ${workspace.folder}`);
  }
  workspace.remove();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, onSignal);
  if (line !== '') process.stdout.write(`${line}\n`);
  return status;
}
