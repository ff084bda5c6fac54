import { AuditCluster } from '../../audit/audit-cluster.js';
import { dumpPartition } from '../../audit/dump.js';
import type { AuditRecord } from '../../audit/record.js';
import { waitUntil } from '../../bed/wait.js';

/** Keys that a read_committed consumer reads in the partition now, in order. */
export async function committedKeys(bootstrap: readonly string[], topic: string, partition = 0): Promise<string[]> {
  return (await committedRecords(bootstrap, topic, partition)).map(({ key }) => String(key));
}

/** The records themselves; waits for a leader where there is none at the moment. */
export async function committedRecords(
  bootstrap: readonly string[],
  topic: string,
  partition = 0,
): Promise<AuditRecord[]> {
  const found: AuditRecord[][] = [];
  await waitUntil(`${topic}-${partition} can be read`, async () => {
    return found.push(await readCommitted(bootstrap, topic, partition)) > 0;
  });
  return found[0] ?? [];
}

async function readCommitted(bootstrap: readonly string[], topic: string, partition: number): Promise<AuditRecord[]> {
  const cluster = new AuditCluster(bootstrap.join(','));
  try {
    const layout = await cluster.layout(topic);
    const range = layout === undefined ? undefined : (await cluster.ranges(layout))[partition];
    if (layout === undefined || range === undefined) throw new Error(`${topic}-${partition} is not there`);
    const found: AuditRecord[] = [];
    for await (const records of dumpPartition(cluster, { layout, partition, range })) found.push(...records);
    return found;
  } finally {
    await cluster.close();
  }
}
