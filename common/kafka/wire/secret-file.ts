import { open } from 'node:fs/promises';
import { CausewayError, type ErrorPlace, messageOf } from '../../errors/error.js';

/** Tokens and passwords are far smaller; a file that was named by mistake must not be taken into memory. */
const MAX_SECRET_BYTES = 64 * 1024;

/**
 * The secret in a file as it is now, without one trailing newline: read whenever it is needed, so that rotation needs no restart.
 * @throws KAFKA_AUTH_FAILED naming the file, never what is in it
 */
export async function readSecretFile(path: string, what: string, place: ErrorPlace): Promise<string> {
  const text = await readText(path, what, place);
  const secret = text.replace(/\r?\n$/, '');
  if (secret === '') throw unusable(`the ${what} is empty`, path, place);
  return secret;
}

async function readText(path: string, what: string, place: ErrorPlace): Promise<string> {
  try {
    const file = await open(path);
    try {
      const buffer = Buffer.alloc(MAX_SECRET_BYTES + 1);
      const { bytesRead } = await file.read(buffer, 0, buffer.length, 0);
      if (bytesRead <= MAX_SECRET_BYTES) return buffer.toString('utf8', 0, bytesRead);
    } finally {
      await file.close();
    }
  } catch (error) {
    throw unusable(`the ${what} cannot be read: ${messageOf(error)}`, path, place);
  }
  throw unusable(`the ${what} is larger than ${MAX_SECRET_BYTES} bytes`, path, place);
}

function unusable(message: string, path: string, place: ErrorPlace): CausewayError {
  return new CausewayError('KAFKA_AUTH_FAILED', message, {
    place: { ...place, path },
    fix: 'Check the file, its path and its rights; it is read again at the next attempt.',
  });
}
