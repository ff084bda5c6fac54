import type { Route } from '../../common/model/route.js';
import { type ConfigSync, DEFAULT_TOPIC_SYNC } from '../../common/model/topic-sync.js';
import { NamePatterns } from '../../common/patterns/name-patterns.js';

/** A route's patterns are one object for as long as the route is not written anew. */
const compiled = new WeakMap<ConfigSync, (config: string) => boolean>();

/** Which configs the route mirrors: included, and not excluded. Answers are remembered, there are some fifty names. */
export function configFilter({
  topicSync = DEFAULT_TOPIC_SYNC,
}: Pick<Route, 'topicSync'>): (config: string) => boolean {
  const { configs } = topicSync;
  let filter = compiled.get(configs);
  if (filter === undefined) {
    const include = new NamePatterns(configs.include);
    const exclude = new NamePatterns(configs.exclude);
    const answers = new Map<string, boolean>();
    filter = (config) => {
      let answer = answers.get(config);
      if (answer === undefined) {
        answer = include.matching(config) !== undefined && exclude.matching(config) === undefined;
        answers.set(config, answer);
      }
      return answer;
    };
    compiled.set(configs, filter);
  }
  return filter;
}

/** The configs a new target topic gets: those set explicitly on the source topic, as far as the route mirrors them. */
export function mirroredConfigs(
  source: Readonly<Record<string, string>>,
  route: Pick<Route, 'topicSync'> = {},
): Record<string, string> {
  const isMirrored = configFilter(route);
  const entries = Object.entries(source).filter(([name]) => isMirrored(name));
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}
