/**
 * The tiers: a card for each node, with the layers that it runs, its models, and the link to it.
 */

import { byId, el, setText } from './dom.js';
import { bytes, counted, duration, milliseconds, percent, rate } from './format.js';
import { stationsOf, wayOut } from './stations.js';
import { drawWires } from './wires.js';

/** @typedef {import('./types.js').Status} Status */
/** @typedef {import('./types.js').Link} Link */
/** @typedef {import('./types.js').Model} Model */
/** @typedef {import('./stations.js').Station} Station */

/** More layers than this are drawn without lines between them. */
const LINES_LAYERS_MAX = 48;

const STATES = {
  up: 'connected',
  dialling: 'dialling',
  trying: 'reconnecting',
  down: 'down',
};

export class Tiers {
  #list = byId('stations');
  #plan = byId('plan');
  #node = byId('node');
  #wires = byId('wires', SVGSVGElement);
  /** @type {Status | null} */
  #status = null;
  #drawn = '';

  constructor() {
    new ResizeObserver(() => this.#drawWires()).observe(this.#wires);
  }

  /** @param {Status} status */
  show(status) {
    setText(this.#plan, status.plan ? `Plan: ${status.plan.text}` : 'No plan yet.');
    setText(this.#node, `version ${status.version}, up for ${duration(status.uptime_s)}`);
    // A device that starts says nothing of itself: what stands here stays.
    if (status.mode === '') return;
    this.#status = status;
    const stations = stationsOf(status);
    // What seldom changes is drawn again only then, so that it can be read and selected.
    const shape = JSON.stringify([
      status.models,
      status.layers,
      stations.map((station) => ({ ...station, link: station.link?.peer })),
    ]);
    if (shape !== this.#drawn) {
      this.#drawn = shape;
      this.#list.replaceChildren(...stations.map((station) => card(station, status)));
    }
    stations.forEach((station, index) => showLink(this.#list.children[index], station));
    this.#drawWires();
  }

  #drawWires() {
    const status = this.#status;
    if (status)
      drawWires(this.#wires, stationsOf(status), wayOut(status)?.peer ?? null, status.requests.running > 0);
  }
}

/**
 * @param {Station} station
 * @param {Status} status
 */
function card(station, status) {
  const head = el(
    'div',
    { class: 'station-head' },
    el('h3', {}, el('small', {}, station.role), station.name),
    el('span', { class: 'state' }),
  );
  const made = el(
    'li',
    { class: 'station', 'data-role': station.role, 'data-in-plan': station.inPlan },
    head,
  );
  if (status.layers > 0) made.append(layers(station, status.layers));
  made.append(el('p', { class: 'runs' }, runs(station)));
  if (station.isSelf) made.append(...models(status));
  made.append(el('dl', { class: 'figures-line' }), el('p', { class: 'where quiet' }));
  return made;
}

/** @param {Status} status */
function models(status) {
  const { target, draft } = status.models;
  const rows = [model('target', target), model('draft', draft)].filter((row) => row !== null);
  return rows.length > 0
    ? [el('ul', { class: 'models', 'aria-label': 'Models on the device' }, ...rows)]
    : [el('p', { class: 'quiet' }, 'no model here')];
}

/**
 * @param {string} part
 * @param {Model | null} model
 */
function model(part, model) {
  return model
    ? el(
        'li',
        {},
        el('small', {}, part),
        el('span', { class: 'id' }, model.id),
        el(
          'span',
          {},
          [counted(model.layers, 'layer'), ...(model.bytes === null ? [] : [bytes(model.bytes)])].join(', '),
        ),
      )
    : null;
}

/**
 * The target's layers, those that run here filled; before them the embedding, after them the head.
 * @param {Station} station
 * @param {number} all
 */
function layers(station, all) {
  const strip = el('div', { class: 'layers', 'aria-hidden': 'true' });
  const row = el('div', { class: 'row' });
  let at = 0;
  for (const { from, to } of [...station.ranges].sort((a, b) => a.from - b.from)) {
    row.append(...piece(from - at, false, all), ...piece(to - from, true, all));
    at = Math.max(at, to);
  }
  row.append(...piece(all - at, false, all));
  strip.append(
    el('span', { class: 'end', 'data-on': station.embedding }, 'E'),
    row,
    el('span', { class: 'end', 'data-on': station.head }, 'H'),
  );
  return strip;
}

/**
 * @param {number} length
 * @param {boolean} on
 * @param {number} all
 */
function piece(length, on, all) {
  if (length <= 0) return [];
  const made = el('span', { class: 'piece', 'data-on': on, 'data-lines': all <= LINES_LAYERS_MAX });
  made.style.flexGrow = String(length);
  made.style.setProperty('--layers', String(length));
  return [made];
}

/** @param {Station} station */
function runs(station) {
  const spans = station.ranges
    .filter(({ from, to }) => to > from)
    .map(({ from, to }) => (to - from === 1 ? `layer ${from}` : `layers ${from} to ${to - 1}`));
  const parts = [...(station.embedding ? ['embedding'] : []), ...spans, ...(station.head ? ['head'] : [])];
  if (parts.length === 0) return station.isSelf ? 'no layers of the target' : 'not in the plan';
  return (
    parts.join(', ') +
    (station.codecs.length > 0 ? `; hidden states come as ${station.codecs.join(', ')}` : '')
  );
}

/**
 * @param {Element} card
 * @param {Station} station
 */
function showLink(card, { link, isSelf, inPlan }) {
  const [state, figures, where] = ['.state', '.figures-line', '.where'].map(
    (name) => /** @type {HTMLElement} */ (card.querySelector(name)),
  );
  const cut = link?.cut ?? false;
  state.dataset.state = isSelf ? 'self' : cut ? 'cut' : (link?.state ?? 'beyond');
  setText(
    state,
    isSelf ? 'this device' : cut ? 'cut' : link ? STATES[link.state] : inPlan ? 'beyond the next' : '',
  );
  setText(where, link ? whereOf(link).join(' · ') : '');
  const rows = link ? figuresOf(link) : [];
  if (figures.children.length !== rows.length) {
    figures.replaceChildren(...rows.map(([name]) => el('div', {}, el('dt', {}, name), el('dd', {}))));
  }
  rows.forEach(([, value], index) =>
    setText(/** @type {Element} */ (figures.children[index].lastElementChild), value),
  );
}

/**
 * @param {Link} link
 * @returns {[string, string][]}
 */
function figuresOf(link) {
  return [
    ['round trip', milliseconds(link.rtt_ms)],
    ['loss', percent(link.loss)],
    ['rate up', rate(link.up_mbps)],
    ['rate down', rate(link.down_mbps)],
    ['sent', bytes(link.bytes_sent)],
    ['received', bytes(link.bytes_received)],
  ];
}

/** @param {Link} link */
function whereOf({ address, emulated, state, cut, why }) {
  return [
    address,
    ...(emulated ? [`emulated ${emulated}`] : []),
    ...(why && (cut || state !== 'up') ? [why] : []),
  ];
}
