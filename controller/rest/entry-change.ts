import type { CoordinationStore } from '../../common/coordination/ports.js';
import { encodeTopicEntry } from '../../common/coordination/records/desired.js';
import { topicPath } from '../../common/coordination/znodes.js';
import { isCausewayError } from '../../common/errors/error.js';
import type { TopicEntry } from '../../common/model/route.js';
import { failed } from './etag.js';
import type { StoredTopic } from './topic-service.js';

/** Somebody else may change the entry meanwhile, but not for ever. */
const MAX_ATTEMPTS = 5;

/**
 * Changes a topic's entry as it is at that moment; read and decided anew where somebody else was quicker.
 * @throws PRECONDITION_FAILED
 */
export async function changeEntry(
  store: CoordinationStore,
  read: () => Promise<StoredTopic>,
  change: (stored: StoredTopic) => TopicEntry | Promise<TopicEntry>,
): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    const stored = await read();
    const { entry, node } = stored;
    const next = await change(stored);
    try {
      await store.set(topicPath(entry.route, entry.topic), encodeTopicEntry(next), node.version);
      return;
    } catch (error) {
      if (isCausewayError(error, 'NODE_MISSING')) throw failed('it was removed meanwhile');
      if (!isCausewayError(error, 'BAD_VERSION')) throw error;
    }
    if (attempt === MAX_ATTEMPTS) throw failed('it changed since it was read');
  }
}
