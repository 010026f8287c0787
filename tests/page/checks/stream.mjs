/**
 * A reply as it streams: its marks, what it cost, the stop button, and the loss of the link.
 */

import assert from 'node:assert/strict';
import { accessible } from '../accessible.mjs';
import { atLength, ended, lastReply, notice, ready, runs, say } from '../talk.mjs';

/** @typedef {import('../run.mjs').Tools} Tools */

/** @param {Tools} tools */
export async function a_message_is_answered_and_each_run_of_text_is_marked({ open, key, prompt, shot }) {
  const { page } = await open();
  await ready(page, key);
  await say(page, prompt);
  await ended(page);
  const marks = await lastReply(page)
    .locator('.run')
    .evaluateAll((found) => found.map((run) => run.getAttribute('data-mark')));
  assert.ok(marks.length > 0, 'the reply has no text');
  assert.ok(
    marks.every((mark) => ['verified', 'alone', 'confirmed'].includes(String(mark))),
    `marks: ${marks}`,
  );
  const usage = lastReply(page).locator('details.usage');
  assert.match(await usage.locator('summary').innerText(), /^[\d,]+ tokens? · /);
  await usage.locator('summary').click();
  const grown = await usage
    .locator('.time-bar span')
    .evaluateAll((found) =>
      found.reduce((sum, piece) => sum + Number(/** @type {HTMLElement} */ (piece).style.flexGrow), 0),
    );
  assert.ok(Math.abs(grown - 1) < 0.01, `the bar of times adds up to ${grown}`);
  await shot('breakdown', page);
}

/** @param {Tools} tools */
export async function the_stop_button_ends_a_reply_and_the_next_can_be_asked({ open, key, prompt }) {
  const { page } = await open();
  await ready(page, key);
  // A short one might be whole before the button is clicked.
  await atLength(page);
  await say(page, prompt);
  await runs(page, 1);
  await page.locator('#stop').click();
  await ended(page);
  assert.match(await lastReply(page).innerText(), /Stopped\./);
  const before = await lastReply(page).locator('.run').count();
  await page.waitForTimeout(300);
  assert.equal(await lastReply(page).locator('.run').count(), before, 'text came after the stop');
  await say(page, prompt);
  await ended(page);
  assert.equal(await page.locator('#log .reply').count(), 2);
}

/** @param {Tools} tools */
export async function the_stream_goes_on_alone_when_the_link_is_cut_and_is_judged_when_it_is_mended({
  open,
  key,
  prompt,
  gate,
  skip,
  shot,
}) {
  const { page } = await open();
  await ready(page, key);
  const cut = page.locator('#cut');
  if (!(await hasSwitch(gate.url, key))) return skip('the server has no [serve] link_switch');
  await cut.waitFor();
  await atLength(page);
  await say(page, prompt);
  await runs(page, 1);
  await cut.click();
  await notice(page, 'alone');
  const alone = lastReply(page).locator('.notice[data-kind="alone"] ~ .run[data-mark="alone"]');
  await alone.nth((await alone.count()) + 2).waitFor();
  assert.equal(await cut.getAttribute('aria-checked'), 'true');
  await page.locator('#mode:not([data-reach="joined"])').waitFor();
  await shot('alone', page);
  await cut.click();
  await notice(page, 'rejoined');
  await notice(page, 'judged');
  await ended(page);
  assert.equal(await cut.getAttribute('aria-checked'), 'false');
  const kinds = await lastReply(page)
    .locator('.notice')
    .evaluateAll((found) => found.map((one) => one.getAttribute('data-kind')));
  assert.deepEqual(
    kinds.filter((kind) => ['alone', 'rejoined', 'judged'].includes(String(kind))).slice(0, 3),
    ['alone', 'rejoined', 'judged'],
  );
  await page.locator('#mode[data-reach="joined"]').waitFor();
  await accessible(page, 'after an outage');
  await shot('judged', page);
}

/**
 * Whether the server says that its link can be cut.
 * @param {string} url
 * @param {string | null} key
 */
async function hasSwitch(url, key) {
  /** @type {Record<string, string>} */
  const headers = key === null ? {} : { authorization: `Bearer ${key}` };
  const status = await fetch(new URL('/causeway/v1/status', url), { headers });
  return (await status.json()).link_switch === true;
}
