import { API_SPECS, ApiKey, isFlexible } from '../../../common/kafka/wire/api-keys.js';
import { decodeAddOffsetsToTxnResponse } from '../../../common/kafka/wire/apis/add-offsets-to-txn.js';
import { decodeAddPartitionsToTxnResponse } from '../../../common/kafka/wire/apis/add-partitions-to-txn.js';
import { decodeDescribeGroupsResponse } from '../../../common/kafka/wire/apis/describe-groups.js';
import { decodeDescribeProducersResponse } from '../../../common/kafka/wire/apis/describe-producers.js';
import { decodeDescribeTransactionsResponse } from '../../../common/kafka/wire/apis/describe-transactions.js';
import { decodeEndTxnResponse } from '../../../common/kafka/wire/apis/end-txn.js';
import { decodeFetchResponse } from '../../../common/kafka/wire/apis/fetch.js';
import { decodeFindCoordinatorResponse } from '../../../common/kafka/wire/apis/find-coordinator.js';
import { decodeInitProducerIdResponse } from '../../../common/kafka/wire/apis/init-producer-id.js';
import { decodeListGroupsResponse } from '../../../common/kafka/wire/apis/list-groups.js';
import { decodeListOffsetsResponse } from '../../../common/kafka/wire/apis/list-offsets.js';
import { decodeListTransactionsResponse } from '../../../common/kafka/wire/apis/list-transactions.js';
import { decodeMetadataResponse } from '../../../common/kafka/wire/apis/metadata.js';
import { decodeOffsetCommitResponse } from '../../../common/kafka/wire/apis/offset-commit.js';
import { decodeOffsetFetchResponse } from '../../../common/kafka/wire/apis/offset-fetch.js';
import { decodeOffsetFetchGroupsResponse } from '../../../common/kafka/wire/apis/offset-fetch-groups.js';
import { decodeOffsetForLeaderEpochResponse } from '../../../common/kafka/wire/apis/offset-for-leader-epoch.js';
import { decodeProduceResponse } from '../../../common/kafka/wire/apis/produce.js';
import { decodeTxnOffsetCommitResponse } from '../../../common/kafka/wire/apis/txn-offset-commit.js';
import { decodeWriteTxnMarkersResponse } from '../../../common/kafka/wire/apis/write-txn-markers.js';
import { decodeApiVersions } from '../../../common/kafka/wire/handshake.js';
import { responseBodyStart } from '../../../common/kafka/wire/headers.js';
import { Writer } from '../../../common/kafka/wire/writer.js';
import { GOLDEN_GROUPS } from '../../unit/kafka/wire/golden-groups.js';
import { GOLDEN_RESPONSES } from '../../unit/kafka/wire/golden-responses.js';
import type { FuzzTarget } from '../fuzz-target.js';
import { VALID_SETS } from '../valid-batches.js';

type Decode = (version: number, body: Buffer) => unknown;

const DECODERS: readonly [api: ApiKey, golden: string, decode: Decode][] = [
  [ApiKey.Metadata, 'MetadataResponse', decodeMetadataResponse],
  [ApiKey.FindCoordinator, 'FindCoordinatorResponse', decodeFindCoordinatorResponse],
  [ApiKey.InitProducerId, 'InitProducerIdResponse', decodeInitProducerIdResponse],
  [ApiKey.ListOffsets, 'ListOffsetsResponse', decodeListOffsetsResponse],
  [ApiKey.OffsetCommit, 'OffsetCommitResponse', decodeOffsetCommitResponse],
  [ApiKey.OffsetFetch, 'OffsetFetchResponse', decodeOffsetFetchResponse],
  [ApiKey.OffsetForLeaderEpoch, 'OffsetForLeaderEpochResponse', decodeOffsetForLeaderEpochResponse],
  [ApiKey.Produce, 'ProduceResponse', decodeProduceResponse],
  [ApiKey.AddPartitionsToTxn, 'AddPartitionsToTxnResponse', decodeAddPartitionsToTxnResponse],
  [ApiKey.AddOffsetsToTxn, 'AddOffsetsToTxnResponse', decodeAddOffsetsToTxnResponse],
  [ApiKey.EndTxn, 'EndTxnResponse', decodeEndTxnResponse],
  [ApiKey.WriteTxnMarkers, 'WriteTxnMarkersResponse', decodeWriteTxnMarkersResponse],
  [ApiKey.TxnOffsetCommit, 'TxnOffsetCommitResponse', decodeTxnOffsetCommitResponse],
  [ApiKey.DescribeProducers, 'DescribeProducersResponse', decodeDescribeProducersResponse],
  [ApiKey.DescribeTransactions, 'DescribeTransactionsResponse', decodeDescribeTransactionsResponse],
  [ApiKey.ListTransactions, 'ListTransactionsResponse', decodeListTransactionsResponse],
  [ApiKey.DescribeGroups, 'DescribeGroupsResponse', decodeDescribeGroupsResponse],
  [ApiKey.ListGroups, 'ListGroupsResponse', decodeListGroupsResponse],
];

