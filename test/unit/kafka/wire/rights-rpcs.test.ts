import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  decodeAlterClientQuotasResponse,
  encodeAlterClientQuotasRequest,
} from '../../../../common/kafka/wire/apis/alter-client-quotas.js';
import { decodeCreateAclsResponse, encodeCreateAclsRequest } from '../../../../common/kafka/wire/apis/create-acls.js';
import { decodeDeleteAclsResponse, encodeDeleteAclsRequest } from '../../../../common/kafka/wire/apis/delete-acls.js';
import {
  decodeDescribeAclsResponse,
  encodeDescribeAclsRequest,
} from '../../../../common/kafka/wire/apis/describe-acls.js';
import {
  decodeDescribeClientQuotasResponse,
  encodeDescribeClientQuotasRequest,
} from '../../../../common/kafka/wire/apis/describe-client-quotas.js';
import {
  decodeDescribeUserScramCredentialsResponse,
  encodeDescribeUserScramCredentialsRequest,
} from '../../../../common/kafka/wire/apis/describe-user-scram-credentials.js';
import type { AclBinding } from '../../../../common/model/acl.js';
import { GOLDEN_RIGHTS_REQUESTS, GOLDEN_RIGHTS_RESPONSES } from './golden-rights.js';

const ALICE: AclBinding = {
  resource: 'topic',
  pattern: 'literal',
  name: 'orders',
  principal: 'User:alice',
  host: '*',
  operation: 'read',
  permission: 'allow',
};
const BOB: AclBinding = {
  resource: 'group',
  pattern: 'prefixed',
  name: 'é-',
  principal: 'User:bob',
  host: '10.0.0.1',
  operation: 'describe-configs',
  permission: 'deny',
};

function same(name: string, encode: (version: number) => Buffer[]): void {
  const golden = GOLDEN_RIGHTS_REQUESTS[name];
  assert.ok(golden, name);
  for (const [version, hex] of Object.entries(golden)) {
    assert.equal(Buffer.concat(encode(Number(version))).toString('hex'), hex, `${name} v${version}`);
  }
}

function read<T>(name: string, decode: (version: number, body: Buffer) => T, expected: T): void {
  const golden = GOLDEN_RIGHTS_RESPONSES[name];
  assert.ok(golden, name);
  for (const [version, hex] of Object.entries(golden)) {
    assert.deepEqual(decode(Number(version), Buffer.from(hex, 'hex')), expected, `${name} v${version}`);
  }
}

describe('RPCs about rights and quotas, byte for byte as Kafka’s Java classes write them, in every version', () => {
  test('requests', () => {
    same('DescribeAclsRequest', (version) => encodeDescribeAclsRequest(version, { resource: 'group' }));
    same('CreateAclsRequest', (version) => encodeCreateAclsRequest(version, { bindings: [ALICE, BOB] }));
    same('DeleteAclsRequest', (version) => encodeDeleteAclsRequest(version, { bindings: [ALICE] }));
    same('DescribeClientQuotasRequest', encodeDescribeClientQuotasRequest);
    const alteration = {
      entity: [
        { type: 'user', name: 'alice' },
        { type: 'client-id', name: null },
      ],
      values: [
        { key: 'producer_byte_rate', value: 1_048_576.5 },
        { key: 'request_percentage', value: null },
      ],
    };
    same('AlterClientQuotasRequest', (version) =>
      encodeAlterClientQuotasRequest(version, { alterations: [alteration] }),
    );
    same('DescribeUserScramCredentialsRequest', encodeDescribeUserScramCredentialsRequest);
  });

  test('responses', () => {
    const none = { errorCode: 0, errorMessage: null };
    const prefixed = { ...ALICE, pattern: 'prefixed' } as const;
    const bindings = [
      prefixed,
      { ...prefixed, principal: 'User:bob', host: '10.0.0.1', operation: 'all', permission: 'deny' },
    ] as const;
    read('DescribeAclsResponse', decodeDescribeAclsResponse, { throttleTimeMs: 7, ...none, bindings, strange: 1 });
    const disabled = { errorCode: 54, errorMessage: 'No Authorizer is configured.' };
    read('DescribeAclsResponse.disabled', decodeDescribeAclsResponse, {
      throttleTimeMs: 0,
      ...disabled,
      bindings: [],
      strange: 0,
    });
    read('CreateAclsResponse', decodeCreateAclsResponse, {
      throttleTimeMs: 7,
      results: [none, { errorCode: 42, errorMessage: 'bad' }],
    });
    read('DeleteAclsResponse', decodeDeleteAclsResponse, {
      throttleTimeMs: 7,
      results: [
        { ...none, matched: 1 },
        { errorCode: 31, errorMessage: 'no', matched: 0 },
      ],
    });
    const entity = [
      { type: 'user', name: 'alice' },
      { type: 'client-id', name: null },
    ];
    read('DescribeClientQuotasResponse', decodeDescribeClientQuotasResponse, {
      throttleTimeMs: 7,
      ...none,
      entries: [{ entity, values: [{ key: 'producer_byte_rate', value: 1_048_576.5 }] }],
    });
    read('DescribeClientQuotasResponse.denied', decodeDescribeClientQuotasResponse, {
      throttleTimeMs: 0,
      errorCode: 31,
      errorMessage: 'no',
      entries: [],
    });
    read('AlterClientQuotasResponse', decodeAlterClientQuotasResponse, {
      throttleTimeMs: 7,
      results: [{ errorCode: 42, errorMessage: 'bad', entity: [{ type: 'user', name: null }] }],
    });
    read('DescribeUserScramCredentialsResponse', decodeDescribeUserScramCredentialsResponse, {
      throttleTimeMs: 7,
      ...none,
      users: ['alice', 'bob'],
    });
  });
});
