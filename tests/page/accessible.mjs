/**
 * What axe-core finds wrong with a page for those who do not see it, or not well.
 */

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';

/** @typedef {import('playwright-core').Page} Page */

const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js');
const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];

/**
 * @param {Page} page
 * @param {string} when
 */
export async function accessible(page, when) {
  await page.evaluate(await readFile(AXE, 'utf8'));
  const violations = await page.evaluate(async (rules) => {
    const found = await /** @type {any} */ (window).axe.run(document, { runOnly: rules });
    return found.violations.map(
      (/** @type {any} */ one) =>
        `${one.id}: ${one.help}\n    ${one.nodes.map((/** @type {any} */ node) => `${node.target} ${node.failureSummary}`).join('\n    ')}`,
    );
  }, RULES);
  assert.deepEqual(violations, [], `${when}:\n${violations.join('\n')}`);
}
