import { assertNever } from '../errors/assert.js';
import { NameRewrite } from '../patterns/name-rewrite.js';

/**
 * How topics are named at the target. `identity` and `default` are MirrorMaker 2's IdentityReplicationPolicy and DefaultReplicationPolicy, name
 * by name (org.apache.kafka.connect.mirror, Kafka 4.0).
 */
export type SimpleNaming =
  /** The name stays; but for names that end in `heartbeats`, which get the prefix, so that hops can be told apart. */
  | { readonly policy: 'identity'; readonly separator?: string }
  /** `<source><separator><topic>` */
  | { readonly policy: 'default'; readonly separator: string }
  /** A text in which `{source}` and `{topic}`, once, are replaced. */
  | { readonly policy: 'template'; readonly template: string };

export type NamingPolicy =
  | SimpleNaming
  /** A pattern (RE2) of the whole name, and what takes its place; names that do not match are named by `otherwise`. */
  | {
      readonly policy: 'regex';
      readonly match: string;
      readonly replacement: string;
      readonly otherwise: SimpleNaming;
    }
  /** Single topics by their names. */
  | {
      readonly policy: 'map';
      readonly topics: Readonly<Record<string, string>>;
      readonly otherwise: SimpleNaming;
    };

/** Of a route: what its target topics' names are made of. */
export interface NamedRoute {
  /** The source cluster's name, which is its alias in MirrorMaker 2's words. */
  readonly source: string;
  readonly naming: NamingPolicy;
}

export const DEFAULT_SEPARATOR = '.';
const HEARTBEATS = 'heartbeats';
const INTERNAL_SUFFIX = 'internal';
/** Names that are kept per policy, whose rewriting costs more than looking them up. */
const MAX_REMEMBERED = 100_000;

/** The target topic's name. Pure; a change of it is a change of identity (exactly-once.md 6.5). */
export function targetName({ source, naming }: NamedRoute, topic: string): string {
  switch (naming.policy) {
    case 'regex':
      return rewritten(naming, topic) ?? targetName({ source, naming: naming.otherwise }, topic);
    case 'map':
      return mapped(naming.topics, topic) ?? targetName({ source, naming: naming.otherwise }, topic);
    default:
      return simpleName(source, naming, topic);
  }
}

/** The source topic of which `target` is the copy; undefined: there is none, or the policy cannot be inverted. */
export function sourceName(route: NamedRoute, target: string): string | undefined {
  const topic = candidateOf(route, target);
  return topic !== undefined && topic !== '' && targetName(route, topic) === target ? topic : undefined;
}

/** Whether `sourceName` finds the source of every target topic. */
export function isInvertible({ policy }: NamingPolicy): boolean {
  return policy !== 'regex';
}

/** Whether it keeps names, so that a name tells nothing of where a topic came from. */
export function keepsNames(naming: NamingPolicy): boolean {
  const simple = 'otherwise' in naming ? naming.otherwise : naming;
  return simple.policy === 'identity' || (simple.policy === 'template' && simple.template === '{topic}');
}

/** The separator of the policy's prefixes; MirrorMaker 2's own default where it has none. */
export function separatorOf(naming: NamingPolicy): string {
  switch (naming.policy) {
    case 'default':
      return naming.separator;
    case 'identity':
      return naming.separator ?? DEFAULT_SEPARATOR;
    default:
      return DEFAULT_SEPARATOR;
  }
}

function simpleName(source: string, naming: SimpleNaming, topic: string): string {
  switch (naming.policy) {
    case 'identity':
      return topic.endsWith(HEARTBEATS) ? formatRemoteTopic(source, topic, separatorOf(naming)) : topic;
    case 'default':
      return formatRemoteTopic(source, topic, naming.separator);
    case 'template':
      // By functions: a dollar sign in a name has no meaning of its own.
      return naming.template.replaceAll('{source}', () => source).replace('{topic}', () => topic);
    default:
      return assertNever(naming, 'naming policy');
  }
}

