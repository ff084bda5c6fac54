import { DEFAULT_EXCLUDED_GROUPS, type GroupSyncPolicy } from '../../common/model/group-sync.js';
import { NamePatterns } from '../../common/patterns/name-patterns.js';
import { NameRewrite } from '../../common/patterns/name-rewrite.js';

/** Of routes that say nothing about groups: what an order by hand, and MirrorMaker 2's checkpoints, go by. */
export const DEFAULT_GROUP_SYNC: GroupSyncPolicy = {
  include: ['.*'],
  exclude: DEFAULT_EXCLUDED_GROUPS,
  intervalMs: 5_000,
  renames: [],
  allowRewind: false,
  beforeMirror: 'none',
  untranslatable: 'none',
};

/** Which groups of the source a route takes along, and how they are called at the target. */
export class GroupFilter {
  readonly #include: NamePatterns;
  readonly #exclude: NamePatterns;
  readonly #renames: readonly NameRewrite[];

  /** @param policy whose patterns have been checked */
  constructor({ include, exclude, renames }: Pick<GroupSyncPolicy, 'include' | 'exclude' | 'renames'>) {
    this.#include = new NamePatterns(include);
    this.#exclude = new NamePatterns(exclude);
    this.#renames = renames.map(({ match, replacement }) => new NameRewrite(match, replacement));
  }

  takes(group: string): boolean {
    return this.#include.matching(group) !== undefined && this.#exclude.matching(group) === undefined;
  }

  targetName(group: string): string {
    for (const rename of this.#renames) {
      const name = rename.rewrite(group);
      if (name !== undefined) return name;
    }
    return group;
  }
}
