import type { Router } from 'express';
import { CausewayError } from '../../common/errors/error.js';
import { MAX_PARTITIONS_PER_TOPIC } from '../../common/model/topic-partition.js';
import { on, param } from './endpoint.js';
import type { TopicService } from './topic-service.js';
import type { FleetViews } from './views.js';

export interface WhyPathsOptions {
  readonly topics: Pick<TopicService, 'get'>;
  readonly views: Pick<FleetViews, 'why'>;
}

/** Why a partition is where it is. */
export function whyPaths(router: Router, { topics, views }: WhyPathsOptions): void {
  on(router, '/routes/:route/topics/:topic/partitions/:partition/why', {
    get: async (request, response) => {
      const partition = partitionOf(String(request.params['partition'] ?? ''));
      const { route, entry } = await topics.get(param(request, 'route'), param(request, 'topic'));
      response.json(await views.why(route, entry, partition));
    },
  });
}

function partitionOf(text: string): number {
  const partition = /^\d{1,9}$/.test(text) ? Number(text) : -1;
  if (partition >= 0 && partition < MAX_PARTITIONS_PER_TOPIC) return partition;
  throw new CausewayError('INVALID_REQUEST', 'the partition is not a number of one', {
    fix: `Give a number from 0 to ${MAX_PARTITIONS_PER_TOPIC - 1}.`,
  });
}
