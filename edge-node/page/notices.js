/**
 * What happens to a reply, in a person's words. Pure.
 */

import { count, counted } from './format.js';

/** @typedef {import('./types.js').ReplyEvent} ReplyEvent */
/** @typedef {{tone: 'bad' | 'good' | 'plain', title: string, text: string}} Words */

/**
 * @param {ReplyEvent} event
 * @param {number} removed of `revised`: how many tokens went
 * @returns {Words}
 */
export function wordsOf(event, removed) {
  const peer = event.peer ?? 'the target';
  switch (event.kind) {
    case 'alone':
      return {
        tone: 'bad',
        title: 'Alone',
        text: `${peer} is out of reach, the device goes on by itself${event.why ? `: ${event.why}` : ''}`,
      };
    case 'rejoined':
      return { tone: 'good', title: 'Rejoined', text: `${peer} is back` };
    case 'judged':
      return {
        tone: 'good',
        title: 'Judged',
        text: `the target would have said ${count(event.agreed ?? 0)} of the ${counted(event.said ?? 0, 'token')} itself`,
      };
    case 'revised':
      return {
        tone: 'bad',
        title: 'Revised',
        text: `${counted(removed, 'token')} taken back, the target's own words follow`,
      };
    case 'switched':
      return { tone: 'plain', title: 'Switched', text: `it goes on as ${event.plan ?? 'another plan'}` };
    case 'stayed':
      return { tone: 'plain', title: 'Stayed', text: event.why ?? 'the other plan cannot be run' };
    default:
      return { tone: 'plain', title: event.kind, text: event.why ?? '' };
  }
}
