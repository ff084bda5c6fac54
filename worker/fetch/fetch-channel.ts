import type { Pace } from './pace.js';

/** One connection to one source broker and what it is for. */
export interface FetchChannel {
  readonly broker: number;
  readonly pace: Pace;
  /** '' where the leader is not to point at another replica. */
  readonly rack: string;
  /** Among several of a kind. */
  readonly index: number;
}

export type ChannelKind = Omit<FetchChannel, 'index'>;

export function channelKey({ broker, pace, rack, index }: FetchChannel): string {
  return `${broker}/${channelPurpose({ pace, rack, index })}`;
}

/** Distinguishes it from the other connections to the broker. */
export function channelPurpose({ pace, rack, index }: Omit<FetchChannel, 'broker'>): string {
  return `${pace}-${index}${rack === '' ? '' : '-rack'}`;
}
