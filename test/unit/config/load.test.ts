import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import type { Config } from '../../../common/config/compile.js';
import { formatFault } from '../../../common/config/faults.js';
import { checkConfigFile, checkConfigText, loadConfig } from '../../../common/config/load.js';
import { isCausewayError } from '../../../common/errors/error.js';
import { FULL_CONFIG, SMALL_CONFIG } from './sample.js';

const folder = mkdtempSync(join(tmpdir(), 'causeway-config-'));
after(() => rmSync(folder, { recursive: true, force: true }));

function config(text: string, environment: Record<string, string> = {}): Config {
  const outcome = checkConfigText(text, 'c.yaml', { environment, hostname: 'host-1.example.org' });
  assert.ok(outcome.ok, outcome.ok ? '' : outcome.faults.map(formatFault).join('\n'));
  return outcome.config;
}

function faults(text: string, environment: Record<string, string> = {}): string[] {
  const outcome = checkConfigText(text, 'c.yaml', { environment });
  assert.ok(!outcome.ok, 'the configuration was accepted');
  return outcome.faults.map(formatFault);
}

describe('a right configuration', () => {
  test('is complete and frozen, with defaults, ids from the host name and the fleet below the root', () => {
    const full = config(FULL_CONFIG);
    assert.deepEqual(full.coordination, {
      type: 'zookeeper',
      connect: 'zk1:2181,zk2:2181',
      root: '/causeway/prod',
      sessionTimeoutMs: 6000,
      digest: 'causeway:secret',
    });
    assert.deepEqual(full.clusters.get('east')?.sasl, {
      mechanism: 'scram-sha-512',
      username: 'causeway',
      password: 'secret',
    });
    assert.equal(full.routes[0]?.naming.policy, 'default');
    assert.ok(Object.isFrozen(full) && Object.isFrozen(full.worker.http) && Object.isFrozen(full.routes[0]));
    const small = config(SMALL_CONFIG);
    assert.equal(small.controller.id, 'host-1-example-org');
    assert.equal(small.worker.id, 'host-1-example-org');
    assert.equal(small.worker.maxInflightBytes, 268_435_456);
    assert.equal(small.fleet, 'default');
  });

  test('takes variables and defaults in string values, as numbers where numbers belong, and $${ as it is', () => {
    const text = `${SMALL_CONFIG}controller:
  http: { port: "\${PORT}", token: "\${TOKEN:-none-of-your-business}" }
worker: { zone: "$\${a}-\${EMPTY:-b}" }
`;
    const { controller, worker } = config(text, { PORT: '8080', EMPTY: '' });
    assert.equal(controller.http.port, 8080);
    assert.equal(controller.http.token, 'none-of-your-business');
    assert.equal(worker.zone, ['$', '{a}-b'].join(''));
    const digits = config(text, { PORT: '8080', TOKEN: '12345678901234567890' });
    assert.equal(digits.controller.http.token, '12345678901234567890', 'a secret of digits stays a string');
  });

  test('reads secrets from files beside it and cuts one newline; the clusters’ are read anew later', () => {
    for (const name of ['token', 'pw']) writeFileSync(join(folder, name), 'from-the-file-beside\n\n');
    const path = join(folder, 'c.yaml');
    const cluster = 'sasl: { mechanism: scram-sha-256, username: u, passwordFile: pw }';
    const text = SMALL_CONFIG.replace('[localhost:9092]\n', `[localhost:9092]\n    ${cluster}\n`);
    writeFileSync(path, `${text}worker: { http: { tokenFile: token } }\n`);
    const { config: loaded } = loadConfig(path);
    assert.equal(loaded.worker.http.token, 'from-the-file-beside\n');
    assert.deepEqual(loaded.clusters.get('a')?.sasl, {
      mechanism: 'scram-sha-256',
      username: 'u',
      passwordFile: join(folder, 'pw'),
    });
    writeFileSync(join(folder, 'pw'), '');
    assert.throws(() => loadConfig(path), /clusters\.a\.sasl\.passwordFile: .*pw is empty/);
  });

  test('warns of secrets’ files that others may read and of passwords in clear', () => {
    writeFileSync(join(folder, 'pw'), 'from-file\n\n');
    chmodSync(join(folder, 'pw'), 0o644);
    const path = join(folder, 'c.yaml');
    const text = SMALL_CONFIG.replace(
      '    bootstrap: [localhost:9092]\n',
      '    bootstrap: [localhost:9092]\n    sasl: { mechanism: plain, username: u, passwordFile: pw }\n',
    );
    writeFileSync(path, text);
    const { config: loaded, warnings } = loadConfig(path);
    assert.deepEqual(loaded.coordination, { type: 'embedded', dir: join(folder, 'state') });
    const said = warnings.map(formatFault).join('\n');
    assert.match(said, /8:\d+: clusters\.a\.sasl\.passwordFile: .*readable by others; chmod 600/);
    assert.match(said, /clusters\.a\.sasl: the password goes over the network in clear/);
    chmodSync(join(folder, 'pw'), 0o600);
    const quiet = loadConfig(path).warnings.map((warning) => warning.path);
    assert.deepEqual(quiet, ['clusters.a.sasl']);
  });
});

