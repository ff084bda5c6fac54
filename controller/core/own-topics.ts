/*
 * Topics that are nobody's data. The patterns are fixed and linear; operators' own are compiled elsewhere.
 */

/** Mirroring these would damage what uses them at the target: nobody may, not even by name. */
const NEVER: readonly { readonly matches: RegExp; readonly why: string }[] = [
  { matches: /^__(consumer_offsets|transaction_state|share_group_state|cluster_metadata)$/, why: 'it is Kafka’s own' },
  { matches: /^causeway\./, why: 'it is Causeway’s own' },
];

/** No selection takes these; who wants one adds it by its name. MirrorMaker 2's own default exclusions are among them. */
const UNSUITABLE: readonly { readonly matches: RegExp; readonly why: string }[] = [
  { matches: /^__/, why: 'names that begin with __ are internal' },
  { matches: /(^|[._-])heartbeats$/, why: 'it holds heartbeats of MirrorMaker 2' },
  { matches: /^\./, why: 'names that begin with "." are internal' },
  { matches: /[-.]internal$/, why: 'it is internal to Kafka Connect or MirrorMaker 2' },
  { matches: /\.replica$/, why: 'it is another tool’s replica' },
];

/** Why this topic is never mirrored, however it is asked for; undefined: it may be. */
export function neverMirrored(topic: string): string | undefined {
  return NEVER.find(({ matches }) => matches.test(topic))?.why;
}

/** Why no selection takes this topic; undefined: one may. */
export function unsuitable(topic: string): string | undefined {
  return UNSUITABLE.find(({ matches }) => matches.test(topic))?.why;
}
