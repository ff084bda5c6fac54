import type { PathStep, Substitute } from '../model/field-path.js';
import { means } from './find.js';
import { isLeaf, type Node } from './node.js';
import { AvroReader } from './reader.js';
import { contentOf, encodeScalar } from './scalar.js';

/** Why a value cannot be changed as a rule says without another schema. */
export class AvroMisfit extends Error {}

/**
 * The bytes with the values at the path replaced; all others stay as they were written, but for the counts of the arrays and maps around
 * them. What is null stays null. In a union the replacement may be of another branch.
 * @param bytes of one value of the schema, whole (`expectWhole`)
 * @returns `bytes` itself where nothing was there to replace
 * @throws AvroMisfit: a value at the path is of a type that does not have the replacement
 */
export function avroReplaced(node: Node, bytes: Buffer, path: readonly PathStep[], by: Substitute): Buffer {
  return new Edit(bytes, path, by).run(node);
}

/**
 * The bytes without what is at the path: entries of maps and elements of arrays are taken out, what may be null becomes null.
 * @throws AvroMisfit: a value at the path can be neither
 */
export function avroRemoved(node: Node, bytes: Buffer, path: readonly PathStep[]): Buffer {
  return new Edit(bytes, path, undefined).run(node);
}

/** Undefined: as it was. */
type Changed = Buffer | undefined;

class Edit {
  readonly #reader: AvroReader;
  readonly #bytes: Buffer;
  readonly #path: readonly PathStep[];
  /** Undefined: taken out. */
  readonly #by: Substitute | undefined;

  constructor(bytes: Buffer, path: readonly PathStep[], by: Substitute | undefined) {
    this.#reader = new AvroReader(bytes);
    this.#bytes = bytes;
    this.#path = path;
    this.#by = by;
  }

  run(node: Node): Buffer {
    return this.#value(node, 0, 0) ?? this.#bytes;
  }

  /** The reader is behind the value afterwards. */
  #value(node: Node, step: number, depth: number): Changed {
    const reader = this.#reader;
    reader.visited(depth);
    if (node.kind === 'union') return this.#union(node.branches, step, depth);
    if (step === this.#path.length) return this.#found(node, depth);
    const wanted = this.#path[step] as PathStep;
    switch (node.kind) {
      case 'record':
        return this.#record(node.fields, wanted, step, depth);
      case 'array':
        return this.#items((index) => this.#item(node.items, wanted.any || wanted.index === index, step, depth));
      case 'map':
        return this.#items(() => {
          const from = reader.at;
          const key = reader.blob().toString('utf8');
          const written = this.#bytes.subarray(from, reader.at);
          const changed = this.#item(node.items, means(wanted, key), step, depth);
          return changed instanceof Buffer ? Buffer.concat([written, changed]) : changed;
        });
      default:
        reader.skip(node, depth);
        return undefined;
    }
  }

  #union(branches: readonly Node[], step: number, depth: number): Changed {
    const reader = this.#reader;
    const { node, index } = reader.branch(branches);
    if (step < this.#path.length) {
      const changed = this.#value(node, step, depth + 1);
      return changed === undefined ? undefined : Buffer.concat([varint(index), changed]);
    }
    if (node.kind === 'null') return undefined;
    if (this.#by === undefined) {
      reader.skip(node, depth + 1);
      const none = branches.findIndex(({ kind }) => kind === 'null');
      if (none < 0) throw new AvroMisfit('it may not be null, so that it cannot be removed');
      return varint(none);
    }
    const replacement = this.#by(this.#content(node, depth + 1));
    // Its own branch first: where several have such a value the type stays.
    for (const branch of [node, ...branches]) {
      const bytes = isLeaf(branch) ? encodeScalar(branch, replacement) : undefined;
      if (bytes !== undefined) return Buffer.concat([varint(branches.indexOf(branch)), bytes]);
    }
    throw misfit(node, replacement);
  }

  /** At the end of the path, and no union. */
  #found(node: Exclude<Node, { kind: 'union' }>, depth: number): Changed {
    if (node.kind === 'null') return undefined;
    if (this.#by === undefined) throw new AvroMisfit(`it is ${nameOf(node)} and may not be null: it cannot be removed`);
    const replacement = this.#by(this.#content(node, depth));
    const bytes = isLeaf(node) ? encodeScalar(node, replacement) : undefined;
    if (bytes === undefined) throw misfit(node, replacement);
    return bytes;
  }

  #content(node: Node, depth: number): Buffer {
    if (isLeaf(node)) return contentOf(this.#reader, node);
    const from = this.#reader.at;
    this.#reader.skip(node, depth);
    return this.#bytes.subarray(from, this.#reader.at);
  }

  #record(
    fields: readonly { readonly name: string; readonly node: Node }[],
    wanted: PathStep,
    step: number,
    depth: number,
  ): Changed {
    const pieces: Buffer[] = [];
    let isChanged = false;
    for (const { name, node } of fields) {
      const from = this.#reader.at;
      const changed = means(wanted, name) ? this.#value(node, step + 1, depth + 1) : this.#skipped(node, depth + 1);
      isChanged ||= changed !== undefined;
      pieces.push(changed ?? this.#bytes.subarray(from, this.#reader.at));
    }
    return isChanged ? Buffer.concat(pieces) : undefined;
  }

  /** An element or an entry's value; null: to be taken out. */
  #item(node: Node, isMeant: boolean, step: number, depth: number): Changed | null {
    if (!isMeant) return this.#skipped(node, depth + 1);
    if (this.#by === undefined && step === this.#path.length - 1) {
      this.#reader.skip(node, depth + 1);
      return null;
    }
    return this.#value(node, step + 1, depth + 1);
  }

  /** Of an array or a map: in one block where something changed, however many they were. */
  #items(edit: (index: number) => Changed | null): Changed {
    const reader = this.#reader;
    const pieces: Buffer[] = [];
    let count = 0;
    let isChanged = false;
    reader.items((index) => {
      const from = reader.at;
      const changed = edit(index);
      isChanged ||= changed !== undefined;
      if (changed === null) return;
      count += 1;
      pieces.push(changed ?? this.#bytes.subarray(from, reader.at));
    });
    if (!isChanged) return undefined;
    return Buffer.concat(count === 0 ? [END] : [varint(count), ...pieces, END]);
  }

  #skipped(node: Node, depth: number): undefined {
    this.#reader.skip(node, depth);
    return undefined;
  }
}

const END = Buffer.from([0]);

/** As Avro writes ints: zigzag, seven bits a byte. Of a count or an index. */
function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value * 2;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) | 0x80);
  bytes.push(rest);
  return Buffer.from(bytes);
}

function misfit(node: Node, replacement: ReturnType<Substitute>): AvroMisfit {
  const shown = typeof replacement === 'string' ? `a text of ${replacement.length} characters` : String(replacement);
  return new AvroMisfit(`it is ${nameOf(node)}, which cannot hold ${shown}`);
}

function nameOf(node: Node): string {
  const logical = isLeaf(node) && node.logical !== undefined ? ` (${node.logical.type})` : '';
  return `of type ${node.kind}${logical}`;
}
