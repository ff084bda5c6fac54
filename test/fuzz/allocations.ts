type Allocate = (size: number) => Buffer;
type Numbers = 'alloc' | 'allocUnsafe' | 'allocUnsafeSlow';

/** Typed arrays that the decoders make beside buffers. */
const ARRAYS = ['Float64Array', 'Uint32Array', 'Int32Array', 'ArrayBuffer'] as const;

/**
 * Counts the bytes that are asked for through Buffer (Node's own zlib and Buffer.concat included) and through typed arrays, in this
 * thread, from now on and for good.
 */
export class AllocationCount {
  static #installed: AllocationCount | undefined;
  bytes = 0;

  /** The thread's only one. */
  static install(): AllocationCount {
    AllocationCount.#installed ??= new AllocationCount();
    return AllocationCount.#installed;
  }

  private constructor() {
    for (const name of ['alloc', 'allocUnsafe', 'allocUnsafeSlow'] as const) this.#watch(name);
    for (const name of ARRAYS) this.#watchArray(name);
  }

  #watch(name: Numbers): void {
    const original = Buffer[name] as (size: number, ...rest: unknown[]) => Buffer;
    const counted = (size: number, ...rest: unknown[]): Buffer => {
      if (size > 0) this.bytes += size;
      return original.call(Buffer, size, ...rest);
    };
    (Buffer as unknown as Record<Numbers, Allocate>)[name] = counted;
  }

  #watchArray(name: (typeof ARRAYS)[number]): void {
    const globals = globalThis as unknown as Record<string, new (size: unknown) => { readonly byteLength: number }>;
    const original = globals[name] as new (...args: unknown[]) => { readonly byteLength: number };
    globals[name] = new Proxy(original, {
      construct: (wanted, args, newTarget) => {
        const made = Reflect.construct(wanted, args, newTarget) as { readonly byteLength: number };
        this.bytes += made.byteLength;
        return made;
      },
    });
  }
}
