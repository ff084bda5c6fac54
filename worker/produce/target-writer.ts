import type { ClusterClient } from '../../common/kafka/wire/cluster-client.js';
import type { Logger } from '../../common/observability/logger.js';
import type { Clock } from '../../common/runtime/clock.js';
import type { Closable } from '../../common/runtime/lifecycle.js';
import type { Random } from '../../common/runtime/random.js';
import type { Leaders } from '../cluster/leaders.js';
import type { TargetFacts } from '../core/stall-facts.js';
import type { Outlet } from '../partition/outlet.js';
import { ProduceChannel } from './produce-channel.js';

/** A partition without a leader is looked at again this often. */
const LEADERLESS_RETRY_MS = 200;

export interface TargetWriterDeps {
  readonly client: ClusterClient;
  readonly leaders: Leaders;
  readonly cluster: string;
  /** Channels per broker. */
  readonly connections: number;
  readonly requestTimeoutMs: number;
  readonly mayProduce: () => boolean;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

/** Routes each partition's batches to a channel of the broker that leads it. */
export class TargetWriter implements Closable {
  readonly #deps: TargetWriterDeps;
  readonly #channels = new Map<string, ProduceChannel>();
  readonly #assigned = new Map<Outlet, ProduceChannel>();
  /** Looked at again together: one may become ready many times while it has no leader. */
  readonly #leaderless = new Set<Outlet>();
  /** When those that met an error are sent again. */
  readonly #retries = new Map<Outlet, number>();
  #closed = false;

  constructor(deps: TargetWriterDeps) {
    this.#deps = deps;
  }

  /** The outlet may have something to send. */
  ready(outlet: Outlet): void {
    if (this.#closed) return;
    const channel = this.#channelFor(outlet);
    if (channel === undefined) {
      this.#deps.leaders.refresh();
      this.#awaitLeader(outlet);
    } else {
      channel.ready(outlet);
    }
  }

  remove(outlet: Outlet): void {
    this.#assigned.get(outlet)?.remove(outlet);
    this.#assigned.delete(outlet);
    this.#leaderless.delete(outlet);
    this.#retries.delete(outlet);
  }

  /** What keeps the outlet’s batches from being sent or answered. */
  facts(outlet: Outlet): TargetFacts {
    const { targetTopic, partition } = outlet.partition.item;
    const channel = this.#assigned.get(outlet);
    const requests = channel?.requests;
    return {
      hasLeader: this.#deps.leaders.leader(targetTopic, partition) !== undefined,
      line: channel?.line,
      isInTurn: channel?.isInTurn(outlet) === true,
      requests: requests?.count ?? 0,
      requestsSinceMs: requests?.sinceMs,
      retryAtMs: this.#retries.get(outlet),
    };
  }

  close(): Promise<void> {
    this.#closed = true;
    for (const channel of this.#channels.values()) channel.close();
    return Promise.resolve();
  }

  #awaitLeader(outlet: Outlet): void {
    this.#leaderless.add(outlet);
    if (this.#leaderless.size > 1) return;
    this.#deps.clock.after(LEADERLESS_RETRY_MS, () => {
      const waiting = [...this.#leaderless];
      this.#leaderless.clear();
      for (const outlet of waiting) this.ready(outlet);
    });
  }

  #later(outlet: Outlet, delayMs: number): void {
    const { life } = outlet.partition;
    const { clock } = this.#deps;
    this.#retries.set(outlet, clock.monotonicMs() + delayMs);
    clock.after(delayMs, () => {
      if (!this.#closed && outlet.partition.life === life) {
        this.#retries.delete(outlet);
        this.ready(outlet);
      }
    });
  }

  /** The present channel while answers are outstanding there: order within a partition must not depend on two connections. */
  #channelFor(outlet: Outlet): ProduceChannel | undefined {
    const { item, targetPartition, queue, transactionalId } = outlet.partition;
    const current = this.#assigned.get(outlet);
    if (current !== undefined && queue.unanswered > 0) return current;
    const leader = this.#deps.leaders.leader(item.targetTopic, targetPartition);
    if (leader === undefined) return undefined;
    const channel = this.#channel(leader.broker, targetPartition % this.#deps.connections, transactionalId);
    if (channel !== current) {
      current?.remove(outlet);
      this.#assigned.set(outlet, channel);
    }
    return channel;
  }

  #channel(broker: number, index: number, transactionalId: string | null): ProduceChannel {
    const key = `${broker}/${index}/${transactionalId ?? ''}`;
    let channel = this.#channels.get(key);
    if (channel === undefined) {
      const { client, leaders, cluster, requestTimeoutMs, mayProduce, clock, random, logger } = this.#deps;
      channel = new ProduceChannel({
        client,
        cluster,
        broker,
        index,
        transactionalId,
        requestTimeoutMs,
        mayProduce,
        clock,
        random,
        logger,
        reroute: (outlet, delayMs) => this.#later(outlet, delayMs),
        onTrouble: () => leaders.refresh(),
      });
      this.#channels.set(key, channel);
    }
    return channel;
  }
}
