/**
 * What goes wrong around the page: the wrong key, and a server that goes and comes back.
 */

import assert from 'node:assert/strict';
import { accessible } from '../accessible.mjs';
import { atLength, lastReply, ready, runs, say } from '../talk.mjs';

/** @typedef {import('../run.mjs').Tools} Tools */

/** @param {Tools} tools */
export async function a_wrong_key_is_refused_and_the_right_one_opens_the_page({ open, key, skip, shot }) {
  if (key === null) return skip('the server has no keys');
  const { page } = await open({ mayFail: true });
  await page.locator('#lock').waitFor();
  assert.equal(await page.evaluate(() => document.activeElement?.id), 'key', 'the key has no focus');
  await page.locator('#key').fill(`not-${key}`);
  await page.locator('#key').press('Enter');
  await page.locator('#key[aria-invalid="true"]').waitFor();
  assert.match(await page.locator('#key-why').innerText(), /does not take this key/);
  await page.locator('#key').fill('schlüssel');
  await page.locator('#key').press('Enter');
  await page.locator('#key-why', { hasText: 'ASCII' }).waitFor();
  await accessible(page, 'with a wrong key');
  await shot('wrong-key', page);
  await ready(page, key);
  await page.reload();
  await page.locator('body[data-sight="live"]').waitFor();
  const kept = await page.evaluate(() => [localStorage.length, document.cookie]);
  assert.deepEqual(kept, [0, ''], 'the key is kept elsewhere than in the tab');
}

/** @param {Tools} tools */
export async function a_server_that_goes_is_missed_and_found_again({ open, key, prompt, gate, shot }) {
  const { page } = await open({ mayFail: true });
  await ready(page, key);
  // A short one might be whole before the server goes.
  await atLength(page);
  await say(page, prompt);
  await runs(page, 1);
  await gate.shut();
  try {
    await page.locator('body[data-sight="gone"]').waitFor();
    await lastReply(page).locator('.fault').waitFor();
    assert.ok((await lastReply(page).locator('.run').count()) > 0, 'what was said is gone too');
    assert.equal(await page.locator('#send').isDisabled(), true);
    await page.locator('#banner-retry').waitFor();
    await accessible(page, 'while the server is gone');
    await shot('gone', page);
  } finally {
    await gate.open();
  }
  await page.locator('body[data-sight="live"]').waitFor();
  assert.equal(await page.locator('#banner').isVisible(), false);
  await ready(page, key);
}

/** @param {Tools} tools */
export async function a_server_that_is_away_for_long_is_asked_less_often_and_at_once_on_demand({
  open,
  key,
  gate,
}) {
  const { page } = await open({ mayFail: true });
  await ready(page, key);
  await gate.shut();
  await page.getByText('Trying again in 8 s').waitFor();
  await gate.open();
  await page.locator('#banner-retry').click();
  await page.locator('body[data-sight="live"]').waitFor({ timeout: 3000 });
}
