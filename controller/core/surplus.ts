import { compareText } from './text-order.js';

interface Shedable {
  readonly key: string;
  readonly topic: string;
}

/**
 * Chooses `count` partitions to take off one worker: from the topics it has most of, one at a time, and among equals from the topic
 * that was taken from least so far (`shedOfTopic`, kept over all workers of the round), so that the receiver gets a mix.
 */
export function pickSurplus<P extends Shedable>(
  kept: readonly P[],
  count: number,
  shedOfTopic: Map<string, number>,
): P[] {
  const byTopic = new Map<string, P[]>();
  for (const partition of kept) {
    const list = byTopic.get(partition.topic);
    if (list === undefined) byTopic.set(partition.topic, [partition]);
    else list.push(partition);
  }
  // levels[n]: topics of which n partitions are left here.
  const levels: string[][] = [];
  for (const [topic, list] of byTopic) {
    list.sort((a, b) => compareText(a.key, b.key));
    levels[list.length] ??= [];
    levels[list.length]?.push(topic);
  }
  const picked: P[] = [];
  for (let level = levels.length - 1; level > 0 && picked.length < count; level--) {
    const topics = (levels[level] ?? []).sort(
      (a, b) => (shedOfTopic.get(a) ?? 0) - (shedOfTopic.get(b) ?? 0) || compareText(a, b),
    );
    for (const topic of topics.slice(0, count - picked.length)) {
      picked.push(byTopic.get(topic)?.pop() as P);
      shedOfTopic.set(topic, (shedOfTopic.get(topic) ?? 0) + 1);
      if (level > 1) {
        levels[level - 1] ??= [];
        levels[level - 1]?.push(topic);
      }
    }
  }
  return picked;
}
