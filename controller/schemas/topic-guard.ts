import { isCausewayError } from '../../common/errors/error.js';
import type { ClusterConnection } from '../../common/model/cluster.js';
import { READWRITE } from '../../common/model/schema.js';
import { schemaTopicFault, schemaTopicFindings } from '../core/schema-topic.js';
import { activeTopics, type RouteWorld } from '../metadata/acls/stored-world.js';
import type { SourceMetadata } from '../metadata/ports.js';
import type { SyncSubject } from '../sync/ports.js';
import type { RouteRegistries } from './route-registries.js';

export interface TopicGuardDeps {
  readonly clusters: ReadonlyMap<string, ClusterConnection>;
  readonly registries: RouteRegistries;
  readonly metadata: Pick<SourceMetadata, 'describe'>;
  readonly world: Pick<RouteWorld, 'routes'>;
}

/** Looks whether a registry's topic may be mirrored as things are: what was right when the route was saved may have changed. */
export class TopicGuard {
  readonly #deps: TopicGuardDeps;

  constructor(deps: TopicGuardDeps) {
    this.#deps = deps;
  }

  /** What speaks against it. */
  async findings({ route, entries }: SyncSubject): Promise<readonly string[]> {
    const { metadata, world } = this.#deps;
    if (route.schemas?.mode !== 'topic') return [];
    const { topic } = route.schemas;
    const fault = schemaTopicFault(route, await world.routes());
    const found = (await metadata.describe(route.source, [topic])).topics.get(topic);
    const partitions = found === undefined || found === 'absent' ? null : found === 'unknown' ? 1 : found.partitions;
    const isMirrored = activeTopics(entries).includes(topic);
    const targetWrites = await this.#targetWrites(route.target);
    return [
      ...(fault === undefined ? [] : [fault]),
      ...schemaTopicFindings({ topic, partitions, isMirrored, targetWrites }),
    ];
  }

  /**
   * Undefined: it does not tell. Karapace says whether it leads; Confluent's tells a mode, in which a follower cannot be told from a
   * leader, so that only what is certain counts: the exactly-once copy notices the first record that the registry writes itself.
   */
  async #targetWrites(target: string): Promise<boolean | undefined> {
    if (this.#deps.clusters.get(target)?.schemaRegistry === undefined) return undefined;
    const { client } = this.#deps.registries.of(target);
    try {
      const isLeader = await client.isLeader();
      if (isLeader !== undefined) return isLeader && (await client.mode()) === READWRITE;
      return (await client.mode()) === READWRITE ? undefined : false;
    } catch (error) {
      if (isCausewayError(error)) return undefined;
      throw error;
    }
  }
}
