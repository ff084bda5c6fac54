import { setTimeout as sleep } from 'node:timers/promises';
import { CREW, workerId } from '../crew.js';
import type { Doer, Field } from '../field.js';
import { brokerOf } from '../plan.js';

/** Past the session of the process that is stopped: its id is free again. */
const REPLACE_AFTER_MS = 5_000;
/** A fence begins when the session (4 s) and the takeover delay (2 s) are over. */
const BROKER_DIES_AFTER_MS = 4_000;
const BROKER_DIES_WITHIN_MS = 3_000;

/** The leading controller; any of them when nobody has said who leads. */
export function leaderOf({ sampler }: Field): string {
  return sampler.leader ?? (CREW[0]?.id as string);
}

export const killWorker: Doer = async (field, { slot }) => {
  const id = workerId(slot);
  const takeover = field.sampler.takeover(id);
  if (takeover !== undefined) field.measured('takeover', takeover);
  await field.crew.kill(id);
  return () => field.crew.revive(id);
};

export const killLeader: Doer = async (field) => {
  const id = leaderOf(field);
  field.say(`${id} leads`);
  field.measured('failover', field.sampler.failover());
  await field.crew.kill(id);
  return () => field.crew.revive(id);
};

export const killBoth: Doer = async (field, fault) => {
  const heals = await Promise.all([killWorker(field, fault), killLeader(field, fault)]);
  return async () => {
    for (const heal of heals) await heal();
  };
};

export const killWorkerAndBroker: Doer = async (field, fault) => {
  const revive = await killWorker(field, fault);
  const broker = field.bed.target.brokers[brokerOf(fault.slot) - 1];
  const killing = sleep(BROKER_DIES_AFTER_MS + fault.variant * BROKER_DIES_WITHIN_MS).then(() => broker?.kill());
  return async () => {
    await killing;
    await broker?.start();
    await revive();
  };
};

export const stopWorker: Doer = async ({ crew }, { slot }) => {
  const stopped = crew.stop(workerId(slot));
  return async () => crew.goOn(stopped);
};

export const stopLeader: Doer = async (field) => {
  const id = leaderOf(field);
  field.say(`${id} leads`);
  field.measured('failover', field.sampler.failover());
  const stopped = field.crew.stop(id);
  return async () => field.crew.goOn(stopped);
};

export const replaceStoppedWorker: Doer = async ({ crew }, { slot }) => {
  const id = workerId(slot);
  const stopped = crew.stop(id);
  const replacing = sleep(REPLACE_AFTER_MS).then(() => crew.replace(id));
  return async () => {
    await replacing;
    // Else the one that was stopped is back first, and the new one waits for the id.
    await crew.process(id).ready();
    crew.goOn(stopped);
    await crew.seeOff(stopped);
  };
};
