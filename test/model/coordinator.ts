/*
 * What the target's transaction coordinator knows of one transactional id, and how it answers.
 */

/** A marker that is not written yet, and one that need not be. */
export const UNWRITTEN = -1;
export const NONE = -2;
/** The producer id in the lane node. */
export const REGISTERED = 0;

export interface Coordinator {
  isKnown: boolean;
  pid: number;
  epoch: number;
  /** An InitProducerId that names this epoch is taken for a retry of the last one. */
  retryOf: number;
  phase: 'empty' | 'open' | 'aborting';
  members: number[];
  /** Of the transaction being aborted, per partition: offset of its marker, UNWRITTEN or NONE. */
  markers: number[];
}

/** Bare InitProducerId. @returns false for 51: an open transaction is aborted first */
export function initProducerId(coordinator: Coordinator): boolean {
  if (!coordinator.isKnown) {
    Object.assign(coordinator, { isKnown: true, pid: coordinator.pid + 1, epoch: 0, retryOf: -1 });
    return true;
  }
  if (coordinator.phase === 'open') {
    coordinator.epoch++;
    coordinator.retryOf = -1;
    abort(coordinator);
  }
  if (coordinator.phase === 'aborting') return false;
  coordinator.epoch++;
  coordinator.retryOf = -1;
  return true;
}

/** InitProducerId with (pid, epoch). @returns false for 90 */
export function initProducerIdWith(coordinator: Coordinator, epoch: number): boolean {
  if (!coordinator.isKnown || coordinator.pid !== REGISTERED || coordinator.phase !== 'empty') return false;
  if (coordinator.retryOf === epoch) return true;
  if (coordinator.epoch !== epoch) return false;
  coordinator.retryOf = epoch;
  coordinator.epoch++;
  return true;
}

export function abort(coordinator: Coordinator): void {
  coordinator.phase = 'aborting';
  for (const p of coordinator.members) coordinator.markers[p] = UNWRITTEN;
  complete(coordinator);
}

export function complete(coordinator: Coordinator): void {
  if (coordinator.phase !== 'aborting' || coordinator.markers.some((marker) => marker !== NONE)) return;
  coordinator.phase = 'empty';
  coordinator.members = [];
}
