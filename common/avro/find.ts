import type { PathStep } from '../model/field-path.js';
import { isLeaf, type Node } from './node.js';
import { AvroFault, AvroReader } from './reader.js';
import { type AvroScalar, readScalar } from './scalar.js';

/** In the place of a record, an array or a map: it is there, and compares with nothing. */
export const CONTAINER: unique symbol = Symbol('container');

/**
 * Every value at the path, in the order of the bytes. A union is the value that it has; arrays have elements by number, maps entries by key.
 * @param bytes of one value of the schema, whole (`expectWhole`)
 */
export function avroValuesAt(
  node: Node,
  bytes: Buffer,
  path: readonly PathStep[],
): readonly (AvroScalar | typeof CONTAINER)[] {
  const found: (AvroScalar | typeof CONTAINER)[] = [];
  const reader = new AvroReader(bytes);
  const visit = (at: Node, step: number, depth: number): void => {
    reader.visited(depth);
    if (at.kind === 'union') {
      visit(reader.branch(at.branches).node, step, depth + 1);
      return;
    }
    if (step === path.length) {
      found.push(isLeaf(at) ? readScalar(reader, at) : skipped(reader, at, depth));
      return;
    }
    const inner = (node: Node, isMeant: boolean): void => {
      if (isMeant) visit(node, step + 1, depth + 1);
      else reader.skip(node, depth + 1);
    };
    const wanted = path[step] as PathStep;
    switch (at.kind) {
      case 'record':
        for (const field of at.fields) inner(field.node, means(wanted, field.name));
        return;
      case 'array':
        reader.items((index) => inner(at.items, wanted.any || wanted.index === index));
        return;
      case 'map':
        reader.items(() => {
          const key = reader.blob();
          inner(at.items, wanted.any || key.toString('utf8') === wanted.name);
        });
        return;
      default:
        // A single value has nothing within it.
        reader.skip(at, depth);
    }
  };
  visit(node, 0, 0);
  return found;
}

export function means(step: PathStep, name: string): boolean {
  return step.any || step.name === name;
}

function skipped(reader: AvroReader, node: Node, depth: number): typeof CONTAINER {
  reader.skip(node, depth);
  return CONTAINER;
}

/** @throws AvroFault: the bytes are not one value of the schema */
export function expectWhole(node: Node, bytes: Buffer): void {
  const reader = new AvroReader(bytes);
  reader.skip(node, 0);
  if (!reader.isAtEnd) throw new AvroFault(`it goes on for ${bytes.length - reader.at} bytes behind its end`);
}
