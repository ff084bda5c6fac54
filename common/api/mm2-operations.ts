import { mm2ImportBody, mm2ImportView } from './mm2-shapes.js';
import type { Operation } from './operation.js';

/** Going on where MirrorMaker 2 stood. */
export const mm2Operations: readonly Operation[] = [
  {
    method: 'post',
    path: '/routes/{route}/mm2-import',
    summary: 'Add the topics that MirrorMaker 2 copied, each partition behind the last record of it',
    body: mm2ImportBody,
    answers: { 200: mm2ImportView },
    errors: [400, 404, 409, 422],
  },
];
