import type { FleetStatus, TopicStatusView } from '../common/api/fleet-shapes.js';

/** What keeps the fleet from being in order; empty when somebody leads and every partition that should be copied runs. */
export function statusFaults(status: FleetStatus): string[] {
  const faults: string[] = [];
  const { counts } = status;
  if (status.leader === null) faults.push('no controller leads');
  if (counts.workers === 0 && counts.topics > 0) faults.push('there is no worker');
  if (counts.answeringWorkers < counts.workers) {
    faults.push(`${counts.workers - counts.answeringWorkers} of ${counts.workers} workers do not answer`);
  }
  if (status.problems === null) faults.push('the leader does not tell its problems');
  for (const { route, topic, code, message } of status.problems ?? [])
    faults.push(`${route}/${topic}: ${code}: ${message}`);
  return [...faults, ...status.topics.flatMap(topicFaults)];
}

function topicFaults(topic: TopicStatusView): string[] {
  const name = `${topic.route}/${topic.topic}`;
  // As a recovery program has it.
  if (topic.retired !== undefined) return [];
  const expected = topic.paused ? 'paused' : 'running';
  if (Object.keys(topic.states).length === 0) return [`${name}: none of its partitions is assigned`];
  return (
    Object.entries(topic.states)
      // Writing a gap down is part of copying, and takes a moment.
      .filter(([state, count]) => state !== expected && state !== 'declaring-gap' && count > 0)
      .map(([state, count]) => `${name}: ${count} partitions are ${state}`)
  );
}
