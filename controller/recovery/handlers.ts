import type { RecoveryAct } from '../../common/model/recovery.js';
import type { StepHandler } from './ports.js';
import { exportMap, quarantine } from './steps/carry.js';
import { catchUp, follow } from './steps/follow.js';
import { groups } from './steps/groups.js';
import { admitProducers, fenceProducers, readOnly } from './steps/producers.js';
import { drain, quiet } from './steps/quiet.js';
import { reverse } from './steps/reverse.js';
import { rpo } from './steps/rpo.js';
import { promoteSchemas } from './steps/schemas.js';
import { settle } from './steps/settle.js';
import { stop } from './steps/stop.js';
import { stranded } from './steps/stranded.js';
import { survey } from './steps/survey.js';
import { translations } from './steps/translations.js';

const hook: StepHandler = {
  look: ({ world, step }) =>
    Promise.resolve({ kind: 'done', evidence: { would: world.hooks.describe(step.hook ?? '') } }),
  run: ({ world, recovery, step, signal }) => world.hooks.run(step.hook ?? '', recovery, step, signal),
};

/** What each act of a program does. */
export const HANDLERS: Readonly<Record<RecoveryAct, StepHandler>> = {
  survey,
  rpo,
  translations,
  'fence-producers': fenceProducers,
  quiet,
  drain,
  stop,
  settle,
  groups,
  'admit-producers': admitProducers,
  'promote-schemas': promoteSchemas,
  'export-map': exportMap,
  stranded,
  quarantine,
  reverse,
  follow,
  'catch-up': catchUp,
  'read-only': readOnly,
  hook,
};
