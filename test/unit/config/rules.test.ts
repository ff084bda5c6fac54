import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { compileConfig, identifierFromHostname } from '../../../common/config/compile.js';
import { checkConfigText } from '../../../common/config/load.js';
import { configSchema } from '../../../common/config/schema.js';
import { isCausewayError } from '../../../common/errors/error.js';
import { SMALL_CONFIG } from './sample.js';

function messages(text: string): string[] {
  const outcome = checkConfigText(text, 'c.yaml', { environment: {} });
  return outcome.ok ? [] : outcome.faults.map(({ path, message }) => `${path}: ${message}`);
}

const route = (settings: string): string[] => messages(`${SMALL_CONFIG}routes: { r: { ${settings} } }\n`);
const zooKeeper = (connect: string): string[] =>
  messages(
    SMALL_CONFIG.replace(/ {2}type: embedded\n.*\n.*\n/, `  type: zookeeper\n  zookeeper: { connect: "${connect}" }\n`),
  );

describe('rules between the sections', () => {
  test('HTTP beyond loopback needs a token, and a wildcard needs an advertised address', () => {
    const http = (settings: string): string[] => messages(`${SMALL_CONFIG}controller: { http: { ${settings} } }\n`);
    assert.match(http('host: 10.0.0.7')[0] ?? '', /controller\.http\.host: listening on 10\.0\.0\.7 needs a token/);
    for (const host of ['127.0.0.1', 'localhost', '"::1"', '127.8.8.8']) assert.deepEqual(http(`host: ${host}`), []);
    assert.deepEqual(http('host: 10.0.0.7, token: 0123456789abcdef'), []);
    assert.match(http('host: 0.0.0.0, token: 0123456789abcdef')[0] ?? '', /advertised/);
    assert.deepEqual(http('host: 0.0.0.0, token: 0123456789abcdef, advertised: "c:1"'), []);
    assert.match(http('host: 127.0.0.1.evil.example')[0] ?? '', /needs a token/);
  });

  test('a route leads from one known cluster to another', () => {
    assert.deepEqual(route('source: a, target: b'), []);
    assert.match(route('source: a, target: bb')[0] ?? '', /no cluster is named "bb"; clusters: a, b; did you mean "b"/);
    assert.match(route('source: a, target: a')[0] ?? '', /same cluster/);
    const twins = SMALL_CONFIG.replace('9093', '9092');
    assert.match(
      messages(`${twins}routes: { r: { source: a, target: b } }`)[0] ?? '',
      /share the broker localhost:9092/,
    );
  });

  test('a target topic that others write into is not for exactly-once, and the refusal says what is', () => {
    const shared = 'source: a, target: b, targetTopics: { shared: true }';
    assert.match(route(`${shared}, delivery: exactly-once`)[0] ?? '', /the only writer there; transactional/);
    assert.deepEqual(route(`${shared}, delivery: transactional`), []);
    assert.deepEqual(route(shared), []);
    assert.deepEqual(route('source: a, target: b, delivery: transactional'), []);
    assert.deepEqual(route('source: a, target: b, delivery: exactly-once'), []);
  });

  test('the ZooKeeper connect string is what the store can read: an IPv6 address stands in brackets', () => {
    for (const right of ['a:2181, b.example:2182', '[fd00::1]:2181']) assert.deepEqual(zooKeeper(right), [], right);
    for (const wrong of ['fd00::1:2181', 'a:', 'a:0', 'a:70000', 'a:2181;b:2181', ',']) {
      const said = zooKeeper(wrong)[0] ?? '';
      assert.match(said, /^coordination\.zookeeper\.connect: .*IPv6 addresses in brackets/, wrong);
    }
  });

  test('OAUTHBEARER has one source of tokens, and its secret goes only where nobody listens', () => {
    const sasl = (settings: string): string[] =>
      messages(SMALL_CONFIG.replace('[localhost:9092]', `[localhost:9092]\n    sasl: { ${settings} }`));
    const endpoint = (url: string, rest = 'clientId: c, clientSecret: s'): string[] =>
      sasl(`mechanism: oauthbearer, tokenEndpoint: { url: "${url}", ${rest} }`);
    assert.deepEqual(sasl('mechanism: oauthbearer, tokenFile: /etc/hostname'), []);
    for (const url of ['https://i.example/t', 'http://localhost:1/t', 'http://127.0.0.1/t', 'http://[::1]:8/t'])
      assert.deepEqual(endpoint(url), [], url);
    assert.match(endpoint('http://i.example/t')[0] ?? '', /tokenEndpoint\.url: .*in clear: use https/);
    assert.match(endpoint('http://localhost.example/t')[0] ?? '', /in clear/);
    assert.match(endpoint('https://c:s@i.example/t')[0] ?? '', /not in the URL/);
    assert.match(endpoint('ftp')[0] ?? '', /write it as https/);
    assert.match(endpoint('https://i.example/t', 'clientId: c')[0] ?? '', /give clientSecret or clientSecretFile/);
    assert.match(sasl('mechanism: oauthbearer')[0] ?? '', /give tokenFile or tokenEndpoint/);
    const both = 'tokenFile: /etc/hostname, tokenEndpoint: { url: "https://i/t", clientId: c, clientSecret: s }';
    assert.match(sasl(`mechanism: oauthbearer, ${both}`)[0] ?? '', /either tokenFile or tokenEndpoint, not both/);
    assert.match(sasl('mechanism: oauthbearer, username: u').join(), /username: does not belong to this kind/);
    assert.match(sasl('mechanism: plain, tokenFile: /etc/hostname').join(), /tokenFile: does not belong to this kind/);
    assert.match(sasl('mechanism: plain').join(), /username: is missing/);
    assert.match(sasl('mechanism: scram').join(), /"scram" is not allowed; allowed: "plain", .*"oauthbearer"/);
    assert.match(sasl('username: u').join(), /mechanism: is missing/);
  });

  test('fetch sizes fit the budget, certificates come with their keys, SASL with a password', () => {
    assert.match(messages(`${SMALL_CONFIG}worker: { fetchMaxBytes: 1000 }`)[0] ?? '', /fetchMaxPartitionBytes/);
    assert.match(messages(`${SMALL_CONFIG}worker: { maxInflightBytes: 2000000 }`)[0] ?? '', /maxInflightBytes/);
    const sasl = SMALL_CONFIG.replace(
      '[localhost:9092]',
      '[localhost:9092]\n    sasl: { mechanism: plain, username: u }',
    );
    assert.match(messages(sasl)[0] ?? '', /clusters\.a\.sasl: give password or passwordFile/);
    const tls = SMALL_CONFIG.replace('[localhost:9092]', '[localhost:9092]\n    tls: { keyFile: /dev/null }');
    assert.match(messages(tls).join(), /certFile and keyFile belong together/);
  });

  test('compileConfig refuses on its own what load would have refused', () => {
    const file = configSchema.parse({
      coordination: { type: 'embedded', embedded: { dir: 'x' } },
      clusters: { a: { bootstrap: ['h:1'] } },
      routes: { r: { source: 'a', target: 'a' } },
    });
    assert.throws(
      () => compileConfig(file),
      (error) => isCausewayError(error, 'CONFIG_INVALID'),
    );
  });

  test('any host name becomes a legal id', () => {
    assert.equal(identifierFromHostname('db-1.example.org'), 'db-1-example-org');
    assert.equal(identifierFromHostname('-_x.'), 'x');
    assert.equal(identifierFromHostname('...'), 'node');
    assert.equal(identifierFromHostname('a'.repeat(80)).length, 63);
  });
});
