import { parseConnectString } from '../coordination/zookeeper/connect-string.js';
import { isCausewayError, messageOf } from '../errors/error.js';
import { defaultDelivery, deliveryFault } from '../model/delivery.js';
import { writesDeadLetters } from '../model/record-rules.js';
import type { TargetTopicPolicy } from '../model/route.js';
import { rulesFaults } from '../rules/faults.js';
import { missingSecrets } from '../rules/program.js';
import type { ConfigFault, ConfigPath } from './faults.js';
import { suggestion } from './nearest.js';
import { treatmentFrom } from './route.js';
import type { ConfigFile } from './schema.js';

/** A place, and whether others can reach what listens there. */
const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|::1|\[::1\])$/i;
const WILDCARD = /^(?:0\.0\.0\.0|::|\[::\])$/;

function isLoopback(host: string): boolean {
  return LOOPBACK.test(host);
}

/** What the sections say against each other; each on its own is right by the schema. */
export function crossFieldFaults(file: ConfigFile): ConfigFault[] {
  return [
    ...coordinationFaults(file),
    ...Object.entries(file.clusters).flatMap(([name, cluster]) => clusterFaults(cluster, ['clusters', name])),
    ...Object.entries(file.routes).flatMap(([name, route]) => routeFaults(file, route, ['routes', name])),
    ...Object.entries(file.ruleSecrets).flatMap(([name, { secret, secretFile }]): ConfigFault[] => {
      if (secret !== undefined || secretFile !== undefined) return [];
      return [{ path: ['ruleSecrets', name], message: 'give secret or secretFile', atKey: true }];
    }),
    ...httpFaults(file.controller.http, ['controller', 'http']),
    ...httpFaults(file.worker.http, ['worker', 'http']),
    ...budgetFaults(file.worker),
  ];
}

/** What is allowed and yet deserves a word at every start. */
export function crossFieldWarnings(file: ConfigFile): ConfigFault[] {
  return Object.entries(file.clusters).flatMap(([name, { tls, sasl, schemaRegistry }]): ConfigFault[] => {
    const path = ['clusters', name];
    const insecure = { path: [...path, 'tls', 'insecure'], message: 'the brokers’ certificates are not verified' };
    return [
      ...(tls?.insecure === true ? [insecure] : []),
      ...(sasl !== undefined && tls === undefined ? clearWarnings(sasl, [...path, 'sasl']) : []),
      ...registryWarnings(schemaRegistry, [...path, 'schemaRegistry']),
    ];
  });
}

/** SCRAM alone does not show what it proves. */
function clearWarnings({ mechanism }: SaslSection, path: ConfigPath): ConfigFault[] {
  const what = mechanism === 'plain' ? 'password' : mechanism === 'oauthbearer' ? 'token' : undefined;
  return what === undefined ? [] : [{ path, message: `the ${what} goes over the network in clear; add tls` }];
}

function registryWarnings(registry: RegistrySection | undefined, path: ConfigPath): ConfigFault[] {
  const isSecret =
    registry?.username !== undefined || registry?.token !== undefined || registry?.tokenFile !== undefined;
  if (!isSecret || !registry.url.startsWith('http:')) return [];
  return [{ path: [...path, 'url'], message: 'the credentials go over the network in clear; use https' }];
}

function coordinationFaults(file: ConfigFile): ConfigFault[] {
  if (file.coordination.type !== 'zookeeper') return [];
  const path = ['coordination', 'zookeeper', 'connect'];
  return connectFaults(file.coordination.zookeeper.connect).map((message) => ({ path, message }));
}

/** Why the store could not use the connect string; the store's own reader decides. */
function connectFaults(connect: string): string[] {
  try {
    parseConnectString(connect);
    return [];
  } catch (error) {
    const fix = isCausewayError(error) ? (error.fix ?? '') : '';
    return [`${messageOf(error)}. ${fix}`.trim()];
  }
}

function clusterFaults({ tls, sasl, schemaRegistry }: ConfigFile['clusters'][string], path: ConfigPath): ConfigFault[] {
  const faults: ConfigFault[] = [];
  if (sasl !== undefined) faults.push(...saslFaults(sasl, [...path, 'sasl']));
  if (schemaRegistry !== undefined) faults.push(...registryFaults(schemaRegistry, [...path, 'schemaRegistry']));
  if (tls !== undefined && (tls.certFile === undefined) !== (tls.keyFile === undefined)) {
    faults.push({
      path: [...path, 'tls'],
      message: 'certFile and keyFile belong together: give both or neither',
      atKey: true,
    });
  }
  return faults;
}

type RegistrySection = NonNullable<ConfigFile['clusters'][string]['schemaRegistry']>;

function registryFaults(registry: RegistrySection, path: ConfigPath): ConfigFault[] {
  const { username, password, passwordFile, token, tokenFile } = registry;
  const hasPassword = password !== undefined || passwordFile !== undefined;
  if (username !== undefined && !hasPassword) return [{ path, message: 'give password or passwordFile', atKey: true }];
  if (username === undefined && hasPassword) return [{ path, message: 'give the username too', atKey: true }];
  if (username !== undefined && (token !== undefined || tokenFile !== undefined)) {
    return [{ path, message: 'give either a user or a token, not both', atKey: true }];
  }
  return [];
}

