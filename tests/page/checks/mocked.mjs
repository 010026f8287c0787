/**
 * What only a mock does on demand: each mode, loading, each kind of refusal, texts taken back.
 */

import assert from 'node:assert/strict';
import { accessible } from '../accessible.mjs';
import { ended, lastReply, notice, ready, runs, say } from '../talk.mjs';

/** @typedef {import('../run.mjs').Tools} Tools */
/** @typedef {import('../mock/device.mjs').MockDevice} MockDevice */

/** @param {Tools & {device: MockDevice}} tools */
export async function each_mode_shows_who_runs_what({ open, key, device, shot }) {
  const { page } = await open();
  await ready(page, key);
  const expected = {
    local: ['device: no layers of the target', 'gateway: not in the plan', 'cloud: not in the plan'],
    remote: [
      'device: no layers of the target',
      'gateway: not in the plan',
      'cloud: embedding, layers 0 to 5, head',
    ],
    split: [
      'device: embedding, layers 0 to 1',
      'gateway: layers 2 to 3; hidden states come as int8',
      'cloud: layers 4 to 5, head; hidden states come as f16',
    ],
  };
  for (const [mode, cards] of Object.entries(expected)) {
    device.setMode(mode);
    await page.locator('#mode').getByText(mode, { exact: true }).waitFor();
    const seen = await page
      .locator('.station')
      .evaluateAll((found) =>
        found.map(
          (card) =>
            `${card.querySelector('h3 small')?.nextSibling?.textContent}: ${card.querySelector('.runs')?.textContent}`,
        ),
      );
    assert.deepEqual(seen, cards, mode);
    await say(page, 'Tell me about the line.');
    await runs(page, 12);
    await shot(`mode-${mode}`, page);
    await page.locator('#stop').click();
    await ended(page);
  }
  device.setMode('speculative');
}

/** @param {Tools & {device: MockDevice}} tools */
export async function text_that_is_taken_back_is_seen_to_go_and_is_not_sent_again({
  open,
  key,
  device,
  shot,
}) {
  const { page } = await open();
  await ready(page, key);
  await page.locator('#open-drawer').click();
  await page.locator('#policy').selectOption('revise');
  await page.locator('#settings button[type="submit"]').click();
  await say(page, 'Where does it stop?');
  await runs(page, 8);
  device.setCut(true);
  await notice(page, 'alone');
  await lastReply(page).locator('.run[data-mark="alone"]').nth(8).waitFor();
  device.setCut(false);
  await notice(page, 'revised');
  await lastReply(page).locator('.removed').first().waitFor();
  assert.ok(
    (await lastReply(page).locator('.run[data-mark="confirmed"]').count()) > 0,
    'nothing was confirmed',
  );
  await shot('revised', page);
  await ended(page);
  assert.equal(await lastReply(page).locator('.run[data-mark="alone"]').count(), 0);
  const said = (await lastReply(page).locator('.run').allTextContents()).join('');
  const request = page.waitForRequest('**/v1/chat/completions');
  await say(page, 'And then?');
  const { messages, causeway } = JSON.parse((await request).postData() ?? '{}');
  assert.deepEqual(
    messages.map((/** @type {any} */ one) => one.role),
    ['user', 'assistant', 'user'],
  );
  assert.equal(messages[1].content, said);
  assert.deepEqual(causeway, { policy: 'revise' });
}

/** @param {Tools & {device: MockDevice}} tools */
export async function a_device_that_loads_says_how_far_it_is({ open, key, device, shot }) {
  const { page } = await open();
  await ready(page, key);
  device.loading = { step: 'packing the weights of causeway-demo-target-q8_0', done: 3, of: 6 };
  try {
    await page.locator('#banner-progress').waitFor();
    assert.equal(
      await page
        .locator('#banner-progress')
        .evaluate((bar) => /** @type {HTMLProgressElement} */ (bar).position),
      0.5,
    );
    assert.match(await page.locator('#banner').innerText(), /packing the weights/);
    assert.equal(await page.locator('#send').isDisabled(), true);
    await accessible(page, 'while it loads');
    await shot('loading', page);
  } finally {
    device.loading = null;
  }
  await page.locator('#banner').waitFor({ state: 'hidden' });
}

