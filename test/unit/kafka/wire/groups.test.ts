import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  decodeDescribeGroupsResponse,
  encodeDescribeGroupsRequest,
} from '../../../../common/kafka/wire/apis/describe-groups.js';
import { decodeListGroupsResponse, encodeListGroupsRequest } from '../../../../common/kafka/wire/apis/list-groups.js';
import {
  decodeOffsetFetchGroupsResponse,
  encodeOffsetFetchGroupsRequest,
} from '../../../../common/kafka/wire/apis/offset-fetch-groups.js';
import { GOLDEN_GROUPS } from './golden-groups.js';

function each(name: string, check: (version: number, hex: string) => void): void {
  const golden = GOLDEN_GROUPS[name];
  assert.ok(golden, name);
  for (const [version, hex] of Object.entries(golden)) check(Number(version), hex);
}

const written = (name: string, encode: (version: number) => Buffer[]): void =>
  each(name, (version, hex) =>
    assert.equal(Buffer.concat(encode(version)).toString('hex'), hex, `${name} v${version}`),
  );

describe('requests about groups, byte for byte what Kafka’s Java client writes, in every version', () => {
  test('ListGroups', () => written('ListGroupsRequest', (version) => encodeListGroupsRequest(version)));

  test('DescribeGroups', () =>
    written('DescribeGroupsRequest', (version) => encodeDescribeGroupsRequest(version, { groups: ['g-1', 'é'] })));

  test('OffsetFetch of several groups', () =>
    written('OffsetFetchGroupsRequest', (version) =>
      encodeOffsetFetchGroupsRequest(version, { groups: ['g-1', 'g-2'] }),
    ));
});

describe('responses about groups as Kafka’s Java classes write them are understood in every version', () => {
  test('ListGroups', () => {
    each('ListGroupsResponse', (version, hex) => {
      const state = (name: string) => (version >= 4 ? name : null);
      const type = (name: string) => (version >= 5 ? name : null);
      assert.deepEqual(decodeListGroupsResponse(version, Buffer.from(hex, 'hex')), {
        throttleTimeMs: 7,
        errorCode: 15,
        groups: [
          { groupId: 'g-1', protocolType: 'consumer', state: state('Stable'), type: type('classic') },
          { groupId: 'é', protocolType: '', state: state('Empty'), type: type('consumer') },
        ],
      });
    });
  });

  test('DescribeGroups', () => {
    each('DescribeGroupsResponse', (version, hex) => {
      assert.deepEqual(decodeDescribeGroupsResponse(version, Buffer.from(hex, 'hex')), {
        throttleTimeMs: 7,
        groups: [
          { errorCode: 16, groupId: 'g-1', state: 'Stable', protocolType: 'consumer', members: 1 },
          { errorCode: 0, groupId: 'é', state: 'Dead', protocolType: '', members: 0 },
        ],
      });
    });
  });

  test('OffsetFetch of several groups', () => {
    each('OffsetFetchGroupsResponse', (version, hex) => {
      assert.deepEqual(decodeOffsetFetchGroupsResponse(version, Buffer.from(hex, 'hex')), {
        throttleTimeMs: 6,
        groups: [
          {
            group: 'g-1',
            errorCode: 0,
            partitions: [
              { topic: 't', partition: 3, errorCode: 0, offset: 77n, leaderEpoch: 5, metadata: 'm' },
              { topic: 't', partition: 4, errorCode: 88, offset: -1n, leaderEpoch: -1, metadata: null },
            ],
          },
          { group: 'g-2', errorCode: 16, partitions: [] },
        ],
      });
    });
  });

  test('a body that is cut anywhere is a breach of the protocol, never anything else', () => {
    each('DescribeGroupsResponse', (version, hex) => {
      const body = Buffer.from(hex, 'hex');
      for (let length = 0; length < body.length; length++) {
        assert.throws(() => decodeDescribeGroupsResponse(version, body.subarray(0, length)), {
          code: 'KAFKA_PROTOCOL',
        });
      }
    });
  });
});
