/**
 * How it looks and reads: widths, schemes, contrast and names, the keyboard alone.
 */

import assert from 'node:assert/strict';
import { accessible } from '../accessible.mjs';
import { PHONE } from '../browser.mjs';
import { ended, lastReply, LONG, ready, say } from '../talk.mjs';

/** @typedef {import('../run.mjs').Tools} Tools */
/** @typedef {import('playwright-core').Page} Page */

/** @param {Tools} tools */
export async function a_phone_shows_it_without_scrolling_sideways({ open, key, prompt, shot }) {
  const { page } = await open({ options: { viewport: PHONE, hasTouch: true, isMobile: true } });
  await ready(page, key);
  await shot('phone', page, true);
  await say(page, prompt);
  await ended(page);
  await lastReply(page).locator('summary').click();
  await fits(page);
  await shot('phone-reply', page);
  await page.locator('#open-drawer').click();
  await fits(page);
  const drawer = await page.locator('#drawer').boundingBox();
  assert.ok(
    drawer && drawer.x >= 0 && drawer.x + drawer.width <= PHONE.width + 0.5,
    `the drawer is at ${JSON.stringify(drawer)}`,
  );
  await shot('phone-drawer', page);
}

/** @param {Tools} tools */
export async function it_is_accessible_in_light_and_dark({ open, key, prompt, shot }) {
  for (const colorScheme of /** @type {const} */ (['light', 'dark'])) {
    const { page } = await open({ options: { colorScheme, reducedMotion: 'reduce' } });
    await ready(page, key);
    await accessible(page, `${colorScheme}, empty`);
    await shot(`${colorScheme}-empty`, page);
    await say(page, prompt);
    await ended(page);
    await lastReply(page).locator('summary').click();
    await accessible(page, `${colorScheme}, with a reply`);
    await shot(colorScheme, page);
    await page.locator('#open-drawer').click();
    await accessible(page, `${colorScheme}, with the drawer`);
    await shot(`${colorScheme}-drawer`, page);
    const ground = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    const light = Number(/\d+/.exec(ground)?.[0]) > 127;
    assert.equal(light, colorScheme === 'light', `${colorScheme} has the ground ${ground}`);
  }
}

/** @param {Tools} tools */
export async function nothing_moves_for_who_wants_no_motion({ open, key, prompt }) {
  const { page } = await open({ options: { reducedMotion: 'reduce' } });
  await ready(page, key);
  await say(page, prompt);
  const moving = await page.evaluate(
    () => document.getAnimations().filter((one) => one.playState === 'running').length,
  );
  assert.equal(moving, 0, 'something is animated');
}

/** @param {Tools} tools */
export async function the_keyboard_alone_is_enough({ open, key, prompt }) {
  const { page } = await open();
  await ready(page, key);
  await page.reload();
  await ready(page, key);
  const press = (/** @type {string} */ name) => page.keyboard.press(name);
  await press('Tab');
  assert.equal(await focused(page), 'Skip to the message');
  await press('Enter');

  await tabTo(page, 'open-drawer');
  await press('Enter');
  await tabTo(page, 'seed');
  await page.keyboard.type('7');
  await tabTo(page, 'schema');
  await page.keyboard.type('{"type": ');
  await press('Enter');
  assert.match(await page.locator('#schema-wrong').innerText(), /^Not JSON/);
  await press('Escape');
  assert.equal(await page.locator('#drawer').isVisible(), false, 'Escape did not close the drawer');
  await page.locator('#chosen').getByText('seed 7', { exact: true }).waitFor();
  assert.equal(await focused(page), 'open-drawer', 'the focus did not come back from the drawer');
  await press('Enter');
  await tabTo(page, 'schema');
  await page.keyboard.insertText(LONG);
  await tabTo(page, 'max_tokens');
  await page.keyboard.type('160');
  await press('Enter');
  assert.equal(await page.locator('#drawer').isVisible(), false, 'Enter did not close the drawer');

  await tabTo(page, 'message');
  await page.keyboard.type(prompt);
  await press('Enter');
  await lastReply(page).locator('.run').first().waitFor();
  assert.equal(await focused(page), 'message', 'the focus left the message');
  await press('Escape');
  await ended(page);
  assert.match(await lastReply(page).innerText(), /Stopped\./, 'Escape did not stop the reply');

  if (await page.locator('#cut').isVisible()) {
    await tabTo(page, 'cut');
    await press('Space');
    await page.locator('#cut[aria-checked="true"]').waitFor();
    await press('Space');
    await page.locator('#cut[aria-checked="false"]').waitFor();
  }
}

/** @param {Page} page */
async function fits(page) {
  const [wide, room] = await page.evaluate(() => [
    document.documentElement.scrollWidth,
    document.documentElement.clientWidth,
  ]);
  assert.ok(wide <= room, `the page is ${wide} px wide, the screen ${room}`);
}

/** @param {Page} page */
function focused(page) {
  return page.evaluate(() => document.activeElement?.id || document.activeElement?.textContent || '');
}

/**
 * Presses Tab until this has the focus, and wants it to be seen there.
 * @param {Page} page
 * @param {string} id
 */
async function tabTo(page, id) {
  for (let presses = 0; presses < 40 && (await focused(page)) !== id; presses += 1)
    await page.keyboard.press('Tab');
  assert.equal(await focused(page), id, `Tab never comes to #${id}`);
  const outline = await page.evaluate(
    () => getComputedStyle(/** @type {Element} */ (document.activeElement)).outlineStyle,
  );
  assert.notEqual(outline, 'none', `nothing shows that #${id} has the focus`);
}
