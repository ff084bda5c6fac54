import { type AssignmentItem, type PartitionRef, refKey } from '../../common/model/assignment.js';

/**
 * Of the partitions a data thread took with it when it died: those that are to be given back, and that no thread took up again. Nobody
 * waited for the answers to what it had sent last (exactly-once.md 7.3).
 */
export function doubtfulRefs(
  lost: readonly PartitionRef[],
  held: readonly PartitionRef[],
  items: readonly AssignmentItem[],
): PartitionRef[] {
  const heldKeys = new Set(held.map(refKey));
  const revoked = new Set(items.filter((item) => item.state === 'revoke').map(refKey));
  return lost.filter((ref) => revoked.has(refKey(ref)) && !heldKeys.has(refKey(ref)));
}
