/**
 * What a route does about schemas. `report`: what differs is told · `api`: subjects, versions and ids go from registry to registry ·
 * `topic`: the registry's own topic is one of the route's.
 */
export type SchemaMode = 'off' | 'report' | 'api' | 'topic';

export interface SchemaPolicy {
  readonly mode: SchemaMode;
  readonly subjects: {
    /** Patterns (RE2) of whole subjects. */
    readonly include: readonly string[];
    readonly exclude: readonly string[];
  };
  /** Context of the target's registry that takes the source's schemas; absent: its default one. */
  readonly context?: string;
  /** With mode topic. */
  readonly topic: string;
  readonly intervalMs: number;
}

export const DEFAULT_SCHEMAS_TOPIC = '_schemas';
