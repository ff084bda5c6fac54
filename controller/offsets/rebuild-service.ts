import type { CoordinationStore } from '../../common/coordination/ports.js';
import type { Logger } from '../../common/observability/logger.js';
import type { Clock } from '../../common/runtime/clock.js';
import { changeEntry } from '../rest/entry-change.js';
import type { TopicService } from '../rest/topic-service.js';

export interface RebuildServiceDeps {
  readonly store: CoordinationStore;
  readonly topics: TopicService;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** An operator's order to find what is missing of a topic's offset maps in the logs; the workers that have its partitions carry it out. */
export class RebuildService {
  readonly #deps: RebuildServiceDeps;

  constructor(deps: RebuildServiceDeps) {
    this.#deps = deps;
  }

  /** @returns when it was ordered, ISO 8601 @throws ROUTE_UNKNOWN, TOPIC_UNKNOWN, PRECONDITION_FAILED */
  async order(route: string, topic: string): Promise<string> {
    const { store, topics, clock, logger } = this.#deps;
    const at = new Date(clock.wallMs()).toISOString();
    await changeEntry(
      store,
      () => topics.get(route, topic),
      ({ entry }) => Promise.resolve({ ...entry, mapRebuildAt: at }),
    );
    logger.info('audit.map-rebuild-ordered', { route, topic });
    return at;
  }
}
