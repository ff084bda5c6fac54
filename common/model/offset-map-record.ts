import { createHash } from 'node:crypto';
import { CausewayError } from '../errors/error.js';
import { OFFSET_MAP_PARTITIONS, offsetMapTopic } from './offset-map.js';
import { partitionKey, type TopicPartition } from './topic-partition.js';
import { NumberReader, NumberWriter } from './varint.js';

/** What the runs of one map topic record are about: one partition of a route, in one timeline. */
export interface MapPlace {
  readonly route: string;
  readonly topic: string;
  readonly partition: number;
  /** Canonical UUID text; null where the target has no topic ids. */
  readonly targetTopicId: string | null;
  readonly targetTopic: string;
  readonly targetPartition: number;
  readonly timeline: number;
}

/**
 * One stretch of a partition's history, in the order of the target's log. Offsets are guarded numbers (< 2^53).
 * `lost`: of the source offsets [source, source + length) it is not known which lie where in [target, target + targetLength).
 */
export interface MapEntry {
  readonly source: number;
  readonly target: number;
  /** 0: copying began there. */
  readonly length: number;
  /** Equal to `length` unless lost. */
  readonly targetLength: number;
  readonly lost: boolean;
}

/** Where an entry begins. */
export type MapStart = Pick<MapEntry, 'source' | 'target'>;

/** What lies before the first entry. A target offset: where the entry before ends there. */
export type MapLink = number;
/** Nothing: it is the first one of its timeline. */
export const FIRST_OF_TIMELINE = -1;
/** Written before there were maps. */
export const UNKNOWN_LINK = -2;

/** A chain of entries that follow each other: what one record holds, or a checkpoint. */
export interface MapChain {
  readonly link: MapLink;
  readonly entries: readonly MapEntry[];
}

/** Entries of one record: 256 KB at the most usual four bytes each; below a topic's max.message.bytes with the worst ones, too. */
export const MAX_RECORD_ENTRIES = 32_768;

const KEY_FORMAT = 1;
const VALUE_FORMAT = 1;
const MAX_KEY_BYTES = 4_096;
const MAX_OFFSET = Number.MAX_SAFE_INTEGER;

/** The map topic's partition that keeps what is known of a source partition, by the name of the target topic. */
export function mapPartition(targetTopic: string, partition: number): number {
  const hash = createHash('sha256').update(partitionKey(targetTopic, partition)).digest();
  return (hash[0] as number) % OFFSET_MAP_PARTITIONS;
}

/** Of the map topic, every partition that is written for any of these. */
export function mapPartitionsOf(
  fleet: string,
  targets: Iterable<{ readonly targetTopic: string; readonly partition: number }>,
): TopicPartition[] {
  const partitions = new Set<number>();
  for (const { targetTopic, partition } of targets) {
    if (partitions.size === OFFSET_MAP_PARTITIONS) break;
    partitions.add(mapPartition(targetTopic, partition));
  }
  return [...partitions].map((partition) => ({ topic: offsetMapTopic(fleet), partition }));
}

/** What the key of a map topic record says. */
export interface MapKey {
  readonly place: MapPlace;
  readonly first: MapStart;
  /** Found in both logs: up to this target offset, where those who copied did not tell. */
  readonly rebuiltTo?: number;
}

/**
 * The record's key: its place and where its first entry begins, so that a repetition, or the same run grown longer, replaces itself. What was
 * rebuilt never takes the place of what an owner wrote, nor of anything that reaches elsewhere: more may lie behind the same beginning.
 */
export function encodeMapKey(place: MapPlace, first: MapStart, rebuiltTo?: number): Buffer {
  const { route, topic, partition, targetTopicId, targetTopic, targetPartition, timeline } = place;
  const fields = [route, topic, partition, targetTopicId, targetTopic, targetPartition, timeline];
  const extent = rebuiltTo === undefined ? [] : [rebuiltTo];
  return Buffer.from(JSON.stringify([KEY_FORMAT, ...fields, first.source, first.target, ...extent]));
}

