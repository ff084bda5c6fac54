import { InvalidArgumentError, Option } from 'commander';
import { OUTPUT_FORMATS, type OutputFormat } from './output.js';

export interface OutputOptions {
  readonly output: OutputFormat;
}

export function outputOption(): Option {
  return new Option('-o, --output <format>', 'how data is printed').choices(OUTPUT_FORMATS).default('table');
}

/** A whole number within bounds, as an option's argument. */
export function integer(minimum: number, maximum: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < minimum || value > maximum) {
      throw new InvalidArgumentError(`It must be a whole number from ${minimum} to ${maximum}.`);
    }
    return value;
  };
}
