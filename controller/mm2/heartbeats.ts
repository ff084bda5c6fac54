import { encodeHeartbeat } from '../../common/mm2/records.js';
import { HEARTBEATS_TOPIC } from '../../common/mm2/topic-names.js';
import type { Route } from '../../common/model/route.js';
import type { LeaderWork, Term } from '../loop/leader-works.js';
import { CompactTopic } from './compact-topic.js';
import type { Mm2Deps } from './deps.js';
import { runRouteLoops } from './route-loops.js';

interface Written {
  readonly topic: CompactTopic;
  readonly source: string;
  readonly target: string;
}

/** Writes MirrorMaker 2's heartbeats, as MirrorHeartbeatTask does: one record for each flow, to the cluster it flows to. */
export class Heartbeats implements LeaderWork {
  readonly name = 'mm2-heartbeats';
  readonly #deps: Mm2Deps;

  constructor(deps: Mm2Deps) {
    this.#deps = deps;
  }

  run(term: Term): Promise<void> {
    return runRouteLoops(term, {
      name: 'heartbeats',
      ...this.#deps,
      intervalMs: ({ mm2 }) => (mm2 === undefined || mm2.heartbeats === 'off' ? undefined : mm2.heartbeatIntervalMs),
      begin: (route) => this.#places(route),
      turn: async (_route, places) => {
        const wallMs = this.#deps.clock.wallMs();
        await Promise.all(
          places.map(async ({ topic, source, target }) => {
            const flow = { sourceClusterAlias: source, targetClusterAlias: target, timestampMs: BigInt(wallMs) };
            await topic.append([encodeHeartbeat(flow)], wallMs);
          }),
        );
      },
    });
  }

  #places({ source, target, mm2 }: Route): Written[] {
    const written = (from: string, to: string): Written => ({ topic: this.#topic(to, mm2), source: from, target: to });
    return mm2?.heartbeats === 'both' ? [written(source, target), written(target, source)] : [written(source, target)];
  }

  #topic(cluster: string, mm2: Route['mm2']): CompactTopic {
    const { clients, admin } = this.#deps;
    const replicationFactor = mm2?.replicationFactor;
    return new CompactTopic({ client: clients.of(cluster), admin, topic: HEARTBEATS_TOPIC, replicationFactor });
  }
}
