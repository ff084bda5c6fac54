import { AuditCluster } from '../../audit/audit-cluster.js';
import { dumpPartition } from '../../audit/dump.js';

/** Keys that a read_committed consumer reads in the partition now, in order. */
export async function committedKeys(bootstrap: readonly string[], topic: string, partition = 0): Promise<string[]> {
  const cluster = new AuditCluster(bootstrap.join(','));
  try {
    const layout = await cluster.layout(topic);
    const range = layout === undefined ? undefined : (await cluster.ranges(layout))[partition];
    if (layout === undefined || range === undefined) throw new Error(`${topic}-${partition} is not there`);
    const keys: string[] = [];
    for await (const records of dumpPartition(cluster, { layout, partition, range })) {
      keys.push(...records.map(({ key }) => String(key)));
    }
    return keys;
  } finally {
    await cluster.close();
  }
}