type SaslSection = NonNullable<ConfigFile['clusters'][string]['sasl']>;

function saslFaults(sasl: SaslSection, path: ConfigPath): ConfigFault[] {
  if (sasl.mechanism !== 'oauthbearer') {
    if (sasl.password !== undefined || sasl.passwordFile !== undefined) return [];
    return [{ path, message: 'give password or passwordFile', atKey: true }];
  }
  const { tokenFile, tokenEndpoint } = sasl;
  if ((tokenFile === undefined) === (tokenEndpoint === undefined)) {
    const message =
      tokenFile === undefined ? 'give tokenFile or tokenEndpoint' : 'give either tokenFile or tokenEndpoint, not both';
    return [{ path, message, atKey: true }];
  }
  if (tokenEndpoint !== undefined && !tokenEndpoint.clientSecret && !tokenEndpoint.clientSecretFile) {
    return [{ path: [...path, 'tokenEndpoint'], message: 'give clientSecret or clientSecretFile', atKey: true }];
  }
  return [];
}

function routeFaults(file: ConfigFile, route: ConfigFile['routes'][string], path: ConfigPath): ConfigFault[] {
  const names = Object.keys(file.clusters);
  const faults: ConfigFault[] = [];
  for (const side of ['source', 'target'] as const) {
    const name = route[side];
    if (!names.includes(name)) {
      const message = `no cluster is named "${name}"; clusters: ${names.join(', ')}${suggestion(name, names)}`;
      faults.push({ path: [...path, side], message });
    }
  }
  if (route.onRefusedRecord === 'dead-letter' && route.deadLetterTopic === undefined) {
    faults.push({ path: [...path, 'deadLetterTopic'], message: 'name the topic for refused records', atKey: true });
  }
  faults.push(...ruleFaults(file, route, path));
  const shared = sharedBroker(file, route);
  if (route.source === route.target) {
    faults.push({
      path: [...path, 'target'],
      message: 'source and target are the same cluster; a route leads from one cluster to another',
    });
  } else if (shared !== undefined) {
    const message = `the clusters "${route.source}" and "${route.target}" share the broker ${shared}: they are one cluster under two names`;
    faults.push({ path: [...path, 'target'], message });
  }
  const { create, shared: isShared } = route.targetTopics;
  const targetTopics: TargetTopicPolicy = { create, ...(isShared ? { shared: true } : {}) };
  const treated = { targetTopics, ...treatmentFrom(route) };
  const delivery = deliveryFault({ delivery: route.delivery ?? defaultDelivery(treated), ...treated });
  if (delivery !== undefined) faults.push({ path: [...path, 'delivery'], message: delivery });
  return faults;
}

function ruleFaults(file: ConfigFile, route: ConfigFile['routes'][string], path: ConfigPath): ConfigFault[] {
  const { rules } = treatmentFrom(route);
  if (rules === undefined) return [];
  const faults: ConfigFault[] = rulesFaults(rules).map(({ path: at, message }) => {
    return { path: [...path, 'rules', ...at], message };
  });
  faults.push(
    ...missingSecrets(rules, new Set(Object.keys(file.ruleSecrets))).map((name) => {
      return { path: [...path, 'rules'], message: `ruleSecrets has no secret "${name}"` };
    }),
  );
  if (writesDeadLetters(rules) && route.deadLetterTopic === undefined) {
    faults.push({ path: [...path, 'deadLetterTopic'], message: 'name the topic for unreadable records', atKey: true });
  }
  return faults;
}

function sharedBroker(file: ConfigFile, route: ConfigFile['routes'][string]): string | undefined {
  const target = file.clusters[route.target]?.bootstrap ?? [];
  return file.clusters[route.source]?.bootstrap.find((address) => target.includes(address));
}

function httpFaults(http: ConfigFile['controller']['http'], path: ConfigPath): ConfigFault[] {
  const faults: ConfigFault[] = [];
  if (!isLoopback(http.host) && http.token === undefined && http.tokenFile === undefined) {
    const message = `listening on ${http.host} needs a token: set token or tokenFile beside it, or listen on 127.0.0.1`;
    faults.push({ path: [...path, 'host'], message });
  }
  if (WILDCARD.test(http.host) && http.advertised === undefined) {
    const message = `others cannot connect to ${http.host}: say in advertised (host:port) what they are to use`;
    faults.push({ path: [...path, 'host'], message });
  }
  return faults;
}

function budgetFaults(worker: ConfigFile['worker']): ConfigFault[] {
  const faults: ConfigFault[] = [];
  if (worker.fetchMaxPartitionBytes > worker.fetchMaxBytes) {
    const message = `fetchMaxPartitionBytes (${worker.fetchMaxPartitionBytes}) is more than fetchMaxBytes (${worker.fetchMaxBytes})`;
    faults.push({ path: ['worker', 'fetchMaxPartitionBytes'], message });
  }
  if (worker.fetchMaxBytes > worker.maxInflightBytes) {
    const message = `fetchMaxBytes (${worker.fetchMaxBytes}) is more than maxInflightBytes (${worker.maxInflightBytes})`;
    faults.push({ path: ['worker', 'fetchMaxBytes'], message });
  }
  return faults;
}
