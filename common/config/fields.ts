import { z } from 'zod';

/* Forms that several sections of the configuration use. */

export const ms = z.number().int().min(1).max(86_400_000);
export const bytes = z.number().int().min(1);
