/** One step into a key or value: a member's name, which is an element's number as well, or any of them. */
export type PathStep = { readonly any: true } | { readonly any: false; readonly name: string; readonly index: number };

/** What a mask or a digest puts in a value's place. @param content of the value, as digests are made from it; of a container its bytes */
export type Substitute = (content: Buffer) => string | number | boolean | null;
