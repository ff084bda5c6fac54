/** Kafka's API keys, as far as we speak them (https://kafka.apache.org/protocol#protocol_api_keys). */
export const ApiKey = {
  Produce: 0,
  Fetch: 1,
  ListOffsets: 2,
  Metadata: 3,
  OffsetCommit: 8,
  OffsetFetch: 9,
  FindCoordinator: 10,
  DescribeGroups: 15,
  ListGroups: 16,
  SaslHandshake: 17,
  ApiVersions: 18,
  DeleteTopics: 20,
  InitProducerId: 22,
  OffsetForLeaderEpoch: 23,
  AddPartitionsToTxn: 24,
  AddOffsetsToTxn: 25,
  EndTxn: 26,
  WriteTxnMarkers: 27,
  TxnOffsetCommit: 28,
  DescribeAcls: 29,
  CreateAcls: 30,
  DeleteAcls: 31,
  DescribeConfigs: 32,
  SaslAuthenticate: 36,
  IncrementalAlterConfigs: 44,
  DescribeClientQuotas: 48,
  AlterClientQuotas: 49,
  DescribeUserScramCredentials: 50,
  DescribeProducers: 61,
  DescribeTransactions: 65,
  ListTransactions: 66,
} as const;

export type ApiKey = (typeof ApiKey)[keyof typeof ApiKey];

export interface ApiSpec {
  /** Kafka's name of the API, for messages. */
  readonly name: string;
  /** The versions our encoders and decoders implement, both inclusive. */
  readonly minVersion: number;
  readonly maxVersion: number;
  /** From this version on compact lengths and tagged fields are used (KIP-482), in the header too. */
  readonly firstFlexibleVersion: number;
}

const NEVER_FLEXIBLE = 0x7fff;

const spec = (name: string, minVersion: number, maxVersion: number, firstFlexibleVersion: number): ApiSpec => ({
  name,
  minVersion,
  maxVersion,
  firstFlexibleVersion,
});

export const API_SPECS: Readonly<Record<ApiKey, ApiSpec>> = {
  [ApiKey.Produce]: spec('Produce', 3, 11, 9),
  [ApiKey.Fetch]: spec('Fetch', 4, 15, 12),
  [ApiKey.ListOffsets]: spec('ListOffsets', 1, 7, 6),
  [ApiKey.Metadata]: spec('Metadata', 1, 12, 9),
  [ApiKey.OffsetCommit]: spec('OffsetCommit', 5, 8, 8),
  [ApiKey.OffsetFetch]: spec('OffsetFetch', 5, 8, 6),
  [ApiKey.FindCoordinator]: spec('FindCoordinator', 1, 4, 3),
  [ApiKey.DescribeGroups]: spec('DescribeGroups', 1, 5, 5),
  [ApiKey.ListGroups]: spec('ListGroups', 1, 5, 3),
  [ApiKey.SaslHandshake]: spec('SaslHandshake', 1, 1, NEVER_FLEXIBLE),
  [ApiKey.ApiVersions]: spec('ApiVersions', 0, 3, 3),
  [ApiKey.DeleteTopics]: spec('DeleteTopics', 1, 6, 4),
  [ApiKey.InitProducerId]: spec('InitProducerId', 1, 4, 2),
  [ApiKey.OffsetForLeaderEpoch]: spec('OffsetForLeaderEpoch', 2, 4, 4),
  [ApiKey.AddPartitionsToTxn]: spec('AddPartitionsToTxn', 0, 3, 3),
  [ApiKey.AddOffsetsToTxn]: spec('AddOffsetsToTxn', 0, 4, 3),
  [ApiKey.EndTxn]: spec('EndTxn', 1, 4, 3),
  [ApiKey.WriteTxnMarkers]: spec('WriteTxnMarkers', 0, 1, 1),
  [ApiKey.TxnOffsetCommit]: spec('TxnOffsetCommit', 0, 4, 3),
  [ApiKey.DescribeAcls]: spec('DescribeAcls', 1, 3, 2),
  [ApiKey.CreateAcls]: spec('CreateAcls', 1, 3, 2),
  [ApiKey.DeleteAcls]: spec('DeleteAcls', 1, 3, 2),
  [ApiKey.DescribeConfigs]: spec('DescribeConfigs', 1, 4, 4),
  [ApiKey.SaslAuthenticate]: spec('SaslAuthenticate', 0, 2, 2),
  [ApiKey.IncrementalAlterConfigs]: spec('IncrementalAlterConfigs', 0, 1, 1),
  [ApiKey.DescribeClientQuotas]: spec('DescribeClientQuotas', 0, 1, 1),
  [ApiKey.AlterClientQuotas]: spec('AlterClientQuotas', 0, 1, 1),
  [ApiKey.DescribeUserScramCredentials]: spec('DescribeUserScramCredentials', 0, 0, 0),
  [ApiKey.DescribeProducers]: spec('DescribeProducers', 0, 0, 0),
  [ApiKey.DescribeTransactions]: spec('DescribeTransactions', 0, 0, 0),
  [ApiKey.ListTransactions]: spec('ListTransactions', 0, 1, 0),
};

export function isFlexible(api: ApiKey, version: number): boolean {
  return version >= API_SPECS[api].firstFlexibleVersion;
}
