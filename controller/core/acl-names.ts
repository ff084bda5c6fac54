import { type AclBinding, WILDCARD } from '../../common/model/acl.js';
import { type NamedRoute, targetName } from '../../common/model/naming.js';

/** Where a right of the source belongs at the target; or why it belongs nowhere. */
export type Placement =
  | { readonly kind: 'placed'; readonly pattern: AclBinding['pattern']; readonly name: string }
  /** It is about nothing that the route mirrors. */
  | { readonly kind: 'outside' }
  | { readonly kind: 'unplaceable'; readonly reason: string };

/** How the names of one kind of resource go from the source to the target. */
export interface ResourceNames {
  /** The target's name of a mirrored resource; undefined: it is not mirrored. */
  readonly target: (name: string) => string | undefined;
  /** What every target name begins with whose source name begins so; undefined: there is no such beginning. */
  readonly prefix: (prefix: string) => string | undefined;
  /** Whether anything mirrored begins so. */
  readonly hasPrefix: (prefix: string) => boolean;
  /** How far a right at the target is about what the route mirrors. */
  readonly scope: (binding: Pick<AclBinding, 'pattern' | 'name'>) => Scope;
}

/** `inside`: about nothing else · `touches`: also about it · `outside`: not at all. */
export type Scope = 'inside' | 'touches' | 'outside';

/**
 * A literal name follows the route's naming, a prefix only where prefixes stay prefixes. `*` becomes the prefix of all that comes
 * from the source where there is one; else it would be about everything at the target, which is somebody's decision.
 */
export function place(
  { pattern, name }: Pick<AclBinding, 'pattern' | 'name'>,
  names: ResourceNames,
  wildcard: 'report' | 'copy',
): Placement {
  if (pattern === 'prefixed') return placePrefix(name, names);
  if (name === WILDCARD) return placeWildcard(names, wildcard);
  const target = names.target(name);
  return target === undefined ? { kind: 'outside' } : { kind: 'placed', pattern: 'literal', name: target };
}

function placePrefix(prefix: string, names: ResourceNames): Placement {
  if (!names.hasPrefix(prefix)) return { kind: 'outside' };
  const target = names.prefix(prefix);
  if (target === undefined) {
    return {
      kind: 'unplaceable',
      reason: 'the route’s naming does not map names of one beginning to names of one beginning',
    };
  }
  return { kind: 'placed', pattern: 'prefixed', name: target };
}

function placeWildcard(names: ResourceNames, wildcard: 'report' | 'copy'): Placement {
  if (!names.hasPrefix('')) return { kind: 'outside' };
  const all = names.prefix('');
  if (all !== undefined && all !== '') return { kind: 'placed', pattern: 'prefixed', name: all };
  if (wildcard === 'copy') return { kind: 'placed', pattern: 'literal', name: WILDCARD };
  const reason =
    'at the target it would hold for everything there, not only for what comes from the source; acls.wildcard: copy grants it all the same';
  return { kind: 'unplaceable', reason };
}

/** Of topics: those that are mirrored, and the route's naming. */
export function topicNames(route: NamedRoute, topics: readonly string[]): ResourceNames {
  const targets = new Map(topics.map((topic) => [topic, targetName(route, topic)]));
  const names = new Set(targets.values());
  const own = targetPrefix(route, '') ?? '';
  const scope = ({ pattern, name }: Pick<AclBinding, 'pattern' | 'name'>): Scope => {
    if (pattern === 'literal' && name !== WILDCARD) return names.has(name) ? 'inside' : 'outside';
    const covered = name === WILDCARD && pattern === 'literal' ? '' : name;
    if (![...names].some((target) => target.startsWith(covered))) return 'outside';
    return own !== '' && covered.startsWith(own) ? 'inside' : 'touches';
  };
  return {
    target: (name) => targets.get(name),
    prefix: (prefix) => targetPrefix(route, prefix),
    hasPrefix: (prefix) => topics.some((topic) => topic.startsWith(prefix)),
    scope,
  };
}

/** Of nothing. */
export const NO_NAMES: ResourceNames = {
  target: () => undefined,
  prefix: () => undefined,
  hasPrefix: () => false,
  scope: () => 'outside',
};

/** Of groups: which there will be nobody knows, so that only what was granted is known to be the route's. */
export function groupNames(target: (group: string) => string | undefined): ResourceNames {
  return { target, prefix: (prefix) => prefix, hasPrefix: () => true, scope: () => 'touches' };
}

/** What the target's names of all topics `<prefix>...` begin with, and no other source topic's name does. */
export function targetPrefix({ source, naming }: NamedRoute, prefix: string): string | undefined {
  switch (naming.policy) {
    case 'identity':
      return prefix;
    case 'default':
      return `${source}${naming.separator}${prefix}`;
    case 'template': {
      const [before = '', after = ''] = naming.template.replaceAll('{source}', () => source).split('{topic}');
      return after === '' ? `${before}${prefix}` : undefined;
    }
    case 'map': {
      const isMixed = Object.keys(naming.topics).some((topic) => topic.startsWith(prefix));
      return isMixed ? undefined : targetPrefix({ source, naming: naming.otherwise }, prefix);
    }
    case 'regex':
      return undefined;
  }
}
