import { CausewayError } from '../../common/errors/error.js';

/** Of a path that every fleet has. */
export function rootMissing(path: string): CausewayError {
  return new CausewayError('STORE_DAMAGED', 'a node that every fleet has is gone from the store', {
    place: { path },
    fix: 'Nothing is decided before it is back: import the desired state (causeway import).',
  });
}

export function recordVanished(path: string): CausewayError {
  return new CausewayError('NODE_MISSING', 'the node is gone, and nobody removed it through Causeway', {
    place: { path },
    fix: 'The last good value stays in force; import the desired state, or remove the topic over REST.',
  });
}
