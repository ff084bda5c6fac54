import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isCausewayError } from '../../../../common/errors/error.js';
import { formatAddress, parseAddress } from '../../../../common/kafka/wire/address.js';

test('addresses are read and written, IPv6 in brackets', () => {
  for (const [text, host, port] of [
    ['localhost:9092', 'localhost', 9092],
    ['10.0.0.1:1', '10.0.0.1', 1],
    ['[::1]:65535', '::1', 65535],
    ['[fe80::1%eth0]:9092', 'fe80::1%eth0', 9092],
  ] as const) {
    assert.deepEqual(parseAddress(text), { host, port });
    assert.equal(formatAddress({ host, port }), text);
  }
});

test('anything else is refused', () => {
  for (const text of [
    '',
    'host',
    'host:',
    ':9092',
    'host:0',
    'host:65536',
    '::1:9092',
    'a b:1',
    '[::1]',
    'http://h:1',
  ]) {
    assert.throws(
      () => parseAddress(text),
      (error) => isCausewayError(error, 'CONFIG_INVALID'),
      text,
    );
  }
});
