/**
 * Time: a band of the last two minutes as this page saw them, and the list of what happened.
 */

import { byId, el, svg } from './dom.js';
import { duration } from './format.js';
import { reachOf } from './stations.js';

/** @typedef {import('./types.js').Status} Status */
/** @typedef {import('./types.js').Entry} Entry */
/** @typedef {'local' | 'joined' | 'alone' | 'apart' | 'gone'} Span how the device was; `gone`: not seen */
/** @typedef {{span: Span, fromMs: number, toMs: number}} Stretch */

const BAND_MS = 120_000;
/** Two sights of the device further apart than this leave a gap. */
const GAP_MS = 1_500;
const ENTRIES_MAX = 60;

const SAYS = {
  local: 'by itself',
  joined: 'with the target',
  alone: 'alone',
  apart: 'not joined yet',
  gone: 'not seen',
};

export class Timeline {
  #band = byId('band', SVGSVGElement);
  #list = byId('events');
  /** @type {Stretch[]} */
  #seen = [];
  /** @type {Entry[]} */
  #entries = [];
  #drawn = '';

  /** @param {Status} status */
  show(status) {
    this.#seen = extended(this.#seen, reachOf(status), Date.now());
    this.#drawBand();
    this.#setEntries(status.timeline);
  }

  /** The device is out of sight: the band moves on without it. */
  idle() {
    this.#drawBand();
  }

  /** @param {Entry} entry what the next status will hold too */
  add(entry) {
    this.#setEntries([...this.#entries, entry]);
  }

  /** @param {Entry[]} entries */
  #setEntries(entries) {
    this.#entries = entries;
    const latest = entries.slice(-ENTRIES_MAX).reverse();
    const shape = JSON.stringify(latest);
    if (shape === this.#drawn) return;
    this.#drawn = shape;
    this.#list.replaceChildren(...latest.map(row));
    if (latest.length === 0) this.#list.append(el('li', { class: 'quiet' }, 'Nothing has happened yet.'));
  }

  #drawBand() {
    const now = Date.now();
    const x = (/** @type {number} */ ms) => Math.max(0, 100 * (1 - (now - ms) / BAND_MS));
    const bars = this.#seen.map(({ span, fromMs, toMs }) =>
      svg('rect', {
        'data-span': span,
        x: x(fromMs),
        y: 0,
        width: Math.max(0.3, x(toMs) - x(fromMs)),
        height: 10,
      }),
    );
    this.#band.setAttribute('viewBox', '0 0 100 10');
    this.#band.setAttribute('preserveAspectRatio', 'none');
    this.#band.replaceChildren(...bars);
    this.#band.setAttribute('aria-label', `The last two minutes: ${totals(this.#seen)}`);
  }
}

/**
 * Adds one sight of the device, and drops what is too old. Pure.
 * @param {Stretch[]} seen
 * @param {Span} span
 * @param {number} nowMs
 * @returns {Stretch[]}
 */
export function extended(seen, span, nowMs) {
  const kept = seen.filter((stretch) => stretch.toMs > nowMs - BAND_MS);
  const last = kept.at(-1);
  if (!last || nowMs - last.toMs > GAP_MS) return [...kept, { span, fromMs: nowMs, toMs: nowMs }];
  if (last.span === span) return [...kept.slice(0, -1), { ...last, toMs: nowMs }];
  return [...kept.slice(0, -1), { ...last, toMs: nowMs }, { span, fromMs: nowMs, toMs: nowMs }];
}

/** @param {Stretch[]} seen */
function totals(seen) {
  /** @type {Map<Span, number>} */
  const sums = new Map();
  for (const { span, fromMs, toMs } of seen) sums.set(span, (sums.get(span) ?? 0) + toMs - fromMs);
  return [...sums].map(([span, ms]) => `${SAYS[span]} ${duration(ms / 1000)}`).join(', ');
}

/** @param {Entry} entry */
function row({ at_ms, kind, text }) {
  const date = new Date(at_ms);
  const time = el('time', { datetime: date.toISOString() }, date.toLocaleTimeString('en-GB'));
  return el('li', { 'data-kind': kind }, time, el('b', {}, kind.replaceAll('-', ' ')), el('span', {}, text));
}
