/**
 * The mock by itself, to look at the page: `node mock.mjs [PORT]`.
 */

import { startMock } from './mock/server.mjs';

const { url } = await startMock({ port: Number(process.argv[2] ?? 8080) });
console.log(url);
