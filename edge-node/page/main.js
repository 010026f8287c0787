/**
 * The page: one stream of status from the device, shown by the parts; one conversation with it.
 *
 * ```text
 *   watch ─ status ─▶ tiers, meters, timeline, banner, link switch
 *   chat  ─ chunks ─▶ reply ─▶ reply view, usage
 * ```
 *
 * Nothing is asked of any other server, and no data becomes markup.
 */

import { Api } from './api.js';
import { Banner } from './banner.js';
import { Chat } from './chat.js';
import { byId, setText } from './dom.js';
import { LinkSwitch } from './link_switch.js';
import { Meters } from './meters.js';
import { Settings } from './settings.js';
import { reachOf, sentenceOf } from './stations.js';
import { modeOf } from './status.js';
import { Tiers } from './tiers.js';
import { Timeline } from './timeline.js';
import { Watch } from './watch.js';

/** @typedef {import('./types.js').Status} Status */
/** @typedef {import('./watch.js').Sight} Sight */

const api = new Api();
const settings = new Settings();
const chat = new Chat(api, settings, announce);
const parts = {
  tiers: new Tiers(),
  meters: new Meters(),
  timeline: new Timeline(),
  linkSwitch: new LinkSwitch(api),
};
const banner = new Banner({
  retry: () => watch.open(),
  unlock: (key) => {
    api.setKey(key);
    watch.open();
  },
});
const watch = new Watch(api, { status: show, sight: see, notice: (entry) => parts.timeline.add(entry) });
let live = false;

setInterval(() => {
  if (!live) parts.timeline.idle();
}, 1000);
watch.open();

/** @param {Status} status */
function show(status) {
  for (const part of [parts.tiers, parts.meters, parts.timeline, parts.linkSwitch, banner]) part.show(status);
  chat.setReady(status.ready);
  settings.setRoutes(status.routes);
  const mode = byId('mode');
  const found = modeOf(status);
  setText(mode, found === status.mode ? found || 'starting' : `auto: ${found || 'no plan'}`);
  mode.dataset.reach = reachOf(status);
  setText(byId('mode-says'), sentenceOf(status));
  document.title = `${status.node} · Causeway`;
}

/** @param {Sight} sight */
function see(sight) {
  live = sight.kind === 'live';
  document.body.dataset.sight = sight.kind;
  banner.sight(sight, api.hasKey);
  parts.linkSwitch.setLive(live);
  if (live) return;
  chat.setReady(false);
  setText(byId('mode'), sight.kind === 'locked' ? 'locked' : 'out of sight');
  setText(byId('mode-says'), '');
  byId('mode').dataset.reach = 'gone';
}

/** @param {string} text */
function announce(text) {
  setText(byId('said'), text);
}
