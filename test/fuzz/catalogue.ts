import type { FuzzTarget } from './fuzz-target.js';
import { batchTargets } from './targets/batches.js';
import { intakeTarget } from './targets/intake.js';
import { loginTargets } from './targets/login.js';
import { responseTargets } from './targets/responses.js';
import { storedRecordTargets } from './targets/stored-records.js';
import { streamTargets } from './targets/streams.js';
import { zooKeeperTargets } from './targets/zookeeper.js';

/** Everything of ours that reads a stranger's bytes. */
export function fuzzTargets(): FuzzTarget[] {
  return [
    ...responseTargets(),
    ...loginTargets(),
    ...streamTargets(),
    ...batchTargets(),
    intakeTarget(),
    ...zooKeeperTargets(),
    ...storedRecordTargets(),
  ];
}
