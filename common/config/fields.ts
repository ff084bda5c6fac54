import { z } from 'zod';
import { identifierFault } from '../model/worker.js';
import { patternFault } from '../patterns/name-patterns.js';

/* Forms that several sections of the configuration use. */

export const ms = z.number().int().min(1).max(86_400_000);
export const bytes = z.number().int().min(1);

export const identifier = z.string().superRefine((value, context) => {
  const fault = identifierFault(value);
  if (fault !== undefined) context.addIssue({ code: 'custom', message: fault });
});
const HOST_PORT = /^(?:\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+):(\d{1,5})$/;
export const hostPort = z.string().refine((value) => {
  const port = Number(HOST_PORT.exec(value)?.[1] ?? 0);
  return port >= 1 && port <= 65_535;
}, 'write it as host:port, an IPv6 address in brackets');

export const zone = z.string().min(1).max(64);

/** Of topic names; RE2. */
export const pattern = z
  .string()
  .min(1)
  .superRefine((value, context) => {
    const fault = patternFault(value);
    if (fault !== undefined) context.addIssue({ code: 'custom', message: fault });
  });
