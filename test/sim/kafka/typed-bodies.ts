import { ApiKey } from '../../../common/kafka/wire/api-keys.js';
import { ADD_PARTITIONS_TO_TXN } from '../../../common/kafka/wire/apis/add-partitions-to-txn.js';
import { DESCRIBE_CONFIGS } from '../../../common/kafka/wire/apis/describe-configs.js';
import { DESCRIBE_PRODUCERS } from '../../../common/kafka/wire/apis/describe-producers.js';
import { DESCRIBE_TRANSACTIONS } from '../../../common/kafka/wire/apis/describe-transactions.js';
import { END_TXN } from '../../../common/kafka/wire/apis/end-txn.js';
import { FETCH } from '../../../common/kafka/wire/apis/fetch.js';
import { FIND_COORDINATOR } from '../../../common/kafka/wire/apis/find-coordinator.js';
import { INIT_PRODUCER_ID } from '../../../common/kafka/wire/apis/init-producer-id.js';
import { LIST_OFFSETS } from '../../../common/kafka/wire/apis/list-offsets.js';
import { LIST_TRANSACTIONS } from '../../../common/kafka/wire/apis/list-transactions.js';
import { METADATA } from '../../../common/kafka/wire/apis/metadata.js';
import { OFFSET_COMMIT } from '../../../common/kafka/wire/apis/offset-commit.js';
import { OFFSET_FETCH } from '../../../common/kafka/wire/apis/offset-fetch.js';
import { OFFSET_FOR_LEADER_EPOCH } from '../../../common/kafka/wire/apis/offset-for-leader-epoch.js';
import { PRODUCE } from '../../../common/kafka/wire/apis/produce.js';
import { WRITE_TXN_MARKERS } from '../../../common/kafka/wire/apis/write-txn-markers.js';

const APIS = [
  ADD_PARTITIONS_TO_TXN,
  DESCRIBE_CONFIGS,
  DESCRIBE_PRODUCERS,
  DESCRIBE_TRANSACTIONS,
  END_TXN,
  FETCH,
  FIND_COORDINATOR,
  INIT_PRODUCER_ID,
  LIST_OFFSETS,
  LIST_TRANSACTIONS,
  METADATA,
  OFFSET_COMMIT,
  OFFSET_FETCH,
  OFFSET_FOR_LEADER_EPOCH,
  PRODUCE,
  WRITE_TXN_MARKERS,
];

/** What the model's brokers offer. */
const OFFERED: ReadonlySet<ApiKey> = new Set(APIS.map(({ key }) => key));

const VALUE = Symbol('value');

export function isOffered(api: ApiKey): boolean {
  return OFFERED.has(api);
}

/** From now on requests and responses of this process pass as they are: what becomes of them on the wire is other tests' matter. */
export function passBodiesAsValues(): void {
  for (const api of APIS) {
    const open = api as unknown as { encode: unknown; decode: unknown };
    open.encode = (_version: number, request: unknown) => request;
    open.decode = (_version: number, body: { [VALUE]: unknown }) => body[VALUE];
  }
}

/** A response in the place of its bytes; that of a fetch has a length, by which memory is counted. */
export function asBody(api: ApiKey, response: object): Buffer {
  const bytes = Buffer.allocUnsafeSlow(api === ApiKey.Fetch ? sizeOf(response as Fetched) : 0);
  return Object.assign(bytes, { [VALUE]: response });
}

interface Fetched {
  readonly topics: readonly { readonly partitions: readonly { readonly records: Buffer }[] }[];
}

function sizeOf({ topics }: Fetched): number {
  let bytes = 64;
  for (const { partitions } of topics) for (const { records } of partitions) bytes += records.length;
  return bytes;
}