/** @param {Tools & {device: MockDevice}} tools */
export async function a_refusal_is_shown_as_the_api_says_it_and_the_question_is_not_lost({
  open,
  key,
  device,
  shot,
}) {
  const { page } = await open({ mayFail: true });
  await ready(page, key);
  device.fault = {
    status: 503,
    error: {
      message: 'four replies run and sixteen wait',
      type: 'overloaded_error',
      param: null,
      code: 'queue_full',
    },
    retryAfterS: 2,
  };
  await say(page, 'Is there room?');
  await ended(page);
  assert.match(
    await lastReply(page).innerText(),
    /four replies run and sixteen wait\s+code queue_full · overloaded_error · status 503 · worth another try in 2 s/,
  );
  assert.equal(await page.locator('#message').inputValue(), 'Is there room?');
  device.fault = {
    status: 400,
    error: {
      message: `temperature is ${'very '.repeat(200)}high: 0 to 2`,
      type: 'invalid_request_error',
      param: 'temperature',
      code: null,
    },
  };
  await say(page, `A word without an end: ${'x'.repeat(3000)} <b>not bold</b>`);
  await ended(page);
  assert.match(await lastReply(page).innerText(), /parameter temperature/);
  assert.equal(await page.locator('#log b').count(), 0, 'a text became markup');
  const [wide, room] = await page.evaluate(() => [
    document.documentElement.scrollWidth,
    document.documentElement.clientWidth,
  ]);
  assert.ok(wide <= room, `long texts make the page ${wide} px wide, of ${room}`);
  await shot('refused', page);
}

/** @param {Tools & {device: MockDevice}} tools */
export async function parameters_are_sent_and_only_those_that_were_set({ open, key }) {
  const { page } = await open();
  await ready(page, key);
  const sent = async (/** @type {string} */ text) => {
    const request = page.waitForRequest('**/v1/chat/completions');
    await say(page, text);
    const body = JSON.parse((await request).postData() ?? '{}');
    await ended(page);
    return body;
  };
  const plain = { model: 'causeway', stream: true, stream_options: { include_usage: true } };
  const { messages, ...first } = await sent('One.');
  assert.deepEqual(messages, [{ role: 'user', content: 'One.' }]);
  assert.deepEqual(first, plain);
  await page.locator('#open-drawer').click();
  for (const [name, value] of [
    ['temperature', '0.7'],
    ['seed', '42'],
    ['max_tokens', '12'],
    ['schema', '{"type": "object"}'],
  ])
    await page.locator(`#${name}`).fill(value);
  for (const [name, value] of [
    ['privacy', 'site'],
    ['route', 'hybrid'],
    ['policy', 'keep'],
  ])
    await page.locator(`#${name}`).selectOption(value);
  await page.locator('#temperature').fill('3');
  await page.locator('#settings button[type="submit"]').click();
  assert.equal(await page.locator('#drawer').isVisible(), true, 'a temperature of 3 was taken');
  await page.locator('#temperature').fill('0.7');
  await page.locator('#settings button[type="submit"]').click();
  const { messages: _, ...second } = await sent('Two.');
  assert.deepEqual(second, {
    ...plain,
    temperature: 0.7,
    seed: 42,
    max_tokens: 12,
    causeway: { privacy: 'site', route: 'hybrid', policy: 'keep' },
    response_format: { type: 'json_schema', json_schema: { name: 'reply', schema: { type: 'object' } } },
  });
}

