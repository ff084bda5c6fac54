import type { GroupDecision, GroupPosition } from '../core/group-sync.js';
import type { GroupSyncResult } from './ports.js';
import type { SourcePosition } from './source-groups.js';

/** One position on its way through a pass. */
export interface SyncCase {
  readonly source: SourcePosition;
  readonly targetGroup: string;
  readonly at: GroupPosition;
  decision: GroupDecision;
  detail: string | null;
}

export function fail(each: SyncCase, detail: string): void {
  refuse(each, 'failed', detail);
}

export function refuse(each: SyncCase, reason: 'failed' | 'active' | 'moved', detail: string): void {
  each.decision = { ...each.decision, verdict: { kind: 'refuse', reason }, rereads: null };
  each.detail = detail;
}

export function resultOf({ source, targetGroup, at, decision, detail }: SyncCase): GroupSyncResult {
  const { group, topic, partition, targetTopic, offset } = source;
  const { verdict, position, rereads } = decision;
  return {
    ...{ group, targetGroup, topic, partition, targetTopic, sourceOffset: offset },
    translated: position?.offset ?? null,
    quality: position?.quality ?? null,
    targetOffset: at.targetOffset,
    ...{ verdict, detail, rereads },
  };
}

/** Another group has the name at the target. */
export function takenResult(source: SourcePosition, targetGroup: string): GroupSyncResult {
  const { group, topic, partition, targetTopic, offset: sourceOffset } = source;
  return {
    ...{ group, targetGroup, topic, partition, targetTopic, sourceOffset },
    ...{ translated: null, quality: null, targetOffset: null, rereads: null },
    verdict: { kind: 'refuse', reason: 'name-taken' },
    detail: null,
  };
}
