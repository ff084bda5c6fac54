import { fork } from 'node:child_process';
import { realpathSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { HELP, readOptions, type SimOptions } from './options.js';
import { type Outcome, runSeed } from './run-seed.js';

/** Seeds that a process is given at a time. */
const SHARE = 20;
/** Then another process goes on, so that nothing that worlds may leave behind adds up. A process that has run some hundred is the fastest. */
const SHARES_PER_PROCESS = 250;

interface Order {
  readonly from: number;
  readonly seeds: number;
}

/** Runs seeds and says how each one went that failed. @returns the exit code */
export async function runSimulation(args: readonly string[]): Promise<number> {
  const options = readOptions(args, availableParallelism());
  if (options.help) {
    console.log(HELP);
    return 0;
  }
  const startMs = performance.now();
  const failed = options.processes === 1 ? await runHere(options) : await runBeside(options);
  const seconds = ((performance.now() - startMs) / 1_000).toFixed(1);
  const said = failed.count === 0 ? 'nothing was wrong' : `${failed.count} failed`;
  console.log(`${failed.ran} seeds from ${options.from} on: ${said} (${seconds} s)`);
  return failed.count === 0 ? 0 : 1;
}

interface Tally {
  ran: number;
  count: number;
}

async function runHere({ from, seeds, trace, all }: SimOptions): Promise<Tally> {
  const tally = { ran: 0, count: 0 };
  for (let seed = from; seed < from + seeds; seed += 1) {
    const outcome = await runSeed(seed, { trace });
    for (const line of outcome.trace) console.log(line);
    if (trace) console.log(`hash ${outcome.hash}, ${outcome.turns} turns in ${outcome.tookMs} ms`);
    tally.ran += 1;
    if (outcome.violation === undefined) continue;
    tally.count += 1;
    tell(outcome);
    if (!all) break;
  }
  return tally;
}

/** Shares are handed out as they are asked for, so that no process waits for the others. */
function runBeside({ from, seeds, processes, all }: SimOptions): Promise<Tally> {
  const tally = { ran: 0, count: 0 };
  let next = from;
  const end = from + seeds;
  const order = (): Order | undefined => {
    if (next >= end || (tally.count > 0 && !all)) return undefined;
    const share = { from: next, seeds: Math.min(SHARE, end - next) };
    next += share.seeds;
    return share;
  };
  const life = (): Promise<void> =>
    new Promise((resolve, reject) => {
      const child = fork(fileURLToPath(import.meta.url), ['--share']);
      let given = 0;
      const give = (): void => {
        const share = given < SHARES_PER_PROCESS ? order() : undefined;
        given += 1;
        if (share === undefined) child.disconnect();
        else child.send(share);
      };
      child.on('message', (message: Outcome | 'done') => {
        if (message === 'done') give();
        else {
          tally.ran += 1;
          if (message.violation === undefined) return;
          tally.count += 1;
          tell(message);
        }
      });
      child.on('error', reject);
      child.on('exit', (code) => {
        if (code === 0) resolve();
        else reject(new Error(`a process of the simulation ended with ${code}`));
      });
      give();
    });
  const work = async (): Promise<void> => {
    while (next < end && (tally.count === 0 || all)) await life();
  };
  return Promise.all(Array.from({ length: processes }, work)).then(() => tally);
}

function tell({ seed, violation, faults }: Outcome): void {
  console.log(`violation in seed ${seed}: ${violation?.kind}: ${violation?.message}`);
  for (const fault of faults) console.log(`    ${fault}`);
}

/** By its own name, not imported by who gives it arguments. */
function isStarted(): boolean {
  const started = process.argv[1];
  return started !== undefined && realpathSync(started) === fileURLToPath(import.meta.url);
}

/** One of several processes: runs the shares it is sent. */
function serve(): void {
  // Whoever gave the orders is done, or gone: what is under way is nobody's any more.
  process.on('disconnect', () => process.exit());
  process.on('message', (share: Order) => {
    void (async () => {
      for (let seed = share.from; seed < share.from + share.seeds; seed += 1) {
        process.send?.({ ...(await runSeed(seed)), trace: [] });
      }
      process.send?.('done');
    })();
  });
}

if (process.argv[2] === '--share') serve();
else if (isStarted()) {
  process.exitCode = await runSimulation(process.argv.slice(2));
}
