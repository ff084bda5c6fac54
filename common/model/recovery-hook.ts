import type { RecoveryAct, RecoveryKind } from './recovery.js';

interface HookBase {
  readonly name: string;
  readonly when: 'before' | 'after';
  /** The step it belongs to, on both legs. */
  readonly step: RecoveryAct;
  /** Empty: every kind. */
  readonly kinds: readonly RecoveryKind[];
  /** Of one attempt. */
  readonly timeoutMs: number;
  /** Attempts after the first. */
  readonly retries: number;
  /** `stop`: its program fails and waits for an operator. `continue`: that is noted, and the program goes on without it. */
  readonly onFailure: 'stop' | 'continue';
}

/** Something of the operators' own that a program does beside its steps: DNS, proxies, chat. From their configuration alone. */
export type RecoveryHook =
  | (HookBase & {
      readonly type: 'webhook';
      readonly url: string;
      /** Signs the body (HMAC-SHA-256) into `x-causeway-signature`. */
      readonly secret?: string;
      /** Sent as a bearer token. */
      readonly token?: string;
    })
  /** File and arguments, run without a shell. */
  | (HookBase & { readonly type: 'command'; readonly command: readonly string[] });
