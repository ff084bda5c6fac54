import type { Request, Router } from 'express';
import type { LocationView, MapSummaryView, TranslationList, TranslationView } from '../../common/api/offset-shapes.js';
import { RequestFault } from '../../common/http/problem.js';
import type { LostStretch, PartitionMap, Run, Translation } from '../../common/model/offset-map.js';
import { isIdentical } from '../../common/model/offset-map-lookup.js';
import { targetPartitionOf } from '../../common/model/record-rules.js';
import { MAX_PARTITIONS_PER_TOPIC } from '../../common/model/topic-partition.js';
import { on, param } from '../rest/endpoint.js';
import { indexPageOf } from '../rest/paging.js';
import type { OffsetService, OffsetTopic, Translated } from './offset-service.js';
import type { RebuildService } from './rebuild-service.js';

export interface OffsetPathsOptions {
  readonly offsets: OffsetService;
  readonly rebuilds: RebuildService;
}

const BASE = '/routes/:route/topics/:topic/offsets';
const MAX_OFFSET = 2n ** 63n - 1n;

/** Where copies of records lie. */
export function offsetPaths(router: Router, { offsets, rebuilds }: OffsetPathsOptions): void {
  const topicOf = (request: Request): Promise<OffsetTopic> =>
    offsets.topic(param(request, 'route'), param(request, 'topic'));
  on(router, `${BASE}/translate`, {
    get: async (request, response) => {
      const of = await topicOf(request);
      response.json(translationList(of, await translations(offsets, of, request)));
    },
  });
  on(router, `${BASE}/inverse`, {
    get: async (request, response) => {
      const of = await topicOf(request);
      const found = await offsets.inverse(of, partitionOf(request), offsetOf(request));
      response.json(translationList(of, [found]));
    },
  });
  on(router, `${BASE}/locate`, {
    get: async (request, response) => {
      const of = await topicOf(request);
      response.json(await locationView(offsets, of, partitionOf(request), offsetOf(request)));
    },
  });
  on(router, `${BASE}/rebuild`, {
    post: async (request, response) => {
      const [route, topic] = [param(request, 'route'), param(request, 'topic')];
      response.status(202).json({ route, topic, orderedAt: await rebuilds.order(route, topic) });
    },
  });
  on(router, `${BASE}/map`, {
    get: async (request, response) => {
      const of = await topicOf(request);
      const partitions = [...(await offsets.maps(of))].sort(([a], [b]) => a - b).map((one) => summaryOf(...one));
      response.json({ ...namesOf(of), partitions });
    },
  });
  on(router, `${BASE}/map/:partition`, {
    get: async (request, response) => {
      const of = await topicOf(request);
      const partition = countOf(request.params['partition'], 'partition');
      const map = await offsets.map(of, partition);
      const { from, to, next } = indexPageOf(request, map.runs.length);
      const entries = Array.from({ length: to - from }, (_, i) => runView(map.runs.at(from + i) as Run));
      const lostStretches = (map.lost ?? []).map(stretchView);
      response.json({ ...namesOf(of), ...summaryOf(partition, map), entries, lostStretches, next });
    },
  });
}

async function translations(offsets: OffsetService, of: OffsetTopic, request: Request): Promise<readonly Translated[]> {
  const { group, timestamp, partition } = request.query;
  if (typeof group === 'string' && group !== '') return await offsets.translateGroup(of, group);
  if (timestamp !== undefined) {
    const only = partition === undefined ? undefined : partitionOf(request);
    return await offsets.translateTime(of, numberOf(timestamp, 'timestamp'), only);
  }
  return [await offsets.translate(of, partitionOf(request), offsetOf(request))];
}

async function locationView(
  offsets: OffsetService,
  of: OffsetTopic,
  partition: number,
  offset: bigint,
): Promise<LocationView> {
  const { translation, timeline, run, timestampMs } = await offsets.locate(of, partition, offset);
  const { kind, translated, reason } = translationView({ partition, offset, translation });
  return {
    ...namesOf(of),
    partition,
    sourceOffset: String(offset),
    targetPartition: targetPartitionOf(of.route.partitionMapping, partition),
    isCopied: kind === 'exact',
    targetOffset: translated,
    kind,
    reason,
    timeline,
    run: run === undefined ? null : runView(run),
    timestampMs: timestampMs ?? null,
  };
}

function translationList(of: OffsetTopic, found: readonly Translated[]): TranslationList {
  return { ...namesOf(of), translations: found.map(translationView) };
}

function namesOf({ route, topic, targetTopic }: OffsetTopic) {
  return { route: route.name, topic, targetTopic };
}

function translationView({ partition, offset, translation }: Translated): TranslationView {
  const nothing = { translated: null, next: null, behind: null, first: null, reason: null };
  const asked = { partition, offset: String(offset), kind: translation.kind, ...nothing };
  return { ...asked, ...answerOf(translation) };
}

function answerOf(translation: Translation): Partial<TranslationView> {
  switch (translation.kind) {
    case 'exact':
      return { translated: String(translation.offset) };
    case 'hole':
      return { translated: String(translation.offset), next: String(translation.source) };
    case 'head':
      return { translated: String(translation.offset), behind: String(translation.behind) };
    case 'before-mirror':
      return { first: translation.first === null ? null : pairView(translation.first) };
    case 'unknown':
      return { reason: translation.reason };
  }
}

function summaryOf(partition: number, map: PartitionMap): MapSummaryView {
  const first = map.runs.at(0);
  return {
    partition,
    timeline: map.timeline,
    isIdentical: isIdentical(map),
    runs: map.runs.length,
    lost: map.lost?.length ?? 0,
    first: first === undefined ? null : pairView(first),
    head: pairView(map.head),
  };
}

function pairView({ source, target }: { readonly source: bigint; readonly target: bigint }) {
  return { source: String(source), target: String(target) };
}

function runView({ source, target, length }: Run) {
  return { source: String(source), target: String(target), length: String(length) };
}

function stretchView({ source, target, reason }: LostStretch) {
  const range = ({ from, to }: LostStretch['source']) => ({ from: String(from), to: String(to) });
  return { source: range(source), target: range(target), reason };
}

function partitionOf(request: Request): number {
  return countOf(request.query['partition'], 'partition');
}

function offsetOf(request: Request): bigint {
  return numberOf(request.query['offset'], 'offset');
}

function countOf(value: unknown, name: string): number {
  const number = numberOf(value, name);
  if (number < BigInt(MAX_PARTITIONS_PER_TOPIC)) return Number(number);
  throw fault(name, 'is larger than any partition’s number');
}

function numberOf(value: unknown, name: string): bigint {
  const number = typeof value === 'string' && /^\d{1,19}$/.test(value) ? BigInt(value) : undefined;
  if (number !== undefined && number <= MAX_OFFSET) return number;
  throw fault(name, 'must be a whole number from 0 on');
}

function fault(name: string, what: string): RequestFault {
  const detail = `${name} ${what}`;
  return new RequestFault('INVALID_REQUEST', detail, [{ pointer: '', detail }]);
}
