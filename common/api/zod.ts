import { extendZodWithOpenApi } from '@asteasolutions/zod-to-openapi';
import { z } from 'zod';

// Schemas made after this line can be named in the OpenAPI document; every shape imports z from here.
extendZodWithOpenApi(z);

export { z };
