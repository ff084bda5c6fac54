import { encodeTopicEntry } from '../../common/coordination/records/desired.js';
import { routePath, topicPath, topicsPath } from '../../common/coordination/znodes.js';
import { isCausewayError } from '../../common/errors/error.js';
import { formatRemoteTopic, isCycle, isHeartbeatsTopic, separatorOf } from '../../common/model/naming.js';
import { type Route, type TopicEntry, targetTopicOf } from '../../common/model/route.js';
import { neverMirrored } from '../core/own-topics.js';
import type { LeaderWork, Term } from '../loop/leader-works.js';
import type { Mm2Deps } from './deps.js';
import { runRouteLoops } from './route-loops.js';

/** How often it is looked for heartbeats that are not mirrored yet. */
const LOOK_MS = 5_000;

/**
 * Has every heartbeats topic of a route's source mirrored, hop by hop, whatever the route selects: `heartbeats` becomes `<source>.heartbeats`. Writes
 * an entry for each, as an operator would; denied ones are left alone.
 */
export class HeartbeatTopics implements LeaderWork {
  readonly name = 'mm2-heartbeat-topics';
  readonly #deps: Mm2Deps;

  constructor(deps: Mm2Deps) {
    this.#deps = deps;
  }

  run(term: Term): Promise<void> {
    return runRouteLoops(term, {
      name: 'heartbeat-topics',
      ...this.#deps,
      intervalMs: ({ mm2 }) => (mm2 === undefined || mm2.heartbeats === 'off' ? undefined : LOOK_MS),
      begin: () => undefined,
      turn: (route) => this.#turn(route, term),
    });
  }

  async #turn(route: Route, term: Term): Promise<void> {
    const { clients, logger } = this.#deps;
    const { topics } = await clients.of(route.source).metadata('all');
    for (const topic of topics.keys()) {
      if (!isWanted(route, topic, term)) continue;
      if (await this.#add(route, topic, term)) logger.info('mm2.heartbeats-mirrored', { route: route.name, topic });
    }
  }

  /** @returns whether it was written; the next look comes anyway */
  async #add({ name: route }: Route, topic: string, term: Term): Promise<boolean> {
    const version = term.routeVersion(route);
    if (version === undefined) return false;
    const addedAt = new Date(this.#deps.clock.wallMs()).toISOString();
    const entry: TopicEntry = { route, topic, partitions: 'all', paused: false, skips: [], limits: {}, addedAt };
    const data = encodeTopicEntry(entry);
    for (const parentIsThere of [true, false]) {
      try {
        await term.write([
          { type: 'check', path: routePath(route), version },
          ...(parentIsThere ? [] : [{ type: 'create', path: topicsPath(route), data: Buffer.alloc(0) } as const]),
          { type: 'create', path: topicPath(route, topic), data },
        ]);
        return true;
      } catch (error) {
        // The parent of a route's topics comes with the first of them; somebody may be faster; the route may be another one by now.
        if (isCausewayError(error, 'NODE_MISSING') && parentIsThere) continue;
        const isRace = ['NODE_EXISTS', 'NODE_MISSING', 'BAD_VERSION'].some(
          (code) => isCausewayError(error) && error.code === code,
        );
        if (!isRace) throw error;
        return false;
      }
    }
    return false;
  }
}

function isWanted(route: Route, topic: string, term: Term): boolean {
  const separator = separatorOf(route.naming);
  if (!isHeartbeatsTopic(topic, separator) || isCycle(topic, route.target, separator)) return false;
  if (neverMirrored(topic) !== undefined) return false;
  const target = formatRemoteTopic(route.source, topic, separator);
  if (term.entries(route.name).some((entry) => entry.topic === topic)) return false;
  // Another naming would write into the target's own heartbeats, or where no reader looks for them.
  if (targetTopicOf(route, topic) !== target || term.isDenied(route.name, topic)) return false;
  const mirrorsIt = (other: Route): boolean => {
    if (other.name === route.name || other.target !== route.target) return false;
    return term.entries(other.name).some((entry) => targetTopicOf(other, entry.topic) === target);
  };
  return !term.routes().some(mirrorsIt);
}
