/**
 * The page's pure modules, run in the browser that has them to run.
 */

import assert from 'node:assert/strict';

/** @typedef {import('../run.mjs').Tools} Tools */

/** @param {Tools} tools */
export async function events_are_read_however_the_bytes_are_cut({ open }) {
  const { page } = await open({ mayFail: true });
  const seen = await page.evaluate(async () => {
    const { EventParser } = await import(/** @type {string} */ ('/page/sse.js'));
    const text =
      ': hello\r\nevent: status\r\ndata: {"a":1}\r\n\r\ndata:two\ndata: lines\nid: 3\n\n\rdata: é–渡\r\revent: none\n\n';
    return Array.from({ length: text.length }, (_, size) => {
      const parser = new EventParser();
      const events = [];
      for (let at = 0; at < text.length; at += size + 1)
        events.push(...parser.push(text.slice(at, at + size + 1)));
      return JSON.stringify(events);
    });
  });
  const expected = [
    { event: 'status', data: '{"a":1}' },
    { event: 'message', data: 'two\nlines' },
    { event: 'message', data: 'é–渡' },
  ];
  for (const events of seen) assert.deepEqual(JSON.parse(events), expected);
}

/** @param {Tools} tools */
export async function an_event_without_an_end_is_not_held_for_ever({ open }) {
  const { page } = await open({ mayFail: true });
  const message = await page.evaluate(async () => {
    const { EventParser, EVENT_CHARACTERS_MAX } = await import(/** @type {string} */ ('/page/sse.js'));
    const parser = new EventParser();
    parser.push('x'.repeat(EVENT_CHARACTERS_MAX));
    try {
      parser.push('x');
    } catch (error) {
      return String(error);
    }
    return 'it is held';
  });
  assert.match(message, /without an end/);
}

/** @param {Tools} tools */
export async function a_reply_knows_who_vouches_for_each_part_of_it({ open }) {
  const { page } = await open({ mayFail: true });
  const story = await page.evaluate(async () => {
    const { Reply } = await import(/** @type {string} */ ('/page/reply.js'));
    const reply = new Reply();
    const say = (/** @type {string} */ content, /** @type {boolean[]} */ verified) =>
      reply.take({ choices: [{ index: 0, delta: { content } }], causeway: { verified } });
    const happen = (/** @type {object} */ event) =>
      reply.take({ choices: [{ index: 0, delta: {} }], causeway: { event } });
    const look = () =>
      reply.parts
        .map((/** @type {any} */ part) =>
          part.kind === 'notice' ? `<${part.event.kind}>` : `${part.mark ?? 'removed'}:${part.text}`,
        )
        .join('|');
    const story = [];
    say('One', [true]);
    say('', [true]);
    say('é', [true]);
    happen({ kind: 'alone', peer: 'cloud', why: 'silence' });
    say(' two three', [false, false]);
    say(' four', [false]);
    say(' mixed', [true, false]);
    story.push(look());
    happen({ kind: 'vouched', token: 3 });
    story.push(look());
    happen({ kind: 'vouched', token: 4 });
    happen({ kind: 'vouched', token: 0 });
    happen({ kind: 'vouched', token: 999 });
    story.push(look());
    const revised = happen({ kind: 'revised', tokens: 5, text: 'Oneé two' });
    story.push(look(), reply.text, String(revised.removed), String(reply.marks.length));
    say(' more', [true]);
    story.push(reply.text);
    happen({ kind: 'revised', tokens: 1, text: 'Other' });
    story.push(look(), reply.text);
    return story;
  });
  assert.deepEqual(story, [
    'verified:One|verified:é|<alone>|alone: two three|alone: four|alone: mixed',
    'verified:One|verified:é|<alone>|alone: two three|alone: four|alone: mixed',
    'verified:One|verified:é|<alone>|confirmed: two three|alone: four|alone: mixed',
    'verified:One|verified:é|<alone>|confirmed: two|removed: three|removed: four|removed: mixed|<revised>',
    'Oneé two',
    '3',
    '5',
    'Oneé two more',
    'removed:Oneé two more|verified:Other|<revised>',
    'Other',
  ]);
}

