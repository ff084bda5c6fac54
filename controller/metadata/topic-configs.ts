/** Not carried over to the target: MM2's DefaultConfigPropertyFilter, and the timestamp bounds that would refuse old records. */
const EXCLUDED = new Set([
  'follower.replication.throttled.replicas',
  'leader.replication.throttled.replicas',
  'message.timestamp.difference.max.ms',
  'log.message.timestamp.before.max.ms',
  'log.message.timestamp.after.max.ms',
  'message.timestamp.before.max.ms',
  'message.timestamp.after.max.ms',
  'message.timestamp.type',
  'unclean.leader.election.enable',
  'min.insync.replicas',
]);
const EXCLUDED_PREFIX = 'log.message.timestamp.';

/** The configs a new target topic gets: those set explicitly on the source topic, except what belongs to its cluster alone. */
export function mirroredConfigs(source: Readonly<Record<string, string>>): Record<string, string> {
  const entries = Object.entries(source).filter(([name]) => !EXCLUDED.has(name) && !name.startsWith(EXCLUDED_PREFIX));
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}
