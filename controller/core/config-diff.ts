import type { TopicConfig, TopicConfigs } from '../../common/model/topic-config.js';
import type { ConfigSync } from '../../common/model/topic-sync.js';
import { compareText } from './text-order.js';

/** A config that is not at the target topic as it should be. */
export interface ConfigDifference {
  readonly name: string;
  /** The value that holds at the target topic now. */
  readonly before: string | null;
  /** The value to set; null: the topic is to have none of its own. */
  readonly after: string | null;
  /** Why nothing can be done about it; undefined: it can be changed. */
  readonly left?: string;
  readonly reason: string;
}

export interface ConfigQuestion {
  readonly source: TopicConfigs;
  readonly target: TopicConfigs;
  readonly useDefaultsFrom: ConfigSync['useDefaultsFrom'];
  /** By the route's patterns. */
  readonly isMirrored: (config: string) => boolean;
}

/**
 * What is to be written so that the target topic's configs are the source topic's (MirrorMaker 2's targetConfig and use.defaults.from). Only what
 * differs: a value that holds at the target already, by whatever right, is left alone. Read-only and sensitive ones are nobody's to copy.
 */
export function configDifferences({ source, target, useDefaultsFrom, isMirrored }: ConfigQuestion): ConfigDifference[] {
  const differences: ConfigDifference[] = [];
  for (const name of [...source.keys()].sort(compareText)) {
    const here = source.get(name);
    if (here === undefined || here.value === null || isUntouched(here) || !isMirrored(name)) continue;
    const there = target.get(name);
    if (there !== undefined && isUntouched(there)) continue;
    const difference =
      here.isOwn || useDefaultsFrom === 'source' ? toSet({ ...here, value: here.value }, there) : toRemove(name, there);
    if (difference !== undefined) differences.push(difference);
  }
  return differences;
}

function isUntouched({ isReadOnly, isSensitive }: TopicConfig): boolean {
  return isReadOnly || isSensitive;
}

function toSet(
  { name, value, isOwn }: TopicConfig & { readonly value: string },
  there: TopicConfig | undefined,
): ConfigDifference | undefined {
  const reason = isOwn
    ? 'the source topic has this value'
    : 'this value holds at the source, and defaults are taken from there';
  if (there === undefined) {
    // A default that the other side does not know needs no word.
    return isOwn
      ? { name, before: null, after: value, left: 'the target’s brokers do not know this config', reason }
      : undefined;
  }
  return there.value === value ? undefined : { name, before: there.value, after: value, reason };
}

function toRemove(name: string, there: TopicConfig | undefined): ConfigDifference | undefined {
  if (there?.isOwn !== true) return undefined;
  const reason = 'the source topic does not set it: the default of the target’s cluster applies';
  return { name, before: there.value, after: null, reason };
}
