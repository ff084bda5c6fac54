import { locationView, mapSummaries, mapView, rebuildView, translationList } from './offset-shapes.js';
import type { Operation } from './operation.js';

const BASE = '/routes/{route}/topics/{topic}/offsets';

/** Where copies of records lie. */
export const offsetOperations: readonly Operation[] = [
  {
    method: 'get',
    path: `${BASE}/translate`,
    summary:
      'Where source positions are at the target: ?partition=&offset=, or ?group= for all that a source group committed, or ?timestamp= (ms)',
    answers: { 200: translationList },
    errors: [400, 404],
  },
  {
    method: 'get',
    path: `${BASE}/inverse`,
    summary: 'Where a target position is at the source: ?partition=&offset=',
    answers: { 200: translationList },
    errors: [400, 404],
  },
  {
    method: 'get',
    path: `${BASE}/locate`,
    summary: 'Where a source record is now: ?partition=&offset=',
    answers: { 200: locationView },
    errors: [400, 404],
  },
  {
    method: 'get',
    path: `${BASE}/map`,
    summary: 'What is known of the topic’s offsets, by partition',
    answers: { 200: mapSummaries },
    errors: [400, 404],
  },
  {
    method: 'get',
    path: `${BASE}/map/{partition}`,
    summary: 'The runs of one partition',
    answers: { 200: mapView },
    errors: [400, 404],
    paged: true,
  },
  {
    method: 'post',
    path: `${BASE}/rebuild`,
    summary: 'Find what is missing of the topic’s offset maps in both logs; the workers that copy it do',
    answers: { 202: rebuildView },
    errors: [404, 412],
  },
];
