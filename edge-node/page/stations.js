/**
 * Who takes part, out of a status: this device, its peers, and the nodes that a plan names. Pure.
 */

import { modeOf } from './status.js';

/** @typedef {import('./types.js').Status} Status */
/** @typedef {import('./types.js').Link} Link */
/** @typedef {{from: number, to: number}} Range layers, half-open */
/**
 * @typedef {{name: string, role: string, isSelf: boolean, inPlan: boolean, ranges: Range[], embedding: boolean,
 *   head: boolean, codecs: string[], link: Link | null}} Station
 */
/** @typedef {'local' | 'joined' | 'alone' | 'apart'} Reach nothing elsewhere is wanted; it is there; it is not; not known yet */

const ROLES = ['device', 'gateway', 'cloud'];
/** @type {Record<Link['state'], Reach>} */
const REACH = { up: 'joined', dialling: 'apart', trying: 'alone', down: 'alone' };

/**
 * @param {Status} status
 * @returns {Station[]} from the device outwards
 */
export function stationsOf(status) {
  /** @type {Map<string, Station>} */
  const found = new Map();
  /**
   * @param {string} name
   * @param {string} role
   */
  const station = (name, role) => {
    const known = found.get(name) ?? empty(name, role, name === status.node);
    found.set(name, known);
    return known;
  };
  station(status.node, 'device');
  for (const link of status.links) station(link.peer, link.role).link = link;
  for (const stage of status.plan?.stages ?? []) {
    const here = station(stage.node, stage.role);
    here.inPlan = true;
    here.ranges.push({ from: stage.layers[0], to: stage.layers[1] });
    here.embedding ||= stage.embedding;
    here.head ||= stage.head;
    // Hidden states come to a stage that has no embedding.
    if (stage.codec && !stage.embedding) here.codecs.push(stage.codec);
  }
  return [...found.values()].sort((a, b) => ROLES.indexOf(a.role) - ROLES.indexOf(b.role));
}

/**
 * @param {string} name
 * @param {string} role
 * @param {boolean} isSelf
 * @returns {Station}
 */
function empty(name, role, isSelf) {
  return {
    name,
    role,
    isSelf,
    inPlan: isSelf,
    ranges: [],
    embedding: false,
    head: false,
    codecs: [],
    link: null,
  };
}

/**
 * The link by which the plan leaves the device, if it does.
 * @param {Status} status
 * @returns {Link | null}
 */
export function wayOut(status) {
  const first = status.plan?.stages.find((stage) => stage.node !== status.node);
  return status.links.find((link) => link.peer === first?.node) ?? null;
}

/**
 * @param {Status} status
 * @returns {Reach}
 */
export function reachOf(status) {
  if (modeOf(status) === 'local') return 'local';
  const link = wayOut(status);
  if (!link) return status.plan?.stages.every((stage) => stage.node === status.node) ? 'local' : 'apart';
  return link.cut ? 'alone' : REACH[link.state];
}

/**
 * What is going on, in a sentence.
 * @param {Status} status
 */
export function sentenceOf(status) {
  if (status.mode === '') return '';
  const reach = reachOf(status);
  const peer = wayOut(status)?.peer ?? 'the target';
  const last = status.plan?.stages.findLast((stage) => stage.node !== status.node)?.node ?? peer;
  if (reach === 'alone') {
    return status.models.draft
      ? `${peer} is out of reach: the device goes on alone`
      : `${peer} is out of reach: the device waits for it`;
  }
  if (reach === 'apart') return `${peer} is not there yet`;
  switch (modeOf(status)) {
    case 'local':
      return 'the device answers by itself';
    case 'remote':
      return `${last} answers, the draft follows`;
    case 'speculative':
      return `the device drafts, ${last} confirms`;
    case 'split':
      return `the target's layers run on ${new Set(status.plan?.stages.map((stage) => stage.node)).size} nodes`;
    default:
      return '';
  }
}
