import { targetName } from '../../common/model/naming.js';
import type { Route } from '../../common/model/route.js';

/**
 * Why a route cannot mirror a registry's topic; undefined: it can. The order of its records is their meaning, and its only writer is the registry
 * that leads: one way, one route, under its own name, as it is.
 */
export function schemaTopicFault(route: Route, others: readonly Route[]): string | undefined {
  if (route.schemas?.mode !== 'topic') return undefined;
  const { topic } = route.schemas;
  if (targetName(route, topic) !== topic) {
    return `the target’s registry reads ${topic}, and the route’s naming makes it ${targetName(route, topic)}: leave it its name (policy identity, or map)`;
  }
  if (route.delivery !== 'exactly-once') {
    return `with delivery ${route.delivery} nobody would notice another writer in ${topic}, or a repeat: use exactly-once`;
  }
  const rival = others.find((other) => other.name !== route.name && isIntoTopic(other, route.target, topic));
  if (rival !== undefined)
    return `route ${rival.name} mirrors a registry’s topic into ${topic} of cluster ${route.target} already: two would mix their ids`;
  const back = others.find((other) => other.name !== route.name && isWayBack(other, route, topic));
  if (back !== undefined) {
    return `route ${back.name} mirrors the registry’s topic the other way: only one registry can give ids. Use schemas.mode api with contexts for active-active`;
  }
  return undefined;
}

function isIntoTopic(other: Route, target: string, topic: string): boolean {
  return other.schemas?.mode === 'topic' && other.target === target && other.schemas.topic === topic;
}

function isWayBack(other: Route, { source, target }: Route, topic: string): boolean {
  return (
    other.schemas?.mode === 'topic' &&
    other.schemas.topic === topic &&
    other.source === target &&
    other.target === source
  );
}

/** What speaks against mirroring the registry's topic as the clusters are now. */
export function schemaTopicFindings(world: {
  readonly topic: string;
  /** Of the source's topic; null: it is not there. */
  readonly partitions: number | null;
  readonly isMirrored: boolean;
  /** Whether the target's registry takes schemas, as far as it tells. */
  readonly targetWrites: boolean | undefined;
}): readonly string[] {
  const { topic, partitions, isMirrored, targetWrites } = world;
  const findings: string[] = [];
  if (partitions === null) findings.push(`the source has no topic ${topic}`);
  else if (partitions !== 1)
    findings.push(`${topic} has ${partitions} partitions at the source: a registry’s topic has one`);
  if (!isMirrored) findings.push(`${topic} is not mirrored by the route: add it with "causeway topic add"`);
  if (targetWrites === true) {
    findings.push(
      'the target’s registry takes schemas: it would write into the copy. Make it a follower (leader.eligibility=false, master_eligibility=false), set its mode to READONLY, or start it after a failover only (Apicurio)',
    );
  }
  return findings;
}