function goldenBody(name: string, version: number): Buffer {
  const hex = GOLDEN_RESPONSES[name]?.[version] ?? GOLDEN_GROUPS[name]?.[version];
  if (hex === undefined) throw new Error(`there is no golden ${name} of version ${version}`);
  return Buffer.from(hex, 'hex');
}

/** Every version we speak of every API. */
function decoderTargets(): FuzzTarget[] {
  return DECODERS.flatMap(([api, golden, decode]) => {
    const { minVersion, maxVersion } = API_SPECS[api];
    const versions = Array.from({ length: maxVersion - minVersion + 1 }, (_, i) => minVersion + i);
    return versions.map((version) => ({
      name: `response/${golden}-v${version}`,
      weight: 6,
      codes: ['KAFKA_PROTOCOL'] as const,
      valid: [goldenBody(golden, version)],
      swept: true,
      run: (input: Buffer) => void decode(version, input),
    }));
  });
}

/** A fetch response with two partitions, real batches and aborted transactions. */
function fetchBody(version: number, records: Buffer): Buffer {
  const writer = new Writer(isFlexible(ApiKey.Fetch, version));
  writer.int32(0);
  if (version >= 7) writer.int16(0).int32(77);
  writer.array(['orders'], (topic) => {
    if (version >= 13) writer.uuid('01234567-89ab-cdef-8edc-ba9876543210');
    else writer.string(topic);
    writer.array([0, 1], (partition) => {
      writer.int32(partition).int16(0).int64FromNumber(100).int64FromNumber(90);
      if (version >= 5) writer.int64FromNumber(0);
      writer.array([9n, 11n], (producer) => writer.int64(producer).int64FromNumber(3).tags());
      if (version >= 11) writer.int32(-1);
      writer.bytes(records).tags();
    });
    writer.tags();
  });
  return Buffer.concat(writer.tags().toBuffers());
}

function fetchTargets(): FuzzTarget[] {
  const { minVersion, maxVersion } = API_SPECS[ApiKey.Fetch];
  const targets: FuzzTarget[] = [];
  for (let version = minVersion; version <= maxVersion; version += 1) {
    const hex = GOLDEN_RESPONSES['FetchResponse']?.[version];
    const golden = hex === undefined ? [] : [Buffer.from(hex, 'hex')];
    targets.push({
      name: `response/FetchResponse-v${version}`,
      weight: 10,
      codes: ['KAFKA_PROTOCOL'],
      valid: [...golden, ...VALID_SETS.slice(0, 3).map((records) => fetchBody(version, records))],
      swept: golden.length > 0,
      run: (input) => void decodeFetchResponse(version, input),
    });
  }
  return targets;
}

/** Several groups in one answer: only from version 8 on. */
function groupOffsetsTarget(): FuzzTarget {
  return {
    name: 'response/OffsetFetchGroupsResponse-v8',
    weight: 6,
    codes: ['KAFKA_PROTOCOL'],
    valid: [goldenBody('OffsetFetchGroupsResponse', 8)],
    swept: true,
    run: (input) => void decodeOffsetFetchGroupsResponse(8, input),
  };
}

function headerTarget(): FuzzTarget {
  const tagged = new Writer(true).int32(7).arrayLength(2).uvarint(0).uvarint(3).int8(1).int8(2).int8(3);
  const header = Buffer.concat(tagged.uvarint(5).uvarint(0).toBuffers());
  return {
    name: 'response/header',
    weight: 6,
    codes: ['KAFKA_PROTOCOL'],
    valid: [Buffer.concat([header, Buffer.alloc(20, 1)]), Buffer.from('0000000700000000', 'hex')],
    swept: true,
    // The assembler gives no frame of less than four bytes.
    run: (input) => void (input.length >= 4 && responseBodyStart(input, true)),
  };
}

function apiVersionsTargets(): FuzzTarget[] {
  return ([0, 3] as const).map((version) => ({
    name: `response/ApiVersions-v${version}`,
    weight: 6,
    codes: ['KAFKA_PROTOCOL', 'UNSUPPORTED_BROKER'] as const,
    valid: [goldenBody('ApiVersionsResponse', version)],
    swept: true,
    run: (input: Buffer) => void decodeApiVersions(version, input),
  }));
}

export function responseTargets(): FuzzTarget[] {
  return [...decoderTargets(), ...fetchTargets(), ...apiVersionsTargets(), groupOffsetsTarget(), headerTarget()];
}
