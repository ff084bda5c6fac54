import type { StallCode } from '../../common/model/stalls.js';
import { timeText } from '../../common/model/time-text.js';
import type { LineFacts, MemoryFacts, StallFacts, StartStep } from './stall-facts.js';

/** A blocking cause with its evidence. */
export interface StallCause {
  readonly code: StallCode;
  readonly message: string;
}

const MIB = 1024 * 1024;

/**
 * Names what blocks a partition that does not move: the first cause that holds, from the target back to the source, since what lies nearer
 * to the target has to go first. Undefined: nothing that is known of blocks it.
 */
export function stallCause(facts: StallFacts): StallCause | undefined {
  const { phase, isLaneDead, isLaneUnconfirmed, mayWrite } = facts;
  if (isLaneDead) return cause('lane-dead', 'the target refuses what this lane sends');
  if (isLaneUnconfirmed) return cause('lane-unconfirmed', 'it is being asked for at the target');
  if (!mayWrite) return cause('lease-ended', 'the session with the coordination service is in question');
  // What was sent before the fault has to be answered before it begins anew.
  if (phase === 'restarting' && facts.unanswered > 0) return targetCause(facts);
  if (phase === 'starting' || phase === 'restarting') return startCause(facts);
  if (facts.isJudging) return cause('inspecting', 'a batch that the target refused is being looked into');
  if (facts.batches > 0 || facts.isUncommitted) return targetCause(facts);
  return phase === 'draining' ? drainCause(facts) : sourceCause(facts);
}

/** What was seen where nothing blocks it, for whoever looks for the bug. */
export function blamelessText(facts: StallFacts): string {
  const { batches, target, source, intake, position, lastStableOffset, highWatermark } = facts;
  const { line, requests, isInTurn } = target;
  const queue = `${batches} batches between source and target`;
  const produce = `${lineText(line)}, ${requests} requests, ${isInTurn ? 'in turn' : 'not in turn'}`;
  const wanted = `${intake.isWanted ? '' : 'not '}wanted, ${source.isAsked ? '' : 'not '}asked for`;
  const log = `read up to ${position} of ${lastStableOffset} and ${highWatermark}`;
  return `nothing blocks it: ${queue}; target: ${produce}; source: ${lineText(source.line)}, ${wanted}, ${log}`;
}

const STEPS: Readonly<Record<StartStep, string>> = {
  waiting: 'it waits for its next attempt',
  finding: 'its checkpoint and the ends of both logs are being asked for',
  closing: 'what its last owner wrote is being closed and compared',
  beginning: 'its lane and first checkpoint are being written',
};

function startCause({ startFault, startStep, checkpointFault, nowMs }: StallFacts): StallCause {
  const step = STEPS[startStep];
  const why = startFault === undefined ? '' : `; the last attempt: ${startFault.code}: ${startFault.message}`;
  const message = `${step}${why}`;
  switch (startFault?.code) {
    case 'SOURCE_TOPIC_MISSING':
      return cause('source-leaderless', startFault.message);
    case 'TARGET_TOPIC_MISSING':
      return cause('target-leaderless', startFault.message);
    case 'LANE_DEAD':
      return cause('fence-pending', message);
    default:
      if (startStep === 'closing') return cause('fence-pending', message);
      if (checkpointFault !== undefined) return cause('checkpoint-failing', faultText(checkpointFault, nowMs));
      return cause('start-failing', message);
  }
}

function drainCause({ checkpointFault, nowMs }: StallFacts): StallCause {
  const message =
    checkpointFault === undefined ? 'its last checkpoint is under way' : faultText(checkpointFault, nowMs);
  return cause('checkpoint-failing', message);
}

function targetCause(facts: StallFacts): StallCause | undefined {
  const { nowMs, target, reason, batches, unanswered, unansweredSinceMs } = facts;
  const { line } = target;
  if (facts.isDeclaring) {
    return cause('gap-unwritten', reason?.message ?? 'it is being written down, and the target has not answered yet');
  }
  if (unanswered > 0) {
    if (line !== undefined && line.throttledMs > 0) return throttled('target', line);
    const since = ageText(nowMs, unansweredSinceMs);
    const leaderless = target.hasLeader ? '' : '; by now it has no leader';
    return cause(
      'target-unanswered',
      `${unanswered} of ${batches} batches sent to ${lineText(line)} and not answered ${since}${leaderless}`,
    );
  }
  if (!target.hasLeader) return cause('target-leaderless', `${batches} batches wait for a leader`);
  if (line !== undefined && line.throttledMs > 0) return throttled('target', line);
  if (line !== undefined && line.address === undefined) return unreachable('target', line, nowMs);
  if (reason !== undefined) return cause('target-failing', `${reason.code}: ${reason.message}`);
  const transaction = laneTransactionCause(facts);
  if (transaction !== undefined) return transaction;
  const { requests, requestsSinceMs, isInTurn } = target;
  if (requests > 0 && isInTurn) {
    const since = ageText(nowMs, requestsSinceMs);
    return cause(
      'target-unanswered',
      `it waits behind ${requests} requests on ${lineText(line)}, not answered ${since}`,
    );
  }
  if (target.retryAtMs !== undefined && target.retryAtMs > nowMs) {
    return cause('target-failing', `sent again in ${((target.retryAtMs - nowMs) / 1_000).toFixed(1)} s after an error`);
  }
  return undefined;
}

