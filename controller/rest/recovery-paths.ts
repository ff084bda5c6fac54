import type { Router } from 'express';
import {
  type RecoverySummary,
  type RecoveryView,
  type RpoView,
  recoveryBody,
  recoveryOrderBody,
} from '../../common/api/recovery-shapes.js';
import { jsonBody } from '../../common/http/body.js';
import type { Recovery } from '../../common/model/recovery.js';
import type { RecoveryService } from '../recovery/recovery-service.js';
import { isOwn, on, param } from './endpoint.js';

export interface RecoveryPathsOptions {
  readonly recoveries: RecoveryService;
  readonly rpo: { read(route: string, own: boolean): Promise<RpoView> };
}

function summaryOf(recovery: Recovery): RecoverySummary {
  const { id, kind, route, reverse = null, dryRun, state, createdAt, updatedAt, steps } = recovery;
  const at = steps.find((step) => step.state !== 'done' && step.state !== 'skipped');
  const isOver = state === 'done' || state === 'aborted';
  const place = { step: isOver ? null : (at?.id ?? null), message: isOver ? null : (at?.message ?? null) };
  return { id, kind, route, reverse, dryRun, state, ...place, createdAt, updatedAt };
}

function viewOf(recovery: Recovery): RecoveryView {
  const { topics, options, steps, origin = null, facts, audit } = recovery;
  const points = facts.back.points ?? facts.out.points ?? [];
  return {
    ...summaryOf(recovery),
    topics: [...topics],
    options: { ...options, confirm: [...options.confirm], fencePrincipals: [...options.fencePrincipals] },
    steps: steps.map(({ startedAt = null, endedAt = null, message = null, evidence = null, hook: _hook, ...step }) => ({
      ...step,
      ...{ startedAt, endedAt, message },
      evidence: evidence === null ? null : (evidence as RecoveryView['steps'][number]['evidence']),
    })),
    origin,
    points: points.map(({ topic, targetTopic, partition, source, target, exact }) => ({
      ...{ topic, targetTopic, partition, exact },
      ...{ source: String(source), target: String(target) },
    })),
    stranded: (facts.out.stranded ?? []).map(({ ranges, last: _last, ...rest }) => ({
      ...rest,
      ranges: ranges.map(({ from, to }) => ({ from: String(from), to: String(to) })),
    })),
    audit: [...audit],
  };
}

/** Recovery programs, and what a loss of the source would cost now. */
export function recoveryPaths(router: Router, { recoveries, rpo }: RecoveryPathsOptions): void {
  on(router, '/recoveries', {
    get: async (_request, response) => {
      response.json({ recoveries: (await recoveries.list()).map(summaryOf) });
    },
    post: async (request, response) => {
      const recovery = await recoveries.begin(jsonBody(request, recoveryBody));
      response.setHeader('location', `/api/v1/recoveries/${recovery.id}`);
      response.status(202).json(viewOf(recovery));
    },
  });
  on(router, '/recoveries/:id', {
    get: async (request, response) => void response.json(viewOf(await recoveries.get(param(request, 'id')))),
  });
  for (const order of ['confirm', 'resume', 'abort'] as const) {
    on(router, `/recoveries/:id/${order}`, {
      post: async (request, response) => {
        const { reason } = jsonBody(request, recoveryOrderBody);
        response.status(202).json(viewOf(await recoveries[order](param(request, 'id'), reason)));
      },
    });
  }
  on(router, '/routes/:route/rpo', {
    get: async (request, response) => void response.json(await rpo.read(param(request, 'route'), isOwn(request))),
  });
}
