/**
 * What checks do with a page again and again: unlock it, say something, look at the marks.
 */

/** @typedef {import('playwright-core').Page} Page */

/**
 * Waits until the device would take a request, with the key where one is wanted.
 * @param {Page} page
 * @param {string | null} key
 */
export async function ready(page, key) {
  await page.waitForFunction(() => document.body.dataset.sight !== undefined);
  if (await page.locator('#lock').isVisible()) {
    if (key === null) throw new Error('the server wants a key: run with --key KEY');
    await page.locator('#key').fill(key);
    await page.locator('#key').press('Enter');
  }
  await page.waitForFunction(
    () => !(/** @type {HTMLButtonElement} */ (document.querySelector('#send')).disabled),
    null,
    { timeout: 60_000 },
  );
}

/**
 * @param {Page} page
 * @param {string} text
 */
export async function say(page, text) {
  await page.locator('#message').fill(text);
  await page.locator('#send').click();
}

/** Whatever a model would say, it cannot say this in few words. */
export const LONG =
  '{"type": "array", "minItems": 12, "items": {"type": "string", "minLength": 3, "maxLength": 12}}';

/**
 * Has replies from here on be long.
 * @param {Page} page
 */
export async function atLength(page) {
  await page.locator('#open-drawer').click();
  await page.locator('#schema').fill(LONG);
  await page.locator('#max_tokens').fill('160');
  await page.locator('#settings button[type="submit"]').click();
}

/**
 * Waits for so many runs of text in the last reply.
 * @param {Page} page
 * @param {number} number
 */
export async function runs(page, number) {
  await page.waitForFunction(
    (least) =>
      ([...document.querySelectorAll('#log .reply')].at(-1)?.querySelectorAll('.run').length ?? 0) >= least,
    number,
  );
}

/**
 * Waits for a notice in the last reply.
 * @param {Page} page
 * @param {string} kind
 */
export async function notice(page, kind) {
  const found = page.locator(`#log .reply`).last().locator(`.notice[data-kind="${kind}"]`).first();
  const ended = page.locator('#log .reply').last().and(page.locator('.ended'));
  await found.or(ended).first().waitFor();
  if (!(await found.isVisible())) {
    throw new Error(
      `the reply ended before it said "${kind}": a longer one, or a slower device ([engine] pace), is wanted`,
    );
  }
}

/** @param {Page} page */
export async function ended(page) {
  await page.locator('#log .reply').last().and(page.locator('.ended')).waitFor({ timeout: 60_000 });
}

/** @param {Page} page */
export function lastReply(page) {
  return page.locator('#log .reply').last();
}
