import type { Job } from '../../common/model/job.js';
import type { SourceMetadata, TargetAdmin } from '../metadata/ports.js';
import { mirroredConfigs } from '../metadata/topic-configs.js';
import { invalid } from './job-checks.js';

const TIMESTAMP_TYPE = 'message.timestamp.type';

/** Target topics that give their own append time: made so, or found so. @throws JOB_INVALID */
export async function makeFreshTargets(
  { source, target, topics }: Job,
  {
    admin,
    metadata,
  }: { readonly admin: Pick<TargetAdmin, 'createTopics' | 'topicConfigs'>; readonly metadata: SourceMetadata },
): Promise<void> {
  const names = topics.map(({ targetTopic }) => targetTopic);
  const snapshot = await metadata.describe(target, names);
  const there = names.filter((name) => typeof snapshot.topics.get(name) === 'object');
  const configs = there.length === 0 ? new Map() : await admin.topicConfigs(target, there);
  for (const name of there) {
    if (configs.get(name)?.[TIMESTAMP_TYPE] === 'LogAppendTime') continue;
    const fix = `Copy into a topic that is not there yet, or set ${TIMESTAMP_TYPE}=LogAppendTime on it.`;
    throw invalid(`target topic ${name} keeps the timestamps that records come with`, { topic: name }, fix);
  }
  const missing = topics.filter(({ targetTopic }) => !there.includes(targetTopic));
  if (missing.length === 0) return;
  const own = await admin.topicConfigs(
    source,
    missing.map(({ topic }) => topic),
  );
  const failed = await admin.createTopics(
    target,
    missing.map(({ topic, targetTopic, partitions }) => ({
      topic: targetTopic,
      partitions,
      replicationFactor: -1,
      configs: { ...mirroredConfigs(own.get(topic) ?? {}), [TIMESTAMP_TYPE]: 'LogAppendTime' },
    })),
  );
  for (const error of failed.values()) throw error;
}
