import { CausewayError } from '../../common/errors/error.js';
import {
  baseTimestamp,
  LOG_APPEND_TIME_BIT,
  MAGIC_V2,
  maxTimestamp,
} from '../../common/kafka/wire/records/batch-header.js';
import type { BatchView } from '../../common/kafka/wire/records/batch-scan.js';
import { denseMessages } from '../../common/kafka/wire/records/message-set.js';
import { recordsOf, verifyCrc } from '../../common/kafka/wire/records/record-codec.js';
import type { BatchContent } from '../core/walk-side.js';

/**
 * A batch of any format as a walk reads it. All codecs must have been loaded.
 * @throws BATCH_CORRUPT, BATCH_UNSUPPORTED
 */
export function openBatch(batch: BatchView): BatchContent {
  return batch.magic === MAGIC_V2 ? openV2(batch) : openOld(batch);
}

function openV2(batch: BatchView): BatchContent {
  const { buffer, start, attributes, baseOffset, recordCount } = batch;
  verifyCrc(batch);
  return {
    ...recordsOf(batch),
    count: recordCount,
    offsets: null,
    firstOffset: baseOffset,
    baseTimestamp: baseTimestamp(buffer, start),
    appendTime: (attributes & LOG_APPEND_TIME_BIT) !== 0 ? maxTimestamp(buffer, start) : undefined,
  };
}

function openOld(batch: BatchView): BatchContent {
  if (batch.magic < 0 || batch.magic > MAGIC_V2)
    throw new CausewayError('BATCH_UNSUPPORTED', `record format ${batch.magic} is not known`);
  const dense = denseMessages(batch, {});
  if (dense === undefined)
    throw new CausewayError('INTERNAL_INVARIANT', 'a message set without messages was let through');
  // The conversion has put the append time into the records already.
  return { ...dense, appendTime: undefined };
}
