/** A number of a REST answer; null is unknown. */
export function counted(value: number | null): string {
  return value === null ? '-' : String(Math.round(value));
}

export function seconds(value: number | null): string {
  return value === null ? '-' : value.toFixed(1);
}

export function megabytes(bytes: number | null): string {
  return bytes === null ? '-' : (bytes / 1e6).toFixed(2);
}