/** @param {Tools} tools */
export async function the_last_two_minutes_are_stretches_without_what_nobody_saw({ open }) {
  const { page } = await open({ mayFail: true });
  const stretches = await page.evaluate(async () => {
    const { extended } = await import(/** @type {string} */ ('/page/timeline.js'));
    const sights = /** @type {[string, number][]} */ ([
      ['joined', 0],
      ['joined', 500],
      ['alone', 1000],
      ['alone', 1500],
      ['alone', 9000],
      ['joined', 125_000],
    ]);
    return sights.map((_, index) =>
      sights.slice(0, index + 1).reduce((seen, [span, at]) => extended(seen, span, at), []),
    );
  });
  assert.deepEqual(stretches[3], [
    { span: 'joined', fromMs: 0, toMs: 1000 },
    { span: 'alone', fromMs: 1000, toMs: 1500 },
  ]);
  assert.deepEqual(stretches[4].at(-1), { span: 'alone', fromMs: 9000, toMs: 9000 });
  assert.deepEqual(
    stretches[5].map((/** @type {any} */ one) => one.fromMs),
    [9000, 125_000],
  );
}

/** @param {Tools} tools */
export async function figures_read_well({ open }) {
  const { page } = await open({ mayFail: true });
  const words = await page.evaluate(async () => {
    const format = await import(/** @type {string} */ ('/page/format.js'));
    return [
      ...[0, 999, 1000, 1_234_567, 999_999, null].map(format.bytes),
      ...[0.25, 48.26, 999.9, 61_000].map(format.milliseconds),
      ...[0, 59, 61, 7_260].map(format.duration),
      ...[0, 1.6e-7, 3].map(format.money),
      format.percent(0.0042),
      format.percent(1),
      format.rate(undefined),
      format.energy(12.345),
      format.counted(1, 'token'),
      format.counted(2000, 'token'),
    ];
  });
  assert.deepEqual(words, [
    '0 B',
    '999 B',
    '1 kB',
    '1.23 MB',
    '1 MB',
    '–',
    '0.25 ms',
    '48.3 ms',
    '1 s',
    '61 s',
    '0 s',
    '59 s',
    '1 min 1 s',
    '2 h 1 min',
    '0.00',
    '1.6e-7',
    '3.00',
    '0.42 %',
    '100 %',
    '–',
    '12.3 J',
    '1 token',
    '2,000 tokens',
  ]);
}

/** @param {Tools} tools */
export async function stations_are_those_of_plan_and_links_from_the_device_outwards({ open }) {
  const { page } = await open({ mayFail: true });
  const seen = await page.evaluate(async () => {
    const { reachOf, sentenceOf, stationsOf } = await import(/** @type {string} */ ('/page/stations.js'));
    const stage = (
      /** @type {string} */ node,
      /** @type {string} */ role,
      /** @type {number[]} */ layers,
      extra = {},
    ) => ({ node, role, layers, embedding: false, head: false, codec: null, ...extra });
    const link = { peer: 'far', role: 'cloud', state: 'up', cut: false };
    const status = {
      node: 'car',
      mode: 'split',
      models: { target: null, draft: {} },
      links: [link],
      plan: {
        text: '',
        stages: [
          stage('car', 'device', [0, 2], { embedding: true }),
          stage('far', 'cloud', [4, 6], { codec: 'f16' }),
          stage('near', 'gateway', [2, 4]),
          stage('car', 'device', [6, 6], { head: true }),
        ],
      },
    };
    const brief = stationsOf(status).map(
      (/** @type {any} */ one) =>
        `${one.name} ${one.ranges.map((/** @type {any} */ range) => `${range.from}-${range.to}`)} ${one.embedding} ${one.head} ${one.codecs} ${one.link?.peer}`,
    );
    const reaches = [{}, { state: 'trying' }, { state: 'down' }, { state: 'dialling' }, { cut: true }].map(
      (change) => {
        const changed = { ...status, links: [{ ...link, ...change }] };
        return `${reachOf(changed)}: ${sentenceOf(changed)}`;
      },
    );
    const mute = { ...status, models: { target: {}, draft: null }, links: [{ ...link, state: 'down' }] };
    const local = { ...status, mode: 'local', plan: null };
    return [
      ...brief,
      ...reaches,
      sentenceOf(mute),
      `${reachOf(local)}: ${sentenceOf(local)}`,
      reachOf({ ...status, plan: null }),
    ];
  });
  assert.deepEqual(seen, [
    'car 0-2,6-6 true true  undefined',
    'near 2-4 false false  undefined',
    'far 4-6 false false f16 far',
    "joined: the target's layers run on 3 nodes",
    'alone: far is out of reach: the device goes on alone',
    'alone: far is out of reach: the device goes on alone',
    'apart: far is not there yet',
    'alone: far is out of reach: the device goes on alone',
    'far is out of reach: the device waits for it',
    'local: the device answers by itself',
    'apart',
  ]);
}
