import { isCausewayError, messageOf } from '../../../common/errors/error.js';
import type { Route } from '../../../common/model/route.js';
import { copyFault } from '../../schemas/schema-faults.js';
import type { Findings } from '../findings.js';
import type { StepContext } from '../ports.js';
import { within } from '../within.js';

/** As long as the step that copies them may take: what is too much then is found out now. */
const REGISTRIES_TIMEOUT_MS = 60_000;

/** Registries that cannot be made one are found out now, not when nobody may write any more and groups are moved. */
export async function judgeSchemas(
  context: StepContext,
  out: Route,
  reverse: string | undefined,
  findings: Findings,
): Promise<void> {
  const { recovery, world } = context;
  const { kind, options } = recovery;
  // It promotes what there is, whatever the source's registry says.
  if (kind === 'failover' || world.schemas === undefined) return;
  if (kind === 'failback' && (!options.switchBack || reverse === undefined)) return;
  const route = kind === 'failback' ? (await world.fleet.route(reverse ?? ''))?.value : out;
  if (route?.schemas?.mode !== 'api') return;
  const verdict = kind === 'drill' ? 'warn' : 'block';
  try {
    const asked = world.schemas.compare(route);
    const { plan, promotion } = await within(context, REGISTRIES_TIMEOUT_MS, 'comparing the registries', asked);
    const fault = promotion === undefined ? copyFault(route, plan, false) : undefined;
    if (fault === undefined) findings.add('schemas', 'ok', `registry of cluster ${route.target}`);
    else findings.add('schemas', verdict, `${fault.message} (${fault.fix})`);
  } catch (error) {
    if (!isCausewayError(error)) throw error;
    findings.add('schemas', verdict, `route ${route.name}: ${messageOf(error)}`);
  }
}
