import { isCausewayError } from '../../common/errors/error.js';
import type { Route } from '../../common/model/route.js';
import type { Logger } from '../../common/observability/logger.js';
import type { Metrics } from '../../common/observability/metrics.js';
import type { Clock } from '../../common/runtime/clock.js';
import type { Term } from '../loop/leader-works.js';

/** How exactly intervals are kept. */
const TICK_MS = 100;

export interface RouteLoopsOptions<S> {
  readonly name: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Undefined: the route has none of it. */
  readonly intervalMs: (route: Route) => number | undefined;
  /** What is kept for as long as the route stays as it is. */
  readonly begin: (route: Route) => S;
  /** One turn; what it throws is said once, and the next turn comes all the same. */
  readonly turn: (route: Route, state: S, term: Term) => Promise<void>;
}

interface Loop<S> {
  readonly route: Route;
  readonly state: S;
  dueMs: number;
  running: Promise<void> | undefined;
  fault: string | undefined;
}

/** One loop for each route, none of which waits for another, until the term is over. */
export async function runRouteLoops<S>(term: Term, options: RouteLoopsOptions<S>): Promise<void> {
  const { clock, begin, intervalMs } = options;
  const loops = new Map<string, Loop<S>>();
  while (!term.signal.aborted) {
    const wanted = new Map(
      term.routes().flatMap((route) => (intervalMs(route) === undefined ? [] : [[route.name, route]])),
    );
    for (const [name, loop] of loops) {
      const route = wanted.get(name);
      if (route === undefined || !isSame(route, loop.route)) loops.delete(name);
    }
    for (const [name, route] of wanted) {
      let loop = loops.get(name);
      if (loop === undefined) {
        const now = { dueMs: clock.monotonicMs(), running: undefined, fault: undefined };
        loop = { route, state: begin(route), ...now };
        loops.set(name, loop);
      }
      if (loop.running === undefined && clock.monotonicMs() >= loop.dueMs) loop.running = turn(loop, term, options);
    }
    await clock.sleep(TICK_MS, term.signal);
  }
  await Promise.all([...loops.values()].map(({ running }) => running));
}

/** Read again, a record is another object though nothing in it has changed. */
function isSame(a: Route, b: Route): boolean {
  return a === b || JSON.stringify(a) === JSON.stringify(b);
}

async function turn<S>(loop: Loop<S>, term: Term, options: RouteLoopsOptions<S>): Promise<void> {
  const { name, clock, logger, metrics, intervalMs } = options;
  const { route } = loop;
  try {
    await options.turn(route, loop.state, term);
    if (loop.fault !== undefined) logger.info('mm2.recovered', { route: route.name, part: name });
    loop.fault = undefined;
  } catch (error) {
    const code = isCausewayError(error) ? error.code : 'INTERNAL_INVARIANT';
    metrics.inc('causeway_mm2_failures_total', 1, { route: route.name, part: name });
    if (loop.fault !== code && !term.signal.aborted) {
      logger.warn('mm2.failed', { route: route.name, part: name, err: error });
    }
    loop.fault = code;
  } finally {
    loop.dueMs = clock.monotonicMs() + (intervalMs(route) ?? 0);
    loop.running = undefined;
  }
}
