/** A route whose records' schema ids are exchanged for those of the target's registry (merge routes, where every registry gives its own). */
export interface SchemaIdPolicy {
  readonly keys: boolean;
  readonly values: boolean;
  /** Schemas that the target does not have are registered there. */
  readonly register: boolean;
}
