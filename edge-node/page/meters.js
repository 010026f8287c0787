/**
 * What it has come to so far: tokens and who vouches for them, bytes, money, energy, requests.
 */

import { byId, el, setText } from './dom.js';
import { bytes, count, energy, money, percent } from './format.js';

/** @typedef {import('./types.js').Status} Status */

/** @type {[string, (status: Status) => string][]} */
const ROWS = [
  ['Tokens', ({ totals }) => count(totals.tokens)],
  ['Verified', ({ totals }) => share(totals.verified, totals.tokens)],
  ['Said alone', ({ totals }) => share(totals.unverified, totals.tokens)],
  [
    'Drafts accepted',
    ({ totals }) =>
      totals.drafted > 0 ? `${percent(totals.accepted / totals.drafted)} of ${count(totals.drafted)}` : '–',
  ],
  ['Outages', ({ totals }) => count(totals.failovers)],
  ['Bytes', ({ totals }) => `${bytes(totals.bytes_sent)} up, ${bytes(totals.bytes_received)} down`],
  ['Money', ({ totals }) => money(totals.money)],
  ['Energy', ({ totals }) => energy(totals.energy_j)],
  [
    'Running',
    ({ requests }) =>
      `${count(requests.running)} of ${count(requests.streams_max)}, ${count(requests.queued)} wait`,
  ],
  ['Answered', ({ requests }) => answered(requests)],
];

export class Meters {
  /** @type {HTMLElement[]} */
  #values = ROWS.map(() => el('dd', {}, '–'));
  #verified = el('span', { 'data-mark': 'verified' });
  #alone = el('span', { 'data-mark': 'alone' });

  constructor() {
    const rows = ROWS.map(([name], index) => el('div', {}, el('dt', {}, name), this.#values[index]));
    byId('meters').append(
      el('div', { class: 'share-bar', 'aria-hidden': 'true' }, this.#verified, this.#alone),
      el('dl', { class: 'meters' }, ...rows),
    );
  }

  /** @param {Status} status */
  show(status) {
    ROWS.forEach(([, value], index) => setText(this.#values[index], value(status)));
    this.#verified.style.flexGrow = String(status.totals.verified);
    this.#alone.style.flexGrow = String(status.totals.unverified);
  }
}

/**
 * @param {number} part
 * @param {number} whole
 */
function share(part, whole) {
  return whole > 0 ? `${count(part)}, ${percent(part / whole)}` : count(part);
}

/** @param {Status['requests']} requests */
function answered({ served, refused, failed, cancelled }) {
  const rest = [
    ...(refused > 0 ? [`${count(refused)} refused`] : []),
    ...(failed > 0 ? [`${count(failed)} failed`] : []),
    ...(cancelled > 0 ? [`${count(cancelled)} stopped`] : []),
  ];
  return [count(served), ...rest].join(', ');
}
