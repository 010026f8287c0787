/**
 * What a reply cost: one line, and on demand where it went.
 */

import { bytes, count, counted, energy, milliseconds, money, percent } from './format.js';
import { el } from './dom.js';

/** @typedef {import('./types.js').Usage} Usage */
/** @typedef {import('./types.js').Cost} Cost */
/** @typedef {import('./types.js').TimeMs} TimeMs */
/** @typedef {import('./reply.js').Reply} Reply */

/** @type {[keyof TimeMs, string, string][]} */
const TIMES = [
  ['compute', 'compute', "the device's own passes"],
  ['queue', 'queue', 'waiting for a turn'],
  ['network', 'network', 'round trips that it waited for'],
  ['waiting', 'waiting', 'other nodes compute, or nothing could be done'],
];

/**
 * @param {Reply} reply
 * @returns {HTMLElement}
 */
export function usageOf(reply) {
  const usage = reply.usage;
  const cost = usage?.causeway;
  if (!usage || !cost) return el('p', { class: 'usage quiet' }, tally(reply));
  const line = el(
    'summary',
    {},
    [
      counted(usage.completion_tokens, 'token'),
      milliseconds(total(cost.time_ms)),
      bytes(cost.bytes_sent + cost.bytes_received),
      `${count(cost.verified)} verified`,
      ...(cost.unverified > 0 ? [`${count(cost.unverified)} said alone`] : []),
      ...(cost.failovers > 0 ? [counted(cost.failovers, 'outage')] : []),
    ].join(' · '),
  );
  return el('details', { class: 'usage' }, line, timeBar(cost.time_ms), table(usage, cost, reply));
}

/** @param {Reply} reply */
function tally(reply) {
  const parts = [
    `${count(reply.count('verified') + reply.count('confirmed'))} verified`,
    `${count(reply.count('alone'))} said alone`,
  ];
  return `${counted(reply.marks.length, 'token')} · ${parts.join(' · ')}`;
}

/** @param {TimeMs} times */
function total(times) {
  return TIMES.reduce((sum, [key]) => sum + times[key], 0);
}

/** @param {TimeMs} times */
function timeBar(times) {
  const whole = total(times);
  const bar = el('div', { class: 'time-bar', 'aria-hidden': 'true' });
  const legend = el('ul', { class: 'time-legend', 'aria-label': 'Where the time went' });
  for (const [key, name, says] of TIMES) {
    const piece = el('span', { 'data-time': key });
    piece.style.flexGrow = String(whole > 0 ? times[key] / whole : 0);
    bar.append(piece);
    const share = whole > 0 ? `, ${percent(times[key] / whole)}` : '';
    legend.append(
      el(
        'li',
        { title: says },
        el('i', { 'data-time': key }),
        `${name} `,
        el('b', {}, milliseconds(times[key])),
        share,
      ),
    );
  }
  return el('div', { class: 'times' }, bar, legend);
}

/**
 * @param {Usage} usage
 * @param {Cost} cost
 * @param {Reply} reply
 */
function table(usage, cost, reply) {
  /** @type {[string, string][]} */
  const rows = [
    ['First token', milliseconds(cost.ttft_ms)],
    ['Tokens', `${count(usage.prompt_tokens)} read, ${count(usage.completion_tokens)} said`],
    [
      'Drafts',
      cost.drafted > 0
        ? `${count(cost.accepted)} of ${count(cost.drafted)} accepted, ${percent(cost.accepted / cost.drafted)}`
        : 'none',
    ],
    ['Passes of the target', count(cost.passes)],
    ['Outages', count(cost.failovers)],
    [
      'Judged',
      cost.judged > 0
        ? `${count(cost.agreed)} of ${count(cost.judged)} agreed, ${count(cost.revised)} taken back`
        : 'nothing',
    ],
    ['Bytes', `${bytes(cost.bytes_sent)} sent, ${bytes(cost.bytes_received)} received`],
    ['Money', money(cost.money)],
    ['Energy', energy(cost.energy_j)],
    ['Plan', words(reply.outcome.plan)],
    ['Route', words(reply.outcome.route)],
    ['Ended by', words(reply.finish)],
  ];
  for (const [name, value] of [
    ['Intent', reply.outcome.intent],
    ['Outcome', reply.outcome.outcome],
    ['Deferred', reply.outcome.deferred],
  ]) {
    if (value !== null && value !== undefined) rows.push([String(name), words(value)]);
  }
  return el(
    'dl',
    { class: 'costs' },
    ...rows.flatMap(([name, value]) => [el('dt', {}, name), el('dd', {}, value)]),
  );
}

/** @param {unknown} value */
function words(value) {
  if (value === null || value === undefined) return '–';
  return typeof value === 'string' ? value : JSON.stringify(value);
}
