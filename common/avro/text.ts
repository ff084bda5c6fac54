import { isLeaf, type Node } from './node.js';
import { AvroReader } from './reader.js';
import { readScalar, scalarText } from './scalar.js';

/**
 * The value as JSON, for people: unions by the value they have, times as ISO 8601, bytes as characters below 256.
 * @param bytes of one value of the schema, whole (`expectWhole`)
 */
export function avroText(node: Node, bytes: Buffer): string {
  const reader = new AvroReader(bytes);
  const text = (at: Node, depth: number): string => {
    reader.visited(depth);
    if (isLeaf(at)) return scalarText(readScalar(reader, at));
    switch (at.kind) {
      case 'union':
        return text(reader.branch(at.branches).node, depth + 1);
      case 'record':
        return `{${at.fields.map((field) => `${JSON.stringify(field.name)}:${text(field.node, depth + 1)}`).join(',')}}`;
      case 'array': {
        const items: string[] = [];
        reader.items(() => items.push(text(at.items, depth + 1)));
        return `[${items.join(',')}]`;
      }
      case 'map': {
        const entries: string[] = [];
        reader.items(() => {
          const key = reader.blob().toString('utf8');
          entries.push(`${JSON.stringify(key)}:${text(at.items, depth + 1)}`);
        });
        return `{${entries.join(',')}}`;
      }
    }
  };
  return text(node, 0);
}