/** @param {Tools & {device: MockDevice}} tools */
export async function without_a_link_to_cut_there_is_no_switch({ open, key, device }) {
  device.linkSwitch = false;
  const { page } = await open();
  await ready(page, key);
  assert.equal(await page.locator('#link').isVisible(), false);
  device.linkSwitch = true;
}

/** @param {Tools & {device: MockDevice}} tools */
export async function an_error_in_mid_stream_ends_the_reply_and_what_was_said_stands({ open, key, device }) {
  const { page } = await open();
  await ready(page, key);
  const faults = [
    [
      { message: 'the pool is out of blocks', type: 'server_error', param: null, code: null },
      /the pool is out of blocks\s+server_error\s/,
    ],
    [{}, /broke off: the device closed the stream/],
  ];
  for (const [fault, expected] of faults) {
    device.midFault = fault;
    await say(page, 'And now?');
    await ended(page);
    assert.match(
      await lastReply(page)
        .locator('.fault')
        .innerText()
        .then((text) => `${text} `),
      /** @type {RegExp} */ (expected),
    );
    assert.ok((await lastReply(page).locator('.run').count()) > 0, 'what was said is gone');
  }
}

/** @param {Tools & {device: MockDevice}} tools */
export async function a_reply_that_waits_says_so_and_leaves_no_question_behind({ open, key, device }) {
  const { page } = await open();
  await ready(page, key);
  device.defers = true;
  await say(page, 'Something hard.');
  await ended(page);
  device.defers = false;
  assert.match(await lastReply(page).innerText(), /It waits for the target/);
  const request = page.waitForRequest('**/v1/chat/completions');
  await say(page, 'Something else.');
  const { messages } = JSON.parse((await request).postData() ?? '{}');
  assert.deepEqual(messages, [{ role: 'user', content: 'Something else.' }]);
}

/** @param {Tools & {device: MockDevice}} tools */
export async function a_device_that_falls_silent_is_taken_for_gone({ open, key, device }) {
  const { page } = await open();
  await ready(page, key);
  device.silent = true;
  try {
    await page.locator('body[data-sight="gone"]').waitFor();
    assert.match(await page.locator('#banner').innerText(), /fallen silent/);
    assert.equal(await page.locator('#cut').isDisabled(), true);
  } finally {
    device.silent = false;
  }
  await page.locator('body[data-sight="live"]').waitFor();
}

/** @param {Tools & {device: MockDevice}} tools */
export async function a_device_that_cannot_start_says_why({ open, key, device }) {
  device.failed = 'models.target: no such file';
  try {
    const { page } = await open();
    await page.locator('#key').fill(String(key));
    await page.locator('#key').press('Enter');
    await page.getByText('The device cannot start').waitFor();
    assert.match(await page.locator('#banner').innerText(), /models\.target: no such file/);
    assert.equal(await page.locator('#send').isDisabled(), true);
  } finally {
    device.failed = null;
  }
}

/** @param {Tools & {device: MockDevice}} tools */
export async function a_device_that_plans_for_itself_says_what_it_found({ open, key, device }) {
  device.auto = true;
  const { page } = await open();
  await ready(page, key);
  assert.equal(await page.locator('#mode').innerText(), 'auto: speculative');
  assert.equal(await page.locator('#mode-says').innerText(), 'the device drafts, cloud confirms');
  device.auto = false;
}

/** @param {Tools & {device: MockDevice}} tools */
export async function a_route_is_offered_where_requests_are_routed({ open, key, device }) {
  const { page } = await open();
  await ready(page, key);
  await page.locator('#open-drawer').click();
  await page.locator('#route').selectOption('local');
  device.routes = false;
  await page.locator('#route').waitFor({ state: 'hidden' });
  await page.locator('#settings button[type="submit"]').click();
  const request = page.waitForRequest('**/v1/chat/completions');
  await say(page, 'Which way?');
  assert.equal(JSON.parse((await request).postData() ?? '{}').causeway, undefined);
  device.routes = true;
}
