import { setTimeout as sleep } from 'node:timers/promises';
import { ApiKey } from '../../../common/kafka/wire/api-keys.js';
import type { LaneRecord } from '../../../common/model/worker.js';
import { beginsSequence } from '../../proxy/produce-tap.js';
import { workerId } from '../crew.js';
import { type Doer, type Field, linksOf } from '../field.js';
import { impose } from './frames.js';
import { killWorker, stopWorker } from './processes.js';

const ASK_EVERY_MS = 300;
const LOOK_EVERY_MS = 500;
const LOOK_ATTEMPTS = 60;
const WATCH_EVERY_MS = 30;
/** A dead worker's lane is being fenced within this, or the fault is not what it is called. */
const FENCE_LIMIT_MS = 9_000;
const FIRST_BATCHES = 8;

/** A process of fresh producer ids, the first batches of which the target refuses (3.2). */
export const refuseFirstBatch: Doer = async (field, fault) => {
  const id = workerId(fault.slot);
  const heal = impose(field, `${fault.kind} at ${id}`, linksOf(field, id).target, {
    direction: 'toServer',
    apis: [ApiKey.Produce],
    only: (frame, { version }) => beginsSequence(version, frame),
    action: { kind: 'flip' },
    times: FIRST_BATCHES,
  });
  await field.crew.kill(id);
  await field.crew.revive(id);
  return heal;
};

/** A stopped worker's lane is asked for its next epoch by its owner's name, again and again while it is fenced: granted before, never after (2.3). */
export const zombieReinitialises: Doer = async (field, fault) => {
  const id = workerId(fault.slot);
  const lanes = (await field.lanes.lanesOf(id)).filter(({ state }) => state === 'active');
  const undo = await stopWorker(field, fault);
  const over = new AbortController();
  const asking = Promise.all(lanes.map((lane) => askOn(field, lane, over.signal)));
  return async () => {
    over.abort();
    const granted = await asking;
    // Of a lane whose node is gone the leader says that it is fenced.
    const left = new Set((await lanesLeft(field, id)).map(({ transactionalId }) => transactionalId));
    for (const [index, lane] of lanes.entries()) {
      const { code } = await field.lanes.reinitialise(lane, granted[index]?.epoch ?? lane.producerEpoch);
      const isFenced = !left.has(lane.transactionalId);
      field.say(
        `${lane.transactionalId}: granted ${granted[index]?.times} epochs before its fence, then ${code}${isFenced ? '' : ' (it is not fenced yet)'}`,
      );
      if (isFenced && code === 0) throw new Error(`${lane.transactionalId} was granted an epoch after its fence`);
    }
    await undo();
  };
};

/** An outage of the store may be another fault of the same plan. */
async function lanesLeft(field: Field, id: string): Promise<readonly LaneRecord[]> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await field.lanes.lanesOf(id);
    } catch (error) {
      if (attempt === LOOK_ATTEMPTS) throw error;
      await sleep(LOOK_EVERY_MS);
    }
  }
}

/** @returns the last epoch granted, and how many were */
async function askOn(field: Field, lane: LaneRecord, signal: AbortSignal) {
  let epoch = lane.producerEpoch;
  let times = 0;
  while (!signal.aborted) {
    // A coordinator that does not answer is asked again.
    const answer = await field.lanes.reinitialise(lane, epoch).catch(() => undefined);
    if (answer?.code === 0) {
      epoch = answer.epoch;
      times += 1;
    }
    await sleep(ASK_EVERY_MS, undefined, { signal }).catch(() => undefined);
  }
  return { epoch, times };
}

/** A worker dies, and the coordinator of its lane as soon as the leader has begun to fence it. */
export const coordinatorInFence: Doer = async (field, fault) => {
  const id = workerId(fault.slot);
  const [lane] = (await field.lanes.lanesOf(id)).filter(({ state }) => state === 'active');
  const number = lane === undefined ? 1 : await field.lanes.coordinatorOf(lane);
  const broker = field.bed.target.brokers.find((one) => one.id === number);
  const revive = await killWorker(field, fault);
  if (lane !== undefined) await fenceBegins(field, lane);
  field.say(`SIGKILL to broker ${number} of the target, the lane’s coordinator`);
  await broker?.kill();
  return async () => {
    await broker?.start();
    await revive();
  };
};

async function fenceBegins(field: Field, { worker, transactionalId }: LaneRecord): Promise<void> {
  const untilMs = performance.now() + FENCE_LIMIT_MS;
  while (performance.now() < untilMs) {
    const lanes = await field.lanes.lanesOf(worker).catch(() => undefined);
    if (lanes !== undefined && lanes.find((lane) => lane.transactionalId === transactionalId)?.state !== 'active')
      return;
    await sleep(WATCH_EVERY_MS);
  }
}