/** @throws NODE_CORRUPT when it is no key of this format */
export function decodeMapKey(key: Uint8Array): MapKey {
  if (key.length > MAX_KEY_BYTES) throw corrupt(`its key has ${key.length} bytes`);
  let fields: unknown;
  try {
    fields = JSON.parse(Buffer.from(key).toString('utf8'));
  } catch {
    throw corrupt('its key is not JSON');
  }
  if (!Array.isArray(fields) || fields[0] !== KEY_FORMAT) throw corrupt('its key is not of format 1');
  const [, route, topic, partition, targetTopicId, targetTopic, targetPartition, timeline, source, target, extent] =
    fields;
  const areNames = [route, topic, targetTopic].every((name) => typeof name === 'string' && name !== '');
  const areCounts = [partition, targetPartition, timeline, source, target].every(isCount);
  const isId = targetTopicId === null || typeof targetTopicId === 'string';
  if (!areNames || !areCounts || !isId) throw corrupt('its key lacks a field of format 1');
  const place = { route, topic, partition, targetTopicId, targetTopic, targetPartition, timeline };
  return { place, first: { source, target }, ...(isCount(extent) ? { rebuiltTo: extent } : {}) };
}

/** The record's value: a version byte, the link, and the entries as differences to the one before, some four bytes each. */
export function encodeMapValue(chain: MapChain): Buffer {
  const out = new NumberWriter();
  out.byte(VALUE_FORMAT);
  out.signed(chain.link);
  out.unsigned(chain.entries.length);
  let source = 0;
  let target = 0;
  for (const entry of chain.entries) {
    out.signed(entry.source - source);
    out.signed(entry.target - target);
    // Twice a length may be beyond what a Number holds: the mark has a byte of its own only where it is set.
    out.unsigned(entry.lost ? LOST_MARK : entry.length + 1);
    if (entry.lost) {
      out.unsigned(entry.length);
      out.unsigned(entry.targetLength);
    }
    source = entry.source + entry.length;
    target = entry.target + entry.targetLength;
  }
  return out.finish();
}

const LOST_MARK = 0;
/** Smaller ones do not exist. */
const MIN_ENTRY_BYTES = 3;

/** @throws NODE_CORRUPT when it is no value of this format, or its numbers cannot be offsets */
export function decodeMapValue(value: Uint8Array): MapChain {
  const read = new NumberReader(value);
  if (read.byte() !== VALUE_FORMAT) throw corrupt(`its value is of format ${value[0] ?? 'none'}`);
  const link = read.signed();
  const count = read.unsigned();
  if (link === undefined || link < UNKNOWN_LINK || count === undefined) throw corrupt('its value is cut off');
  if (count > MAX_RECORD_ENTRIES || count * MIN_ENTRY_BYTES > read.left) throw corrupt(`it claims ${count} runs`);
  const entries: MapEntry[] = [];
  let source = 0;
  let target = 0;
  for (let i = 0; i < count; i += 1) {
    const entry = readEntry(read, source, target);
    if (entry === undefined) throw corrupt(`run ${i} is cut off or out of range`);
    entries.push(entry);
    source = entry.source + entry.length;
    target = entry.target + entry.targetLength;
  }
  if (read.left > 0) throw corrupt(`${read.left} bytes follow the last run`);
  return { link, entries };
}

function readEntry(read: NumberReader, afterSource: number, afterTarget: number): MapEntry | undefined {
  const sourceStep = read.signed();
  const targetStep = read.signed();
  const mark = read.unsigned();
  if (sourceStep === undefined || targetStep === undefined || mark === undefined) return undefined;
  const lost = mark === LOST_MARK;
  const length = lost ? read.unsigned() : mark - 1;
  const targetLength = lost ? read.unsigned() : length;
  if (length === undefined || targetLength === undefined) return undefined;
  const source = afterSource + sourceStep;
  const target = afterTarget + targetStep;
  const isSound = source >= 0 && target >= 0 && source + length <= MAX_OFFSET && target + targetLength <= MAX_OFFSET;
  return isSound ? { source, target, length, targetLength, lost } : undefined;
}

export function entryTargetEnd({ target, targetLength }: MapEntry): number {
  return target + targetLength;
}

/** Where at the target the chain begins to speak: behind its predecessor, where that is known, or with its first entry. */
export function targetStart({ link }: MapChain, first: MapStart): number {
  return link < 0 || link > first.target ? first.target : link;
}

/** The link of whatever follows these. */
export function linkBehind({ link, entries }: MapChain): MapLink {
  const last = entries.at(-1);
  return last === undefined ? link : entryTargetEnd(last);
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

function corrupt(what: string): CausewayError {
  return new CausewayError('NODE_CORRUPT', `a record of the offset map topic cannot be read: ${what}`, {
    fix: 'Another program wrote into the topic, or a later version; the stretch is unknown until it is rebuilt.',
  });
}
