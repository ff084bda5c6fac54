import type { AssignmentView } from '../../common/api/fleet-shapes.js';

/** uReplicator's answer to GET /topics/{topic}. */
export interface LegacyTopicView {
  readonly topic: string;
  readonly externalView: Record<string, Record<string, string>>;
  readonly idealState: Record<string, Record<string, string>>;
  readonly serverToPartitionMapping: Record<string, Record<string, string>>;
  readonly serverToNumPartitionsMapping: Record<string, number>;
}

/** `idealState`: what is assigned; `externalView`: what workers report. ONLINE is being copied, OFFLINE is paused or not there yet. */
export function legacyTopicView(route: string, topic: string, assignment: AssignmentView): LegacyTopicView {
  const view: LegacyTopicView = {
    topic,
    externalView: {},
    idealState: {},
    serverToPartitionMapping: {},
    serverToNumPartitionsMapping: {},
  };
  for (const { worker, items } of assignment.workers) {
    for (const item of items) {
      if (item.route !== route || item.topic !== topic || item.state !== 'own') continue;
      const partition = String(item.partition);
      view.idealState[partition] = { [worker]: item.paused ? 'OFFLINE' : 'ONLINE' };
      if (item.actual === 'pending') continue;
      const online = !item.paused && (item.actual === 'running' || item.actual === 'held');
      const state = online ? 'ONLINE' : 'OFFLINE';
      view.externalView[partition] = { [worker]: state };
      view.serverToPartitionMapping[worker] ??= {};
      (view.serverToPartitionMapping[worker] as Record<string, string>)[partition] = state;
      view.serverToNumPartitionsMapping[worker] = (view.serverToNumPartitionsMapping[worker] ?? 0) + (online ? 1 : 0);
    }
  }
  return view;
}
