import type { KafkaClusterHandle } from '../bed/kafka.js';
import type { FleetReach, ProcessKind } from '../demo/fleet.js';
import { FaultProxy } from '../proxy/fault-proxy.js';
import { KafkaDialect } from '../proxy/kafka-dialect.js';
import { ZooKeeperDialect } from '../proxy/zookeeper-dialect.js';
import type { ChaosBed } from './chaos-bed.js';

/** The lines of one process to all that is around it, each of them a proxy. Controllers reach the clusters directly. */
export class Links {
  /** By broker; none for a controller, both. */
  readonly source: readonly FaultProxy[];
  readonly target: readonly FaultProxy[];
  readonly zooKeeper: FaultProxy;

  private constructor(parts: Pick<Links, 'source' | 'target' | 'zooKeeper'>) {
    this.source = parts.source;
    this.target = parts.target;
    this.zooKeeper = parts.zooKeeper;
  }

  static async start(bed: Pick<ChaosBed, 'source' | 'target' | 'zooKeeper'>, kind: ProcessKind): Promise<Links> {
    const isWorker = kind === 'worker';
    return new Links({
      source: isWorker ? await clusterLinks(bed.source) : [],
      target: isWorker ? await clusterLinks(bed.target) : [],
      zooKeeper: await FaultProxy.start({
        target: { host: '127.0.0.1', port: bed.zooKeeper.port },
        dialect: new ZooKeeperDialect(),
      }),
    });
  }

  get reach(): FleetReach {
    return {
      ...(this.source.length === 0 ? {} : { source: addresses(this.source) }),
      ...(this.target.length === 0 ? {} : { target: addresses(this.target) }),
      zooKeeperConnect: this.zooKeeper.address,
    };
  }

  /** See FaultProxy.heal. */
  heal(): void {
    for (const link of this.#all) link.heal({ forget: true });
  }

  async close(): Promise<void> {
    await Promise.all(this.#all.map((link) => link.close()));
  }

  get #all(): FaultProxy[] {
    return [...this.source, ...this.target, this.zooKeeper];
  }
}

function addresses(links: readonly FaultProxy[]): { readonly bootstrapServers: string } {
  return { bootstrapServers: links.map(({ address }) => address).join(',') };
}

/** A proxy for each broker; what one broker tells of the others leads to their proxies. */
async function clusterLinks({ brokers }: KafkaClusterHandle): Promise<FaultProxy[]> {
  const portOf = new Map<number, number>();
  const links: FaultProxy[] = [];
  for (const { port } of brokers) {
    const link = await FaultProxy.start({ target: { host: '127.0.0.1', port }, dialect: new KafkaDialect(portOf) });
    portOf.set(port, link.port);
    links.push(link);
  }
  return links;
}
