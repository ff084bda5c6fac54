import { assertNever } from '../../common/errors/assert.js';
import type { Leg, RecoveryAct, RecoveryKind, RecoveryOptions, RecoveryStep } from '../../common/model/recovery.js';

/** A hook of the operators' configuration, as far as the order of steps goes. */
export interface HookPlace {
  readonly name: string;
  readonly when: 'before' | 'after';
  /** Of the steps with this act, on whichever leg. */
  readonly act: RecoveryAct;
  /** Empty: every kind. */
  readonly kinds: readonly RecoveryKind[];
}

type Sequence = readonly (readonly [Leg, RecoveryAct])[];

/**
 * The steps of a program in their order. What changes nothing comes first; from `stop` on nobody copies the topics in the old direction, and
 * from `reverse` on they are copied in the other one.
 */
export function programOf(
  kind: RecoveryKind,
  options: RecoveryOptions,
  hooks: readonly HookPlace[],
): readonly RecoveryStep[] {
  const due = kind === 'drill' ? [] : hooks.filter(({ kinds }) => kinds.length === 0 || kinds.includes(kind));
  return sequenceOf(kind, options).flatMap(([leg, act]) => [
    ...hookSteps(due, 'before', leg, act),
    stepOf(leg, act),
    ...hookSteps(due, 'after', leg, act),
  ]);
}

/** Steps before which an operator has to confirm where the order does not say. */
export function defaultConfirm(kind: RecoveryKind): readonly string[] {
  return kind === 'failback' ? ['back-quiet'] : [];
}

/** Once this step was begun, giving up would leave records copied in both directions: only going on helps. */
export function isPointOfNoReturn({ act }: Pick<RecoveryStep, 'act'>): boolean {
  return act === 'reverse';
}

function sequenceOf(kind: RecoveryKind, options: RecoveryOptions): Sequence {
  switch (kind) {
    case 'drill':
      return on('out', ['survey', 'rpo', ...(options.groups ? (['translations'] as const) : [])]);
    case 'failover':
      return on('out', ['survey', 'rpo', 'stop', 'settle', ...groupsOf(options), 'admit-producers', 'promote-schemas']);
    case 'switchover':
      return [...on('out', ['survey', 'rpo']), ...turn('out', options)];
    case 'cutover':
      return [
        ...on('out', ['survey', 'rpo']),
        ...turn('out', options),
        ...on('out', options.readOnlySource ? ['read-only'] : []),
      ];
    case 'failback':
      return [
        ...on('out', ['survey', 'quiet', 'stranded']),
        ...on('out', options.quarantineSuffix === '' ? [] : ['quarantine']),
        ...on('out', ['export-map', 'reverse', 'follow', 'catch-up']),
        ...(options.switchBack ? turn('back', options) : []),
      ];
    default:
      return assertNever(kind, 'kind of a recovery');
  }
}

/** Away from a leg's source without losing or repeating anything. */
function turn(leg: Leg, options: RecoveryOptions): Sequence {
  // The way back of a failback ends with the route as it was: always copied.
  const copiesBack = options.reverseCopy || leg === 'back';
  return on(leg, [
    ...(options.fencePrincipals.length > 0 ? (['fence-producers'] as const) : []),
    'quiet',
    'drain',
    'stop',
    'settle',
    ...groupsOf(options),
    'admit-producers',
    'promote-schemas',
    ...(copiesBack ? (['export-map', 'reverse', 'follow'] as const) : []),
  ]);
}

function groupsOf({ groups }: RecoveryOptions): readonly RecoveryAct[] {
  return groups ? ['groups'] : [];
}

function on(leg: Leg, acts: readonly RecoveryAct[]): Sequence {
  return acts.map((act) => [leg, act]);
}

function stepOf(leg: Leg, act: RecoveryAct): RecoveryStep {
  return { id: leg === 'out' ? act : `back-${act}`, act, leg, state: 'pending', attempts: 0 };
}

function hookSteps(hooks: readonly HookPlace[], when: HookPlace['when'], leg: Leg, act: RecoveryAct): RecoveryStep[] {
  return hooks
    .filter((hook) => hook.when === when && hook.act === act)
    .map(({ name }) => ({
      id: `${leg === 'out' ? '' : 'back-'}hook-${name}`,
      ...{ act: 'hook' as const, leg, hook: name, state: 'pending' as const, attempts: 0 },
    }));
}
