/**
 * A pretended reply: tokens at a pace, alone while the link is cut, judged when it is back.
 */

/** @typedef {import('./device.mjs').MockDevice} MockDevice */
/** @typedef {import('../../../edge-node/page/types.js').Chunk} Chunk */
/** @typedef {import('../../../edge-node/page/types.js').ReplyEvent} ReplyEvent */

const SILENCE_MS = 300;
const STORY =
  'Certainly. The line leaves the station at nine and follows the shore for an hour; you can see the islands from the ' +
  'left side, and the old light on the last of them. After the causeway the train waits for the tide — seldom longer than ' +
  'ten minutes — and then crosses the water at walking pace. Wading birds rest on both sides of the track. On the other shore there is a ' +
  'café, open until four, where they keep a table for two by the window. From there it is a short walk up the hill, past the ' +
  'school and the two pines, to the house that you asked about.';

/** What a token spells; some spell nothing yet, because a character takes two. */
const PIECES = (STORY.match(/\s*[\p{L}\p{N}']+|\s*[^\s\p{L}\p{N}]/gu) ?? []).flatMap((piece) =>
  /[^\x00-\x7f]/.test(piece) ? ['', piece] : [piece],
);

/**
 * Says a reply, chunk by chunk, until it is whole or its reader is gone.
 * @param {MockDevice} device
 * @param {{max: number, revise: boolean, gone: () => boolean}} asked
 * @returns {AsyncGenerator<Chunk>}
 */
export async function* reply(device, asked) {
  const state = {
    said: /** @type {string[]} */ ([]),
    alone: false,
    unjudged: 0,
    startedMs: Date.now(),
    judged: 0,
    agreed: 0,
    revised: 0,
    failovers: 0,
    unverified: 0,
  };
  const length = device.defers ? 0 : Math.min(asked.max, PIECES.length);
  while (state.said.length < length && !asked.gone()) {
    await sleep(device.paceMs);
    if (device.mode !== 'local') yield* weather(device, state, asked.revise);
    const verified = device.mode !== 'local' && !state.alone;
    // Now and then two tokens come together.
    const pieces = PIECES.slice(
      state.said.length,
      Math.min(length, state.said.length + (state.said.length % 7 === 0 ? 2 : 1)),
    );
    state.said.push(...pieces);
    if (!verified) state.unjudged += pieces.length;
    count(device, pieces.length, verified);
    yield chunk({ content: pieces.join('') }, { verified: pieces.map(() => verified) });
  }
  if (asked.gone()) return;
  yield {
    choices: [
      { index: 0, delta: {}, finish_reason: !device.defers && length < PIECES.length ? 'length' : 'stop' },
    ],
    causeway: outcome(device),
  };
  yield { choices: [], usage: usage(device, state) };
}

/**
 * Whether the link is as it was, and what follows if not.
 * @param {MockDevice} device
 * @param {{said: string[], alone: boolean, unjudged: number, judged: number, agreed: number, revised: number, failovers: number, unverified: number}} state
 * @param {boolean} revise
 */
async function* weather(device, state, revise) {
  if (!state.alone && device.cut) {
    await sleep(SILENCE_MS);
    state.alone = true;
    state.failovers += 1;
    device.totals.failovers += 1;
    device.note('alone', 'cloud is out of reach: nothing came for 500 ms');
    yield happened({ kind: 'alone', peer: 'cloud', why: 'nothing came for 500 ms' });
  }
  if (!state.alone || !device.isReachable) return;
  const [said, agreed] = [state.unjudged, Math.ceil(state.unjudged * 0.7)];
  const first = state.said.length - said;
  device.note('rejoined', 'cloud is back');
  yield happened({ kind: 'rejoined', peer: 'cloud' });
  device.note('judged', `${agreed} of ${said} tokens agreed`);
  yield happened({ kind: 'judged', said, agreed });
  for (let token = first; token < first + agreed; token += 1) {
    await sleep(15);
    yield happened({ kind: 'vouched', token });
  }
  Object.assign(state, {
    alone: false,
    unjudged: 0,
    judged: state.judged + said,
    agreed: state.agreed + agreed,
  });
  if (revise && agreed < said) {
    state.said.length = first + agreed;
    state.revised += said - agreed;
    yield happened({ kind: 'revised', tokens: first + agreed, text: state.said.join('') });
  } else {
    state.unverified += said - agreed;
  }
}

/**
 * @param {MockDevice} device
 * @param {number} tokens
 * @param {boolean} verified
 */
function count(device, tokens, verified) {
  device.totals.tokens += tokens;
  device.totals[verified ? 'verified' : 'unverified'] += tokens;
  if (verified) {
    device.totals.drafted += tokens + 1;
    device.totals.accepted += tokens;
    device.totals.bytes_sent += 31;
    device.totals.bytes_received += 23;
    device.totals.money += 1.6e-7;
  }
}

/**
 * @param {MockDevice} device
 * @returns {import('../../../edge-node/page/types.js').ChunkExtra}
 */
function outcome(device) {
  return {
    route: device.defers ? 'deferred' : 'hybrid',
    plan: `${device.mode} with cloud`,
    conversation: null,
    deferred: device.defers ? { id: 'd-17' } : null,
    intent: null,
    outcome: null,
  };
}

/**
 * @param {MockDevice} device
 * @param {{said: string[], unjudged: number, startedMs: number, judged: number, agreed: number, revised: number, failovers: number, unverified: number}} state
 * @returns {import('../../../edge-node/page/types.js').Usage}
 */
function usage(device, state) {
  const [tokens, ms] = [state.said.length, Date.now() - state.startedMs];
  const unverified = state.unverified + state.unjudged;
  const local = device.mode === 'local';
  return {
    prompt_tokens: 21,
    completion_tokens: tokens,
    total_tokens: 21 + tokens,
    causeway: {
      drafted: local ? 0 : Math.round(tokens * 1.3),
      accepted: local ? 0 : Math.round(tokens * 0.8),
      passes: Math.ceil(tokens / 4),
      failovers: state.failovers,
      judged: state.judged,
      agreed: state.agreed,
      revised: state.revised,
      verified: tokens - unverified,
      unverified,
      bytes_sent: 31 * tokens,
      bytes_received: 23 * tokens,
      money: 0.0000162,
      energy_j: null,
      time_ms: { compute: ms * 0.34, queue: ms * 0.02, network: ms * 0.41, waiting: ms * 0.23 },
      ttft_ms: device.paceMs + 5.2,
    },
  };
}

/**
 * @param {ReplyEvent} event
 * @returns {Chunk}
 */
function happened(event) {
  return chunk({}, { event: { index: 0, ...event } });
}

/**
 * @param {{content?: string}} delta
 * @param {import('../../../edge-node/page/types.js').ChunkExtra} causeway
 * @returns {Chunk}
 */
function chunk(delta, causeway) {
  return { choices: [{ index: 0, delta, finish_reason: null }], causeway };
}

/** @param {number} ms */
function sleep(ms) {
  return new Promise((done) => setTimeout(done, ms));
}
