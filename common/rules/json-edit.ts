import type { PathStep } from '../model/field-path.js';

const QUOTE = 0x22;
const COMMA = 0x2c;
const OPEN_ARRAY = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_ARRAY = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
const COLON = 0x3a;

/** Bytes [from, to) of a JSON text. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

/** A member of an object or an element of an array: where it begins (with its name), and where its value lies. */
interface Child extends Span {
  readonly valueFrom: number;
  readonly isMeant: boolean;
}

/**
 * Replaces the values at a path, byte by byte: everything else of the text stays as it was written, numbers of any size and repeated names
 * included. Of repeated names all are meant.
 * @param text JSON; must have been parsed by somebody before
 * @param replacement for the bytes of a value; undefined: it stays
 * @returns `text` itself where nothing was there to replace
 */
export function replaceAt(
  text: Buffer,
  path: readonly PathStep[],
  replacement: (value: Buffer) => Buffer | undefined,
): Buffer {
  const edits: { span: Span; by: Buffer }[] = [];
  visit(text, path, 0, skipSpace(text, 0), (span) => {
    const by = replacement(text.subarray(span.from, span.to));
    if (by !== undefined) edits.push({ span, by });
  });
  return edited(text, edits);
}

/** Removes the members or elements at a path, with the commas that held them. @returns `text` itself where there was none */
export function removeAt(text: Buffer, path: readonly PathStep[]): Buffer {
  const edits: { span: Span; by: Buffer }[] = [];
  const last = path.at(-1) as PathStep;
  visit(text, path.slice(0, -1), 0, skipSpace(text, 0), ({ from }) => {
    for (const span of removals(text, from, last)) edits.push({ span, by: NOTHING });
  });
  return edited(text, edits);
}

const NOTHING = Buffer.alloc(0);

function edited(text: Buffer, edits: readonly { readonly span: Span; readonly by: Buffer }[]): Buffer {
  if (edits.length === 0) return text;
  const pieces: Buffer[] = [];
  let at = 0;
  for (const { span, by } of edits) {
    pieces.push(text.subarray(at, span.from), by);
    at = span.to;
  }
  pieces.push(text.subarray(at));
  return Buffer.concat(pieces);
}

/** Calls back for every value at the path, in the text's order. The depth is the path's: nobody can make it deep. */
function visit(
  text: Buffer,
  path: readonly PathStep[],
  depth: number,
  from: number,
  found: (value: Span) => void,
): void {
  const step = path[depth];
  if (step === undefined) {
    found({ from, to: skipValue(text, from) });
    return;
  }
  for (const child of childrenOf(text, from, step)) {
    if (child.isMeant) visit(text, path, depth + 1, child.valueFrom, found);
  }
}

/** What to cut out of a container so that it stays JSON without the children that are meant. */
function removals(text: Buffer, from: number, step: PathStep): Span[] {
  const children = childrenOf(text, from, step);
  const spans: Span[] = [];
  let keptTo = -1;
  for (let i = 0; i < children.length; i++) {
    const child = children[i] as Child;
    if (!child.isMeant) {
      keptTo = child.to;
      continue;
    }
    let behind = i;
    while (children[behind + 1]?.isMeant === true) behind += 1;
    const next = children[behind + 1];
    // In front of one that stays the comma behind goes too, at the end the one before.
    if (next !== undefined) spans.push({ from: child.from, to: next.from });
    else spans.push({ from: keptTo < 0 ? child.from : keptTo, to: (children[behind] as Child).to });
    i = behind;
  }
  return spans;
}

/** The children of the container that begins there; none where it is no container. */
function childrenOf(text: Buffer, from: number, step: PathStep): Child[] {
  const open = text[from];
  if (open !== OPEN_OBJECT && open !== OPEN_ARRAY) return [];
  const children: Child[] = [];
  let at = skipSpace(text, from + 1);
  while (at < text.length && text[at] !== CLOSE_OBJECT && text[at] !== CLOSE_ARRAY) {
    const start = at;
    let isMeant = step.any;
    if (open === OPEN_OBJECT) {
      at = skipString(text, at);
      if (!step.any) isMeant = isNamed(text, start, at, step.name);
      at = skipSpace(text, skipSpace(text, at) + 1);
    } else if (!step.any) {
      isMeant = children.length === step.index;
    }
    const to = skipValue(text, at);
    children.push({ from: start, to, valueFrom: at, isMeant });
    at = skipSpace(text, to);
    if (text[at] === COMMA) at = skipSpace(text, at + 1);
  }
  return children;
}

/** A name may be written with escapes. */
function isNamed(text: Buffer, from: number, to: number, name: string): boolean {
  const written = text.toString('utf8', from, to);
  return (written.includes('\\') ? (JSON.parse(written) as string) : written.slice(1, -1)) === name;
}

function skipSpace(text: Buffer, from: number): number {
  let at = from;
  while (at < text.length && (text[at] as number) <= 0x20) at += 1;
  return at;
}

/** @param from at the quote @returns behind the closing quote */
function skipString(text: Buffer, from: number): number {
  let at = from + 1;
  while (at < text.length && text[at] !== QUOTE) at += text[at] === BACKSLASH ? 2 : 1;
  return at + 1;
}

/** Behind the value that begins there, however deep it nests. */
function skipValue(text: Buffer, from: number): number {
  let at = from;
  let depth = 0;
  do {
    const byte = text[at];
    if (byte === QUOTE) {
      at = skipString(text, at);
    } else if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) {
      depth += 1;
      at += 1;
    } else if (byte === CLOSE_OBJECT || byte === CLOSE_ARRAY) {
      depth -= 1;
      at += 1;
    } else if (byte === COMMA || byte === COLON || (byte as number) <= 0x20) {
      at += 1;
    } else {
      while (at < text.length && !isDelimiter(text[at] as number)) at += 1;
    }
  } while (depth > 0 && at < text.length);
  return at;
}

function isDelimiter(byte: number): boolean {
  return byte <= 0x20 || byte === COMMA || byte === COLON || byte === CLOSE_OBJECT || byte === CLOSE_ARRAY;
}