describe('a wrong configuration', () => {
  test('is refused with all its faults at once, each with line, column, path and advice', () => {
    const text = `fleet: "a b"
coordination:
  type: zookeper
  zookeeper: { connect: "zk:2181" }
clusters:
  east:
    bootstrp: [e:9092]
  west: { bootstrap: [west] }
routes:
  r: { source: east, target: west, start: soonest }
worker:
  threads: many
  theads: 2
  capacity: 0
`;
    assert.deepEqual(faults(text), [
      'c.yaml:1:8: fleet: use 1 to 63 letters, digits, "-" or "_", beginning and ending with a letter or digit',
      'c.yaml:3:9: coordination.type: "zookeper" is not allowed; allowed: "zookeeper", "embedded"; did you mean "zookeeper"?',
      'c.yaml:7:5: clusters.east.bootstrp: unknown key; did you mean "bootstrap"?',
      'c.yaml:8:23: clusters.west.bootstrap[0]: write it as host:port, an IPv6 address in brackets',
      'c.yaml:10:43: routes.r.start: "soonest" is not allowed; allowed: "earliest", "latest"',
      'c.yaml:12:12: worker.threads: expected a number, found a string',
      'c.yaml:13:3: worker.theads: unknown key; did you mean "threads"?',
      'c.yaml:14:13: worker.capacity: must be at least 0.01',
    ]);
  });

  test('exits with 78 and lists the faults in one error', () => {
    const path = join(folder, 'bad.yaml');
    writeFileSync(path, 'clusterz: {}\n');
    assert.throws(
      () => loadConfig(path),
      (error) =>
        isCausewayError(error, 'CONFIG_INVALID') &&
        error.info.exitCode === 78 &&
        /clusterz: unknown key/.test(error.message),
    );
    const missing = checkConfigFile(join(folder, 'none.yaml'));
    assert.ok(!missing.ok);
    assert.match(missing.faults[0]?.message ?? '', /cannot read the file/);
  });

  test('names rule faults beside form faults', () => {
    const text = `${SMALL_CONFIG}routes:\n  r: { source: a, target: a }\nworker: { threads: 0 }\n`;
    const said = faults(text);
    assert.equal(said.length, 2);
    assert.match(said[0] ?? '', /11:\d+: routes\.r\.target: source and target are the same cluster/);
    assert.match(said[1] ?? '', /worker\.threads: must be at least 1/);
  });

  test('names missing keys at the section that lacks them', () => {
    assert.deepEqual(faults('coordination: { type: embedded }\nclusters: { a: {} }\n'), [
      'c.yaml:1:1: coordination.embedded: is missing; expected a section (key: value lines)',
      'c.yaml:2:13: clusters.a.bootstrap: is missing; expected a list',
    ]);
    assert.equal(faults('').length, 2, 'coordination and clusters');
  });

  test('is refused for YAML faults: syntax, a key twice, an unknown tag, a bomb of aliases', () => {
    assert.match(faults('a: [1\nb: 2\n')[0] ?? '', /c\.yaml:\d+:\d+: /);
    assert.match(faults(`${SMALL_CONFIG}fleet: a\nfleet: b\n`)[0] ?? '', /c\.yaml:11:1: .*unique/);
    const bomb = ['a: &a [x,x,x,x,x,x,x,x,x]'];
    for (const [name, of] of ['ba', 'cb', 'dc', 'ed', 'fe', 'gf'].map((pair) => [pair[0], pair[1]])) {
      bomb.push(`${name}: &${name} [${Array(9).fill(`*${of}`).join(',')}]`);
    }
    assert.match(faults(bomb.join('\n'))[0] ?? '', /alias/i);
  });

  test('does not print secrets', () => {
    const secret = 'hunter2hunter2';
    const text = `${SMALL_CONFIG}controller: { http: { token: [${secret}] } }\nworker: { http: { tokn: ${secret} } }\n`;
    for (const fault of faults(text)) assert.doesNotMatch(fault, /hunter2/);
  });

  test('names unset variables and malformed references where they stand', () => {
    const said = faults(`${SMALL_CONFIG}fleet: \${NOT_SET}\nworker: { zone: "\${oops" }\n`);
    assert.match(said[0] ?? '', /10:8: fleet: environment variable NOT_SET is not set/);
    assert.ok(
      said.some((fault) => /11:17: worker\.zone: malformed reference/.test(fault)),
      said.join('\n'),
    );
  });

  test('names a secret given twice, one that cannot be read, and one that is too short, at its key', () => {
    writeFileSync(join(folder, 'short'), 'short\n', { mode: 0o600 });
    const text = `${SMALL_CONFIG}controller: { http: { token: 0123456789abcdef, tokenFile: short } }
worker: { http: { tokenFile: ${join(folder, 'short')} } }
`;
    const twice = faults(text);
    assert.match(twice[0] ?? '', /10:48: controller\.http\.tokenFile: give either token or tokenFile, not both/);
    assert.match(twice[1] ?? '', /11:\d+: worker\.http\.token: must have at least 16 characters/);
    assert.match(faults(`${SMALL_CONFIG}worker: { http: { tokenFile: none } }\n`)[0] ?? '', /cannot read .*none/);
  });
});
