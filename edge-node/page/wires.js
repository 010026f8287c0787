/**
 * The links as lines between the cards: straight to the next one, in an arc over those between.
 */

import { svg } from './dom.js';
import { milliseconds } from './format.js';

/** @typedef {import('./stations.js').Station} Station */
/** @typedef {import('./types.js').Link} Link */

const HEIGHT = 46;
const FOOT = 40;
const ARC_TOP = 12;
/** The cards' own gap, in pixels, as style sheets say it. */
const GAP = 12;

/**
 * @param {SVGSVGElement} canvas
 * @param {Station[]} stations in the order of the cards
 * @param {string | null} way the peer by which the plan leaves the device
 * @param {boolean} busy whether a request runs
 */
export function drawWires(canvas, stations, way, busy) {
  canvas.toggleAttribute('hidden', stations.length < 2);
  const width = canvas.clientWidth;
  if (width === 0) return;
  canvas.setAttribute('viewBox', `0 0 ${width} ${HEIGHT}`);
  const column = (width - GAP * (stations.length - 1)) / stations.length;
  const x = (/** @type {number} */ index) => column / 2 + index * (column + GAP);
  const lines = stations.flatMap((station, index) =>
    station.link
      ? wire(station.link, { from: x(0), to: x(index), arc: index > 1, used: station.name === way, busy })
      : [],
  );
  const dots = stations.map((station, index) =>
    svg('circle', { class: 'dot', cx: x(index), cy: FOOT, r: 4, 'data-in-plan': station.inPlan }),
  );
  canvas.replaceChildren(...beyond(stations, x), ...lines, ...dots);
}

/**
 * @param {Link} link
 * @param {{from: number, to: number, arc: boolean, used: boolean, busy: boolean}} how from where to where, in pixels; whether
 *   in an arc, because another card lies between; whether the plan goes this way, and a request runs
 */
function wire(link, { from, to, arc, used, busy }) {
  const top = arc ? ARC_TOP : FOOT;
  const [a, b] = [from + (to - from) * 0.12, to - (to - from) * 0.12];
  const path = arc
    ? `M${from} ${FOOT} C${from} ${top} ${a} ${top} ${a + 30} ${top} L${b - 30} ${top} C${b} ${top} ${to} ${top} ${to} ${FOOT}`
    : `M${from} ${FOOT} L${to} ${FOOT}`;
  const state = link.cut ? 'cut' : link.state;
  const line = svg('path', {
    class: 'wire',
    d: path,
    'data-state': state,
    'data-used': used,
    'data-busy': busy && used && state === 'up',
  });
  const middle = (from + to) / 2 + (arc ? (to - from) / 4 : 0);
  const text = state === 'up' ? milliseconds(link.rtt_ms) : state === 'cut' ? '✕ cut' : state;
  const plate = svg('rect', { class: 'plate', x: middle - 33, y: top - 9, width: 66, height: 18, rx: 9 });
  return [line, plate, svg('text', { class: 'wire-text', x: middle, y: top + 4, 'data-state': state }, text)];
}

/**
 * Links between other nodes, of which this device knows only that the plan crosses them.
 * @param {Station[]} stations
 * @param {(index: number) => number} x
 */
function beyond(stations, x) {
  const chain = stations
    .map((station, index) => ({ station, index }))
    .filter(({ station }) => station.ranges.length > 0 && !station.isSelf);
  return chain.slice(1).map(({ index }, before) => {
    const from = chain[before].index;
    return svg('path', { class: 'wire beyond', d: `M${x(from)} ${FOOT} L${x(index)} ${FOOT}` });
  });
}
