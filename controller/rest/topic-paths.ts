import type { Response, Router } from 'express';
import {
  newTopicBody,
  type ResolveView,
  resolveBody,
  type SkipView,
  skipBody,
  type TopicOrder,
  type TopicView,
  topicBody,
  topicPatch,
} from '../../common/api/desired-shapes.js';
import { rateLimitsFrom } from '../../common/config/route.js';
import { jsonBody } from '../../common/http/body.js';
import type { ResolveOrder } from '../../common/model/continuity.js';
import type { SkipOrder } from '../../common/model/gap.js';
import { type PartitionStart, targetTopicOf } from '../../common/model/route.js';
import { on, param, preconditions } from './endpoint.js';
import { etagOf } from './etag.js';
import { pageOf } from './paging.js';
import type { ResolveService } from './resolve-service.js';
import type { SkipService } from './skip-service.js';
import type { StoredTopic, TopicService, TopicWish } from './topic-service.js';
import type { FleetViews } from './views.js';

export interface TopicPathsOptions {
  readonly topics: TopicService;
  readonly skips: SkipService;
  readonly resolves: ResolveService;
  readonly views: FleetViews;
}

function topicView({ route, entry }: StoredTopic): TopicView {
  const { topic, partitions, paused, limits, skips, resolutions = [], addedAt, origin = 'operator' } = entry;
  const { starts = [], retired = null } = entry;
  const targetTopic = targetTopicOf(route, topic);
  const place = { route: route.name, topic, targetTopic };
  const orders = { skips: skips.map(skipView), resolutions: resolutions.map(resolveView) };
  const beginnings = starts.map(({ partition, from }) => ({ partition, from: String(from) }));
  return { ...place, partitions, paused, limits, ...orders, addedAt, origin, starts: beginnings, retired };
}

function wishOf({ partitions, paused, limits, starts }: TopicOrder): TopicWish {
  const beginnings = starts?.map(({ partition, from }) => ({ partition, from: startOf(from) }));
  return {
    ...{ partitions, paused, limits: rateLimitsFrom(limits) },
    ...(beginnings === undefined ? {} : { starts: beginnings.sort((a, b) => a.partition - b.partition) }),
  };
}

function startOf(from: string): PartitionStart['from'] {
  return from === 'earliest' || from === 'latest' ? from : BigInt(from);
}

function skipView({ partition, from, to, reason, at }: SkipOrder): SkipView {
  return { partition, from: String(from), to: String(to), reason, at };
}

function resolveView({ partition, action, timeline, reason, at }: ResolveOrder): ResolveView {
  return { partition, action, timeline, reason, at };
}

function sendTopic(response: Response, stored: StoredTopic, status: number): void {
  response.setHeader('etag', etagOf(stored.node));
  response.status(status).json(topicView(stored));
}

/** The topics of a route: entries, skips, status. */
export function topicPaths(router: Router, { topics, skips, resolves, views }: TopicPathsOptions): void {
  on(router, '/routes/:route/topics', {
    get: async (request, response) => {
      const route = param(request, 'route');
      const { names, next } = pageOf(request, await topics.names(route));
      response.json({ topics: (await topics.read(route, names)).map(topicView), next });
    },
    post: async (request, response) => {
      const { topic, ...body } = jsonBody(request, newTopicBody);
      const wish = wishOf(body);
      const route = param(request, 'route');
      const stored = await topics.add(route, topic, wish);
      response.setHeader('location', `/api/v1/routes/${route}/topics/${stored.entry.topic}`);
      sendTopic(response, stored, 201);
    },
  });
  on(router, '/routes/:route/topics/:topic', {
    get: async (request, response) => {
      sendTopic(response, await topics.get(param(request, 'route'), param(request, 'topic')), 200);
    },
    put: async (request, response) => {
      const wish = wishOf(jsonBody(request, topicBody));
      const stored = await topics.put(param(request, 'route'), param(request, 'topic'), wish, preconditions(request));
      sendTopic(response, stored, stored.created ? 201 : 200);
    },
    patch: async (request, response) => {
      const { partitions, paused, limits } = jsonBody(request, topicPatch);
      const wish = {
        ...(partitions === undefined ? {} : { partitions }),
        ...(paused === undefined ? {} : { paused }),
        ...(limits === undefined ? {} : { limits: rateLimitsFrom(limits) }),
      };
      const stored = await topics.patch(param(request, 'route'), param(request, 'topic'), wish, preconditions(request));
      sendTopic(response, stored, 200);
    },
    delete: async (request, response) => {
      await topics.remove(param(request, 'route'), param(request, 'topic'), preconditions(request));
      response.status(204).end();
    },
  });
  on(router, '/routes/:route/topics/:topic/skip', {
    post: async (request, response) => {
      const { partition, from, to, reason } = jsonBody(request, skipBody);
      const wish = { partition, from: BigInt(from), to: BigInt(to), reason };
      const order = await skips.order(param(request, 'route'), param(request, 'topic'), wish);
      response.status(202).json(skipView(order));
    },
  });
  on(router, '/routes/:route/topics/:topic/resolve', {
    post: async (request, response) => {
      const wish = jsonBody(request, resolveBody);
      const order = await resolves.order(param(request, 'route'), param(request, 'topic'), wish);
      response.status(202).json(resolveView(order));
    },
  });
  on(router, '/routes/:route/topics/:topic/status', {
    get: async (request, response) => {
      const { route, entry } = await topics.get(param(request, 'route'), param(request, 'topic'));
      response.json(await views.topic(route, entry));
    },
  });
}