function candidateOf({ source, naming }: NamedRoute, target: string): string | undefined {
  switch (naming.policy) {
    case 'identity': {
      const prefix = `${source}${separatorOf(naming)}`;
      return target.endsWith(HEARTBEATS) && target.startsWith(prefix) ? target.slice(prefix.length) : target;
    }
    case 'default': {
      const prefix = `${source}${naming.separator}`;
      return target.startsWith(prefix) ? target.slice(prefix.length) : undefined;
    }
    case 'template': {
      const [before = '', after = ''] = naming.template.replaceAll('{source}', () => source).split('{topic}');
      const fits = target.length > before.length + after.length && target.startsWith(before) && target.endsWith(after);
      return fits ? target.slice(before.length, target.length - after.length) : undefined;
    }
    case 'map': {
      const named = Object.keys(naming.topics).find((topic) => naming.topics[topic] === target);
      return named ?? candidateOf({ source, naming: naming.otherwise }, target);
    }
    case 'regex':
      return undefined;
    default:
      return assertNever(naming, 'naming policy');
  }
}

function mapped(topics: Readonly<Record<string, string>>, topic: string): string | undefined {
  return Object.hasOwn(topics, topic) ? topics[topic] : undefined;
}

interface Rewriter {
  readonly rewrite: NameRewrite;
  readonly names: Map<string, string | undefined>;
}

/** A route's policy is one object for as long as the route is not written anew. */
const rewriters = new WeakMap<object, Rewriter>();

function rewritten(naming: NamingPolicy & { readonly policy: 'regex' }, topic: string): string | undefined {
  let rewriter = rewriters.get(naming);
  if (rewriter === undefined) {
    rewriter = { rewrite: new NameRewrite(naming.match, naming.replacement), names: new Map() };
    rewriters.set(naming, rewriter);
  }
  const { rewrite, names } = rewriter;
  if (names.has(topic)) return names.get(topic);
  const name = rewrite.rewrite(topic);
  if (names.size >= MAX_REMEMBERED) names.clear();
  names.set(topic, name);
  return name;
}

/** DefaultReplicationPolicy.formatRemoteTopic */
export function formatRemoteTopic(source: string, topic: string, separator = DEFAULT_SEPARATOR): string {
  return `${source}${separator}${topic}`;
}

/**
 * DefaultReplicationPolicy.topicSource: the alias in front of the first separator; null: not a remote topic. As Java's split has it, separators
 * at the end do not count: `foo.` is no remote topic, and `.b` comes from "".
 */
export function topicSource(topic: string, separator = DEFAULT_SEPARATOR): string | null {
  const parts = topic.split(separator);
  while (parts.length > 0 && parts.at(-1) === '') parts.pop();
  return parts.length < 2 ? null : (parts[0] as string);
}

/** DefaultReplicationPolicy.upstreamTopic: its name one hop ago; null: not a remote topic. */
export function upstreamTopic(topic: string, separator = DEFAULT_SEPARATOR): string | null {
  const source = topicSource(topic, separator);
  return source === null ? null : topic.slice(source.length + separator.length);
}

/** ReplicationPolicy.originalTopic: its name where it was made. */
export function originalTopic(topic: string, separator = DEFAULT_SEPARATOR): string {
  const upstream = upstreamTopic(topic, separator);
  return upstream === null || upstream === topic ? topic : originalTopic(upstream, separator);
}

/** ReplicationPolicy.isHeartbeatsTopic: `heartbeats`, however many hops away. */
export function isHeartbeatsTopic(topic: string, separator = DEFAULT_SEPARATOR): boolean {
  return originalTopic(topic, separator) === HEARTBEATS;
}

/** ReplicationPolicy.isInternalTopic: what MirrorMaker 2 never mirrors, whatever its filters say. */
export function isInternalTopic(topic: string, separator = DEFAULT_SEPARATOR): boolean {
  const isKafkas = topic.startsWith('__') || topic.startsWith('.');
  const isConnects = topic.endsWith('-internal') || topic.endsWith('.internal');
  return isKafkas || isConnects || topic.endsWith(`${separator}${INTERNAL_SUFFIX}`);
}

/**
 * MirrorSourceConnector.isCycle under DefaultReplicationPolicy: a hop of the topic's was through the target, so that its records are there
 * already.
 */
export function isCycle(topic: string, target: string, separator = DEFAULT_SEPARATOR): boolean {
  const source = topicSource(topic, separator);
  if (source === null) return false;
  if (source === target) return true;
  const upstream = upstreamTopic(topic, separator);
  return upstream !== null && upstream !== topic && isCycle(upstream, target, separator);
}