function laneTransactionCause({ laneTransaction, nowMs }: StallFacts): StallCause | undefined {
  if (laneTransaction === undefined) return undefined;
  const { transactionalId, phase, sinceMs, aborted } = laneTransaction;
  const failed = aborted === 0 ? '' : `, after ${aborted} in a row were aborted`;
  // However young it is: what waits for it goes out in it, or in the next.
  if (phase !== 'idle') {
    return cause(
      'target-transaction',
      `that of ${transactionalId} has been under way ${ageText(nowMs, sinceMs)} and is ${phase}${failed}`,
    );
  }
  return failed === '' ? undefined : cause('target-transaction', `${transactionalId} begins another one${failed}`);
}

function sourceCause(facts: StallFacts): StallCause | undefined {
  const { nowMs, limit, memory, source, intake, reason } = facts;
  if (limit !== undefined) {
    const seconds = Math.max(0, limit.untilMs - nowMs) / 1_000;
    return cause(
      'rate-limit',
      `the limit of the ${limit.scope} lets nothing through for another ${seconds.toFixed(1)} s`,
    );
  }
  if (memory !== undefined) return cause('memory', memoryText(memory));
  if (intake.isDecoding) return cause('inspecting', 'a batch is being decoded');
  if (!source.hasLeader) return cause('source-leaderless', 'the metadata name no leader');
  const { line } = source;
  if (!source.isConfirmed) return cause('source-unconfirmed', `a new leader, ${lineText(line)}, has not answered`);
  if (intake.errorCode !== undefined) {
    return cause('source-failing', `the leader answers with error ${intake.errorCode}`);
  }
  if (line !== undefined && line.throttledMs > 0) return throttled('source', line);
  if (line?.fault !== undefined) return unreachable('source', line, nowMs);
  if (source.isAsked && source.isSilent) {
    if (line !== undefined && line.address === undefined) return unreachable('source', line, nowMs);
    return cause('source-unanswered', `${lineText(line)} has not answered ${ageText(nowMs, source.answeredMs)}`);
  }
  // It is read once now and then, to find out whether the target takes anything again.
  if (reason !== undefined && source.isAsked) return cause('target-failing', `${reason.code}: ${reason.message}`);
  return emptyCause(facts);
}

/** The source answers, and nothing comes. */
function emptyCause(facts: StallFacts): StallCause | undefined {
  const { position, lastStableOffset, highWatermark, transaction, source, intake } = facts;
  if (lastStableOffset >= 0 && lastStableOffset <= position && highWatermark > lastStableOffset) {
    const where = `the last stable offset is ${lastStableOffset}, behind the high watermark ${highWatermark}`;
    if (transaction === undefined) return cause('source-transaction-open', where);
    const { producerId, producerEpoch, startOffset, lastTimestampMs } = transaction;
    const newest = timeText(lastTimestampMs);
    const when = newest === undefined ? '' : `, its newest record here is of ${newest}`;
    const who = `producer ${producerId} (epoch ${producerEpoch}) opened it at offset ${startOffset}${when}`;
    return cause('source-transaction-open', `${where}; ${who}`);
  }
  if (!source.isAsked || !intake.isWanted) return undefined;
  const end = Math.max(lastStableOffset, highWatermark);
  const message = `fetches from offset ${position} are answered and bring nothing, though the log reaches to ${end}`;
  return cause('source-empty', message);
}

function cause(code: StallCode, message: string): StallCause {
  return { code, message };
}

function throttled(side: 'source' | 'target', line: LineFacts): StallCause {
  const seconds = (line.throttledMs / 1_000).toFixed(1);
  return cause(`${side}-throttled`, `${lineText(line)} reads nothing of ours for another ${seconds} s (quota)`);
}

function unreachable(side: 'source' | 'target', line: LineFacts, nowMs: number): StallCause {
  const why = line.fault === undefined ? 'being connected' : faultText(line.fault, nowMs);
  return cause(`${side}-unreachable`, `${lineText(line)}: ${why}`);
}

function lineText(line: LineFacts | undefined): string {
  if (line === undefined) return 'a broker';
  return line.address === undefined ? `broker ${line.broker}` : `broker ${line.broker} (${line.address})`;
}

function ageText(nowMs: number, sinceMs: number | undefined): string {
  return sinceMs === undefined ? '' : `for ${Math.round((nowMs - sinceMs) / 1_000)} s`;
}

function faultText(
  { message, sinceMs }: { readonly message: string; readonly sinceMs: number },
  nowMs: number,
): string {
  return `failing ${ageText(nowMs, sinceMs)}: ${message}`;
}

function memoryText({ usedBytes, freeBytes, holders }: MemoryFacts): string {
  const mib = (bytes: number): string => `${(bytes / MIB).toFixed(1)} MiB`;
  const who = holders.map(([name, bytes]) => `${name} ${mib(bytes)}`).join(', ');
  const held = who === '' ? 'held by fetches under way' : `held by ${who}`;
  return `${mib(freeBytes)} free of this thread’s memory, ${mib(usedBytes)} in use, ${held}`;
}
