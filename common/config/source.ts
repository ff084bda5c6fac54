import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  parseDocument,
  type YAMLMap,
} from 'yaml';
import { messageOf } from '../errors/error.js';
import { type ConfigFault, type ConfigPath, formatPath, type PlacedFault } from './faults.js';
import { type Environment, interpolate } from './interpolate.js';
import { nodeAt } from './schema-tree.js';

/** A configuration is a page or two; more is a mistake or an attack. */
export const MAX_CONFIG_BYTES = 1024 * 1024;

/** A YAML text whose values are known together with their places. */
export class ConfigSource {
  readonly #file: string;
  readonly #document: Document.Parsed;
  readonly #lines = new LineCounter();
  readonly #faults: PlacedFault[] = [];

  constructor(file: string, text: string) {
    this.#file = file;
    this.#document = parseDocument(text, { lineCounter: this.#lines, prettyErrors: false, uniqueKeys: true });
    for (const error of this.#document.errors) this.#faultAt(error.pos[0], '', error.message);
    for (const warning of this.#document.warnings) this.#faultAt(warning.pos[0], '', warning.message);
  }

  /** Faults of the text itself, and of references found by `resolve`. */
  get faults(): readonly PlacedFault[] {
    return this.#faults;
  }

  /** The values, with environment references replaced. Only meaningful while there are no faults. */
  resolve(environment: Environment): unknown {
    try {
      const raw: unknown = this.#document.toJS();
      this.#interpolate(this.#document.contents, [], raw, environment);
      return this.#document.toJS() ?? {};
    } catch (error) {
      this.#faultAt(0, '', messageOf(error));
      return {};
    }
  }

  place(fault: ConfigFault): PlacedFault {
    return { ...this.#position(this.#offsetOf(fault)), path: formatPath(fault.path), message: fault.message };
  }

  #interpolate(node: Node | null, path: ConfigPath, raw: unknown, environment: Environment): void {
    if (isMap(node)) {
      for (const pair of node.items) {
        const key = isScalar(pair.key) ? String(pair.key.value) : '';
        this.#interpolate(pair.value as Node | null, [...path, key], raw, environment);
      }
    } else if (isSeq(node)) {
      for (const [i, item] of node.items.entries())
        this.#interpolate(item as Node | null, [...path, i], raw, environment);
    } else if (isScalar(node) && typeof node.value === 'string' && node.value.includes('${')) {
      const { text, faults, changed } = interpolate(node.value, environment);
      for (const message of faults) this.#faultAt(node.range?.[0] ?? 0, formatPath(path), message);
      if (changed) node.value = asWanted(text, nodeAt(path, raw)?.type);
    }
  }

  /** Where the key or value stands; for what is missing, the nearest section that is there. */
  #offsetOf(fault: ConfigFault): number {
    let node: Node | null | undefined = this.#document.contents;
    let offset = node?.range?.[0] ?? 0;
    for (const [depth, part] of fault.path.entries()) {
      if (isAlias(node)) node = node.resolve(this.#document);
      const last = depth === fault.path.length - 1;
      if (isMap(node)) {
        // A secret that came from a file stands where the file is named.
        const pair = pairOf(node, String(part)) ?? pairOf(node, `${part}File`);
        if (pair === undefined) return offset;
        const key = pair.key as Node;
        node = pair.value as Node | null;
        const atKey = !last || fault.atKey === true;
        offset = (atKey ? key.range?.[0] : (node?.range?.[0] ?? key.range?.[0])) ?? offset;
      } else if (isSeq(node)) {
        node = node.items[Number(part)] as Node | null | undefined;
        offset = node?.range?.[0] ?? offset;
      } else {
        return offset;
      }
    }
    return offset;
  }

  #faultAt(offset: number, path: string, message: string): void {
    this.#faults.push({ ...this.#position(offset), path, message });
  }

  #position(offset: number): { readonly file: string; readonly line: number; readonly column: number } {
    const { line, col } = this.#lines.linePos(offset);
    return { file: this.#file, line: Math.max(1, line), column: Math.max(1, col) };
  }
}

function pairOf(map: YAMLMap, key: string): Pair | undefined {
  return map.items.find((item) => isScalar(item.key) && String(item.key.value) === key);
}

/** A variable's text as the kind of value the schema wants there: `port: ${PORT}` is a number, a password of digits is not. */
function asWanted(text: string, type: string | undefined): unknown {
  if ((type === 'integer' || type === 'number') && /^-?\d+(?:\.\d+)?$/.test(text)) return Number(text);
  if (type === 'boolean' && (text === 'true' || text === 'false')) return text === 'true';
  return text;
}
