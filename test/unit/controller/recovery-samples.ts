import type { Recovery, RecoveryOptions } from '../../../common/model/recovery.js';
import { programOf } from '../../../controller/core/recovery-program.js';
import { stepBegun, stepEnded } from '../../../controller/core/recovery-state.js';

const AT = '2026-03-01T00:00:00.000Z';
const OPTIONS = {
  ...{ confirm: [], fencePrincipals: [], stillMs: 100, drainTimeoutMs: 1_000, stopTimeoutMs: 1_000 },
  ...{ force: true, reverseCopy: false, switchBack: true, quarantineSuffix: '', readOnlySource: false, groups: false },
  sampleRecords: 1,
} satisfies RecoveryOptions;

/** A failover that has begun `step` in March 2026, everything before it done; where it is over, or waits, `step` is done. */
export function recoveryAt(state: Recovery['state'], step: string): Recovery {
  const steps = programOf('failover', OPTIONS, []);
  let recovery: Recovery = {
    ...{ id: 'failover-20260301000000-abcdef', kind: 'failover', route: 'r', topics: ['t'], asked: [] },
    ...{ options: OPTIONS, dryRun: false, state: 'running', createdAt: AT, updatedAt: AT, steps, confirmed: [] },
    ...{ facts: { out: {}, back: {} }, audit: [] },
  };
  for (const { id } of steps) {
    recovery = stepBegun(recovery, id, AT);
    if (id === step && (state === 'running' || state === 'aborting')) break;
    recovery = stepEnded(recovery, id, { kind: 'done' }, AT);
    if (id === step) break;
  }
  return { ...recovery, state };
}
