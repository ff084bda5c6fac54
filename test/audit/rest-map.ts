import { OffsetClient } from '../../common/api/offset-client.js';
import type { RestTransport } from '../../common/api/rest-transport.js';
import type { LostStretch, PartitionMap, Run } from '../../common/model/offset-map.js';

/** The map of a partition, page by page over REST. */
export async function mapOverRest(
  transport: RestTransport,
  route: string,
  topic: string,
  partition = 0,
): Promise<PartitionMap> {
  const client = new OffsetClient(transport);
  const runs: Run[] = [];
  let cursor: string | undefined;
  for (;;) {
    const page = { limit: 500, ...(cursor === undefined ? {} : { cursor }) };
    const { entries, next, lostStretches, head, timeline } = await client.map(route, topic, partition, page);
    for (const { source, target, length } of entries) {
      runs.push({ source: BigInt(source), target: BigInt(target), length: BigInt(length) });
    }
    if (next !== null) {
      cursor = next;
      continue;
    }
    const range = ({ from, to }: { from: string; to: string }) => ({ from: BigInt(from), to: BigInt(to) });
    const lost: LostStretch[] = lostStretches.map(({ source, target, reason }) => {
      return { source: range(source), target: range(target), reason };
    });
    const map = { timeline, runs, head: { source: BigInt(head.source), target: BigInt(head.target) } };
    return lost.length === 0 ? map : { ...map, lost };
  }
}
