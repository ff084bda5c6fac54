import { z } from 'zod';
import { bytes, ms } from './fields.js';

/** `controller.planner`: when partitions move between workers that live. */
export const planner = z.strictObject({
  maxActiveWorkers: z
    .number()
    .int()
    .min(0)
    .max(100_000)
    .default(0)
    .describe('This many workers copy, the others stand by and step in for those that go; 0: all.'),
  maxMovesPerRound: z
    .number()
    .int()
    .min(1)
    .max(100_000)
    .default(500)
    .describe('Partitions that are on their way from one living worker to another at once; the rest follows.'),
  maxLoadMovesPerRound: z
    .number()
    .int()
    .min(0)
    .max(1_000)
    .default(20)
    .describe('Of these, how many because of measured load or because they are stuck; 0: partitions are only counted.'),
  loadTolerance: z
    .number()
    .min(0.05)
    .max(10)
    .default(0.2)
    .describe(
      'Partitions are exchanged when a worker carries this share more than its part of the load (0.2: a fifth), until it is half of that.',
    ),
  loadFloorBytesPerS: bytes
    .default(1 << 20)
    .describe('Differences below this, per unit of capacity, move nothing; a record counts as 64 bytes.'),
  loadIntervalMs: ms.default(10_000).describe('How often the leader asks the workers for rates and lags.'),
  settleMs: ms
    .default(60_000)
    .describe('How long nothing may have changed hands before loads are believed and partitions move for them.'),
  moveCooldownMs: ms
    .default(600_000)
    .describe('How long a partition stays after it moved for load or because it was stuck; need moves it sooner.'),
  workerBytesPerS: bytes
    .default(50_000_000)
    .describe(
      'What a worker of capacity 1 is to carry, each record counting as 64 bytes more: for the number of workers expected.',
    ),
  workerPartitions: z
    .number()
    .int()
    .min(1)
    .max(1_000_000)
    .default(2_000)
    .describe('How many partitions a worker of capacity 1 is to have: for the number of workers expected.'),
  stuckAfterMs: ms
    .default(180_000)
    .describe('A partition that stands still for so long, while others of its worker advance, goes to another worker.'),
});
