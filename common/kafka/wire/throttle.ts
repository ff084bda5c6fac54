import { ApiKey } from './api-keys.js';

/**
 * From these versions on a broker that throttles answers at once and then reads nothing more from the connection for throttle_time_ms
 * (KIP-219); in older ones the answer itself came late and the wait is over. As Kafka's AbstractResponse.shouldClientThrottle has them.
 */
const CLIENT_WAITS_FROM: ReadonlyMap<ApiKey, number> = new Map<ApiKey, number>([
  [ApiKey.Produce, 6],
  [ApiKey.Fetch, 8],
  [ApiKey.ListOffsets, 3],
  [ApiKey.Metadata, 6],
  [ApiKey.OffsetCommit, 4],
  [ApiKey.OffsetFetch, 4],
  [ApiKey.FindCoordinator, 2],
  [ApiKey.DescribeGroups, 2],
  [ApiKey.ListGroups, 2],
  [ApiKey.InitProducerId, 1],
  [ApiKey.AddPartitionsToTxn, 1],
  [ApiKey.AddOffsetsToTxn, 1],
  [ApiKey.EndTxn, 1],
  [ApiKey.TxnOffsetCommit, 1],
  [ApiKey.DescribeAcls, 1],
  [ApiKey.CreateAcls, 1],
  [ApiKey.DeleteAcls, 1],
  [ApiKey.DescribeConfigs, 2],
  [ApiKey.DescribeClientQuotas, 0],
  [ApiKey.AlterClientQuotas, 0],
  [ApiKey.DescribeUserScramCredentials, 0],
  [ApiKey.DescribeProducers, 0],
  [ApiKey.DescribeTransactions, 0],
  [ApiKey.ListTransactions, 0],
]);

/** No broker may silence a connection for longer than this by one answer. */
const MAX_THROTTLE_MS = 300_000;

/** How long the connection must rest after this response; 0 not at all. */
export function throttleMs(api: ApiKey, version: number, response: unknown): number {
  const from = CLIENT_WAITS_FROM.get(api);
  if (from === undefined || version < from) return 0;
  const { throttleTimeMs } = response as { readonly throttleTimeMs?: number };
  return Math.min(Math.max(0, throttleTimeMs ?? 0), MAX_THROTTLE_MS);
}
