import type { PartitionMap } from '../../common/model/offset-map.js';
import {
  FIRST_OF_TIMELINE,
  linkBehind,
  MAX_RECORD_ENTRIES,
  type MapChain,
  type MapEntry,
} from '../../common/model/offset-map-record.js';

/**
 * A map with its sides exchanged, as chains for the map topic of the other direction: what was the target is the source there. It ends where
 * that direction begins to copy: everything before is told, though between the last copy and there lie only markers, or records that never
 * crossed.
 * @param begin the first pair of the other direction
 */
export function invertedChains(
  { runs, lost = [] }: Pick<PartitionMap, 'runs' | 'lost'>,
  begin: { readonly source: bigint; readonly target: bigint },
): readonly MapChain[] {
  const entries: MapEntry[] = [];
  for (const { source, target, length } of runs) {
    const both = { length: Number(length), targetLength: Number(length) };
    entries.push({ source: Number(target), target: Number(source), ...both, lost: false });
  }
  for (const { source, target } of lost) {
    const lengths = { length: Number(target.to - target.from), targetLength: Number(source.to - source.from) };
    entries.push({ source: Number(target.from), target: Number(source.from), ...lengths, lost: true });
  }
  entries.sort((a, b) => a.target - b.target || a.source - b.source);
  if (entries.length === 0) return [];
  entries.push({ source: Number(begin.source), target: Number(begin.target), length: 0, targetLength: 0, lost: false });
  const chains: MapChain[] = [];
  let link = FIRST_OF_TIMELINE;
  for (let from = 0; from < entries.length; from += MAX_RECORD_ENTRIES) {
    const chain = { link, entries: entries.slice(from, from + MAX_RECORD_ENTRIES) };
    chains.push(chain);
    link = linkBehind(chain);
  }
  return chains;
}
