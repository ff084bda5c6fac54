import type { RecoveryKind, RecoveryOptions } from '../../common/model/recovery.js';
import { identifierFault } from '../../common/model/worker.js';

/** What is wrong with an order, and what to order instead. */
export interface OrderFault {
  /** Of the body's `options`. */
  readonly option: keyof RecoveryOptions;
  readonly message: string;
  readonly fix: string;
}

const EVERYBODY = 'User:*';

/** Found before anything is begun: an option that would fail late, or that this kind would leave out without a word. */
export function orderFault(kind: RecoveryKind, route: string, options: RecoveryOptions): OrderFault | undefined {
  const { fencePrincipals, readOnlySource, quarantineSuffix, reverse, reverseCopy } = options;
  const copiesBack = kind === 'failback' || reverseCopy;
  if (fencePrincipals.length > 0 && !turns(kind, options)) {
    const message = `a ${kind}${kind === 'failback' ? ' that does not switch back' : ''} denies nobody to write`;
    return { option: 'fencePrincipals', message, fix: 'Leave it out, and stop the producers.' };
  }
  if (fencePrincipals.includes(EVERYBODY) && copiesBack) {
    const message = `${EVERYBODY} would deny the copy back, too`;
    return { option: 'fencePrincipals', message, fix: 'Name the producers’ principals.' };
  }
  if (readOnlySource && kind !== 'cutover') {
    const fix = 'Leave it out; or order a cutover.';
    return { option: 'readOnlySource', message: `a ${kind} leaves the source’s topics as they are`, fix };
  }
  if (readOnlySource && reverseCopy) {
    const message = 'the copy back writes to the old topics: they cannot be closed to everybody';
    return { option: 'readOnlySource', message, fix: 'Order it without reverseCopy (--way-back), or without this.' };
  }
  if (quarantineSuffix !== '' && kind !== 'failback') {
    const message = `a ${kind} finds no stranded records`;
    return { option: 'quarantineSuffix', message, fix: 'Give it to the failback.' };
  }
  return reverse === undefined ? undefined : reverseFault(kind, route, reverse);
}

function reverseFault(kind: RecoveryKind, route: string, reverse: string): OrderFault | undefined {
  const fault = identifierFault(reverse);
  if (fault !== undefined) {
    return { option: 'reverse', message: `it is no name of a route: ${fault}`, fix: 'Give another name.' };
  }
  if (reverse === route) {
    const fix = 'Name the route of the other direction, or leave it out.';
    return { option: 'reverse', message: 'a route is not its own way back', fix };
  }
  if (kind !== 'failover' && kind !== 'drill') return undefined;
  return { option: 'reverse', message: `a ${kind} has no way back`, fix: 'Leave it out.' };
}

/** Its producers move, so that some may be denied to stay. */
function turns(kind: RecoveryKind, { switchBack }: RecoveryOptions): boolean {
  return kind === 'switchover' || kind === 'cutover' || (kind === 'failback' && switchBack);
}
