import type { Substitute } from '../model/field-path.js';
import type { Leaf } from './node.js';
import { AvroFault, type AvroReader } from './reader.js';

/** Longer decimals than anybody reckons with: turning them into numbers takes quadratic time. */
const MAX_DECIMAL_BYTES = 64;
const DAY_MS = 86_400_000;

/** A date or timestamp: compared with texts as a time, with numbers as it is stored. */
export class AvroTime {
  readonly stored: number | bigint;
  /** Ms since 1970, with fractions. */
  readonly ms: number;

  constructor(stored: number | bigint, ms: number) {
    this.stored = stored;
    this.ms = ms;
  }

  /** ISO 8601 to the ms; what is stored where there is no such date. */
  toString(): string {
    const date = new Date(Math.floor(this.ms));
    return Number.isNaN(date.getTime()) ? String(this.stored) : date.toISOString();
  }
}

/** A single value as conditions see it. */
export type AvroScalar = null | boolean | number | bigint | string | AvroTime;

export function readScalar(reader: AvroReader, node: Leaf): AvroScalar {
  const { logical } = node;
  switch (node.kind) {
    case 'null':
      return null;
    case 'boolean':
      return reader.boolean();
    case 'int':
    case 'long': {
      const value = reader.long();
      if (logical?.type === 'date') return new AvroTime(value, Number(value) * DAY_MS);
      if (logical?.type === 'timestamp') return new AvroTime(value, Number(value) / logical.unitsPerMs);
      return value;
    }
    case 'float':
      return reader.take(4).readFloatLE(0);
    case 'double':
      return reader.take(8).readDoubleLE(0);
    case 'enum':
      return reader.symbol(node.symbols);
    case 'string':
      return reader.blob().toString('utf8');
    case 'bytes':
    case 'fixed': {
      const bytes = contentOf(reader, node);
      if (logical?.type === 'decimal') return decimalOf(bytes, logical.scale);
      if (logical?.type === 'uuid' && bytes.length === 16) return uuidOf(bytes);
      // As Avro's JSON has it.
      return bytes.toString('latin1');
    }
  }
}

/** What a digest is made from: a text’s or blob’s bytes without their length, of anything else what it says. */
export function contentOf(reader: AvroReader, node: Leaf): Buffer {
  switch (node.kind) {
    case 'string':
    case 'bytes':
      return reader.blob();
    case 'fixed':
      return reader.take(node.size);
    default: {
      const value = readScalar(reader, node);
      return Buffer.from(String(value instanceof AvroTime ? value.stored : value));
    }
  }
}

/** As JSON has it. */
export function scalarText(value: AvroScalar): string {
  if (typeof value === 'bigint') return String(value);
  return JSON.stringify(value instanceof AvroTime ? value.toString() : value);
}

/** The bytes of a value of this type; undefined: it has no such value. */
export function encodeScalar(node: Leaf, value: ReturnType<Substitute>): Buffer | undefined {
  const fitting = fittingValue(node, value);
  return fitting !== undefined && node.type.isValid(fitting) ? node.type.toBuffer(fitting) : undefined;
}

/** As the library takes it. */
function fittingValue(node: Leaf, value: ReturnType<Substitute>): unknown {
  const { kind, logical } = node;
  const size = node.kind === 'fixed' ? node.size : undefined;
  if (logical?.type === 'decimal') return typeof value === 'number' ? unscaled(value, logical.scale, size) : undefined;
  if (logical?.type === 'uuid') {
    if (typeof value !== 'string' || !UUID.test(value)) return undefined;
    return kind === 'fixed' ? Buffer.from(value.replaceAll('-', ''), 'hex') : value;
  }
  if (typeof value === 'string' && (kind === 'bytes' || kind === 'fixed')) return Buffer.from(value);
  if (typeof value === 'string' && logical !== undefined) {
    const ms = Date.parse(value);
    return Math.floor(logical.type === 'date' ? ms / DAY_MS : ms * logical.unitsPerMs);
  }
  return value;
}

const UUID = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i;

function uuidOf(bytes: Buffer): string {
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}

/** Two's complement, big-endian; the nearest number. */
function decimalOf(bytes: Buffer, scale: number): number {
  if (bytes.length > MAX_DECIMAL_BYTES) throw new AvroFault(`it has a decimal of ${bytes.length} bytes`);
  const digits = BigInt.asIntN(8 * bytes.length, BigInt(`0x${bytes.toString('hex') || '0'}`));
  return Number(`${digits}e-${scale}`);
}

/** Undefined: it has more digits behind the point than the type, or does not fit its size. */
function unscaled(value: number, scale: number, size: number | undefined): Buffer | undefined {
  const [whole = '', places = ''] = Number.isFinite(value) ? plainDigits(value).split('.') : [];
  if (whole === '' || places.length > scale) return undefined;
  const digits = BigInt(`${whole}${places.padEnd(scale, '0')}`);
  let length = size ?? 1;
  while (size === undefined && BigInt.asIntN(8 * length, digits) !== digits) length += 1;
  if (BigInt.asIntN(8 * length, digits) !== digits) return undefined;
  const hex = BigInt.asUintN(8 * length, digits).toString(16);
  return Buffer.from(hex.padStart(2 * length, '0'), 'hex');
}

/** Without an exponent. */
function plainDigits(value: number): string {
  const text = String(value);
  if (!text.includes('e')) return text;
  return Number.isInteger(value) ? BigInt(value).toString() : value.toFixed(100).replace(/0+$/, '');
}
