/**
 * A device that only pretends: modes, links, models and totals, without a model or a link. What it
 * says is shaped as docs/API.md says, and means nothing.
 */

/** @typedef {import('../../../edge-node/page/types.js').Status} Status */
/** @typedef {import('../../../edge-node/page/types.js').PlanStage} PlanStage */
/** @typedef {import('../../../edge-node/page/types.js').Entry} Entry */

const LAYERS = 6;
const RECONNECT_MS = 400;

/** @type {Record<string, {text: string, stages: PlanStage[]}>} */
const PLANS = {
  local: { text: 'local', stages: [] },
  remote: { text: 'remote: cloud 0..6', stages: [stage('cloud', 'cloud', 0, 6, true, true, 'f32')] },
  speculative: {
    text: 'speculative: cloud 0..6, drafts as they pay, work-conserving',
    stages: [stage('cloud', 'cloud', 0, 6, true, true, 'f32')],
  },
  split: {
    text: 'split: device 0..2 > gateway 2..4 (int8) > cloud 4..6 (f16), drafts of 4, streaming',
    stages: [
      stage('device', 'device', 0, 2, true, false, 'f32'),
      stage('gateway', 'gateway', 2, 4, false, false, 'int8'),
      stage('cloud', 'cloud', 4, 6, false, true, 'f16'),
    ],
  },
};

/**
 * @param {string} node
 * @param {string} role
 * @param {number} from
 * @param {number} to
 * @param {boolean} embedding
 * @param {boolean} head
 * @param {string} codec
 * @returns {PlanStage}
 */
function stage(node, role, from, to, embedding, head, codec) {
  return { node, role, layers: [from, to], embedding, head, codec };
}

export class MockDevice {
  mode = 'speculative';
  cut = false;
  /** When the links came back to life. */
  mendedAtMs = 0;
  linkSwitch = true;
  /** @type {Status['loading']} */
  loading = null;
  /** @type {string | null} Why it cannot start. */
  failed = null;
  /** Whether it plans for itself. */
  auto = false;
  /** Whether requests are routed. */
  routes = true;
  /** @type {{status: number, error: object, retryAfterS?: number} | null} What the next request is answered with. */
  fault = null;
  /** @type {object | null} What ends the next reply in its middle: an error of the stream; `{}` ends it without a word. */
  midFault = null;
  /** Whether a reply waits for the target, and has no text yet. */
  defers = false;
  /** Whether no status is sent, though the connection stands. */
  silent = false;
  /** Milliseconds from one token to the next. */
  paceMs = 30;
  tokensMax = 90;
  requests = {
    running: 0,
    queued: 0,
    streams_max: 4,
    queue_max: 16,
    served: 0,
    refused: 0,
    failed: 0,
    cancelled: 0,
  };
  totals = {
    tokens: 0,
    verified: 0,
    unverified: 0,
    drafted: 0,
    accepted: 0,
    failovers: 0,
    bytes_sent: 48_211,
    bytes_received: 39_874,
    money: 0,
    energy_j: /** @type {number | null} */ (null),
  };
  /** @type {Entry[]} */
  timeline = [];
  /** @type {((entry: Entry) => void)[]} */
  listeners = [];
  #startedMs = Date.now();

  get isReachable() {
    return !this.cut && Date.now() - this.mendedAtMs > RECONNECT_MS;
  }

  /** @param {boolean} cut */
  setCut(cut) {
    if (cut === this.cut) return;
    this.cut = cut;
    this.mendedAtMs = cut ? 0 : Date.now();
    this.note(
      cut ? 'link-cut' : 'link-mended',
      cut ? 'the emulated links are cut' : 'the emulated links are whole again',
    );
  }

  /** @param {string} mode */
  setMode(mode) {
    this.mode = mode;
    this.note('mode', PLANS[mode].text);
  }

  /**
   * @param {string} kind
   * @param {string} text
   */
  note(kind, text) {
    const entry = { at_ms: Date.now(), kind, text };
    this.timeline.push(entry);
    for (const listener of this.listeners) listener(entry);
  }

  /** @returns {Partial<Status>} of a device that starts only what it knows */
  status() {
    const said = {
      version: '0.0.0',
      uptime_s: (Date.now() - this.#startedMs) / 1000,
      ready: this.loading === null && this.failed === null,
      link_switch: this.linkSwitch,
      loading: this.loading,
      failed: this.failed,
      requests: this.requests,
      totals: this.totals,
      timeline: this.timeline,
    };
    return said.ready ? { ...said, ...this.#ofDevice() } : said;
  }

  /** @returns {Partial<Status>} */
  #ofDevice() {
    return {
      node: 'device',
      routes: this.routes,
      models: {
        target: { id: 'causeway-demo-target-q8_0.gguf', layers: LAYERS, bytes: 11_503_616 },
        draft: { id: 'causeway-demo-draft-q8_0.gguf', layers: 2, bytes: 2_204_160 },
      },
      mode: this.auto ? 'auto' : this.mode,
      plan: PLANS[this.mode],
      layers: LAYERS,
      links: [this.#link('gateway', 'gateway', 7442, 7.4), this.#link('cloud', 'cloud', 7443, 52)],
    };
  }

  /**
   * @param {string} peer
   * @param {string} role
   * @param {number} port
   * @param {number} rttMs
   * @returns {Status['links'][number]}
   */
  #link(peer, role, port, rttMs) {
    const up = this.isReachable;
    const wave = Math.sin(Date.now() / 3000);
    return {
      peer,
      role,
      address: `127.0.0.1:${port}`,
      state: up ? 'up' : this.cut ? 'down' : 'trying',
      why: up ? null : 'nothing came for 500 ms',
      rtt_ms: up ? rttMs * (1 + 0.1 * wave) : null,
      loss: up ? 0.004 + 0.002 * wave : null,
      up_mbps: peer === 'cloud' ? 8.4 + wave : null,
      down_mbps: peer === 'cloud' ? 31 + 4 * wave : null,
      bytes_sent: peer === 'cloud' ? this.totals.bytes_sent : 1_204,
      bytes_received: peer === 'cloud' ? this.totals.bytes_received : 988,
      emulated: peer === 'cloud' ? 'lte-driving' : null,
      cut: this.cut,
    };
  }
}
