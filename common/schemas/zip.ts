import { crc32 } from 'node:zlib';

export interface ZipEntry {
  readonly name: string;
  readonly data: Buffer;
}

const LOCAL = 0x04034b50;
const CENTRAL = 0x02014b50;
const END = 0x06054b50;
/** 2.0, the oldest that knows folders. */
const VERSION = 20;
/** Names are UTF-8. */
const FLAGS = 0x0800;
/** 1 January 1980, the first day that the format knows. */
const DAY = 0x0021;

/** An archive of a few files as they are, not compressed (PKWARE's APPNOTE 4.3); far below the sizes that need Zip64. Pure. */
export function zipOf(entries: readonly ZipEntry[]): Buffer {
  const files: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const { name, data } of entries) {
    const bytes = Buffer.from(name, 'utf8');
    const common = commonHeader(bytes, data);
    const local = Buffer.concat([signature(LOCAL), common, bytes, data]);
    const central = Buffer.alloc(14);
    // Comment's length, disk and attributes stay 0; then where the file begins.
    central.writeUInt32LE(offset, 10);
    directory.push(Buffer.concat([signature(CENTRAL), words(VERSION), common, central, bytes]));
    files.push(local);
    offset += local.length;
  }
  const listing = Buffer.concat(directory);
  const end = Buffer.alloc(18);
  end.writeUInt16LE(entries.length, 4);
  end.writeUInt16LE(entries.length, 6);
  end.writeUInt32LE(listing.length, 8);
  end.writeUInt32LE(offset, 12);
  return Buffer.concat([...files, listing, signature(END), end]);
}

/** What a file's header and its line in the directory have in common: from the version needed to the length of further fields. */
function commonHeader(name: Buffer, data: Buffer): Buffer {
  const sizes = Buffer.alloc(12);
  sizes.writeUInt32LE(crc32(data), 0);
  sizes.writeUInt32LE(data.length, 4);
  sizes.writeUInt32LE(data.length, 8);
  return Buffer.concat([words(VERSION, FLAGS, 0, 0, DAY), sizes, words(name.length, 0)]);
}

function signature(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value, 0);
  return bytes;
}

function words(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 2);
  values.forEach((value, index) => void bytes.writeUInt16LE(value, index * 2));
  return bytes;
}
