/**
 * Checks the page in a browser: `node run.mjs [--url URL] [--key KEY] [--prompt TEXT] [--shots DIR] [--only PART]`.
 *
 * Without `--url` against the mock, with all that only a mock does on demand; with it against the
 * server there, of which nothing is expected but what docs/API.md says.
 */

import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { launch, Watched } from './browser.mjs';
import { Gate } from './gate.mjs';
import { startMock } from './mock/server.mjs';
import * as looks from './checks/looks.mjs';
import * as mocked from './checks/mocked.mjs';
import * as modules from './checks/modules.mjs';
import * as stream from './checks/stream.mjs';
import * as trouble from './checks/trouble.mjs';

/** @typedef {Parameters<typeof Watched.open>[2]} How */
/**
 * @typedef {{open: (how?: How) => Promise<Watched>, key: string | null, prompt: string, gate: Gate,
 *   shot: (name: string, page: import('playwright-core').Page, whole?: boolean) => Promise<void>, skip: (why: string) => void}} Tools
 */

const MOCK_KEY = 'sesame';
const { values: flags } = parseArgs({
  options: {
    url: { type: 'string' },
    key: { type: 'string' },
    prompt: { type: 'string' },
    shots: { type: 'string' },
    only: { type: 'string' },
  },
});

const mock = flags.url ? null : await startMock({ keys: [MOCK_KEY] });
const key = flags.key ?? (mock ? MOCK_KEY : null);
const gate = new Gate(flags.url ?? mock?.url ?? '');
await gate.open();
if (flags.shots) await mkdir(flags.shots, { recursive: true });
const browser = await launch();

const parts = [modules, stream, looks, trouble, ...(mock ? [mocked] : [])];
const checks = parts
  .flatMap((part) => Object.entries(part))
  .filter(([name]) => name.includes('_') && name.includes(flags.only ?? ''));
let failed = 0;
for (const [name, check] of checks) failed += (await passes(name, check)) ? 0 : 1;
await browser.close();
await gate.shut();
mock?.close();
console.log(failed > 0 ? `${failed} of ${checks.length} checks failed` : `${checks.length} checks passed`);
process.exitCode = failed > 0 || checks.length === 0 ? 1 : 0;

/**
 * @param {string} name
 * @param {Function} check
 * @returns {Promise<boolean>}
 */
async function passes(name, check) {
  /** @type {Watched[]} */
  const opened = [];
  let skipped = '';
  const tools = {
    key,
    gate,
    device: mock?.device,
    prompt: flags.prompt ?? "I'd like a table for two tonight.",
    open: async (/** @type {How} */ how = {}) => {
      // A page without its key yet is answered 401, and the browser says so.
      const watched = await Watched.open(browser, gate.url, { mayFail: key !== null, ...how });
      opened.push(watched);
      return watched;
    },
    shot: async (
      /** @type {string} */ file,
      /** @type {import('playwright-core').Page} */ page,
      whole = false,
    ) => {
      if (flags.shots) await page.screenshot({ path: join(flags.shots, `${file}.png`), fullPage: whole });
    },
    skip: (/** @type {string} */ why) => {
      skipped = why;
    },
  };
  try {
    await check(tools);
    const complaints = opened.flatMap((watched) => watched.complaints);
    if (complaints.length > 0) throw new Error(complaints.join('\n'));
    console.log(`${skipped ? 'skip' : 'ok  '}  ${name.replaceAll('_', ' ')}${skipped && `: ${skipped}`}`);
    return true;
  } catch (error) {
    console.log(`FAIL  ${name.replaceAll('_', ' ')}\n${error instanceof Error ? error.stack : error}`);
    return false;
  } finally {
    for (const watched of opened) await watched.close();
    await mend();
  }
}

/** What a check cut, the next finds whole; a server without a link to cut says no, which is as well. */
async function mend() {
  const headers = {
    'content-type': 'application/json',
    ...(key === null ? {} : { authorization: `Bearer ${key}` }),
  };
  await fetch(new URL('/causeway/v1/link', gate.url), {
    method: 'POST',
    headers,
    body: '{"cut": false}',
  }).catch(() => null);
}
