import { runSeed } from './run-seed.js';

const [, , first = '1', count = '1', trace = ''] = process.argv;
let failures = 0;
const started = process.hrtime.bigint();
for (let seed = Number(first); seed < Number(first) + Number(count); seed += 1) {
  const outcome = await runSeed(seed, { trace: trace !== '' });
  for (const line of outcome.trace) console.log(line);
  if (outcome.violation === undefined) continue;
  failures += 1;
  console.log(`seed ${seed}: ${outcome.violation.kind}: ${outcome.violation.message} [${outcome.faults.join('; ')}]`);
}
const ms = Number(process.hrtime.bigint() - started) / 1e6;
console.log(`${count} seeds, ${failures} failed, ${(ms / Number(count)).toFixed(1)} ms each`);
