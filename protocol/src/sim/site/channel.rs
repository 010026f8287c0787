//! A channel of segments on a node: out of its pool, or else of the node above.

use super::kv::{Pool, Segment};
use super::sky::{Sky, Talk, ms};
use super::uplink::Uplink;
use crate::{Fetch, SegmentPart, SegmentRequest, SegmentWork, Serving, TextName, Wanted, limits};
use bytes::Bytes;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// How often the link is looked at while parts are sent.
const PATH_PERIOD: Duration = ms(25);

pub(super) struct Channel {
    serving: Serving,
    request: Option<SegmentRequest>,
    /// What is being got, and when it has been looked for here.
    getting: Option<(SegmentWork, Instant)>,
    above: Option<Above>,
    look_at: Instant,
}

/// What the node above is asked for.
struct Above {
    /// For which request.
    request: u32,
    fetch: Fetch,
    talk: Talk,
    come: BTreeMap<TextName, Option<Vec<u8>>>,
}

impl Channel {
    pub(super) fn new(now: Instant) -> Self {
        let serving = Serving::new(now);
        Self { serving, request: None, getting: None, above: None, look_at: now }
    }

    pub(super) fn ask(&mut self, request: SegmentRequest) {
        self.request = Some(request.clone());
        self.serving.handle_request(request).expect("an asker counts up");
    }

    /// Whether it has anything to send, or to get.
    pub(super) fn is_busy(&self) -> bool {
        self.getting.is_some() || self.serving.poll_timeout().is_some()
    }

    pub(super) fn waits_above(&self) -> bool {
        self.above.as_ref().is_some_and(|above| !above.fetch.is_done())
    }

    pub(super) fn lose_above(&mut self) {
        self.above = None;
    }

    /// A part from above.
    pub(super) fn take(&mut self, sky: &mut Sky, talk: Talk, part: SegmentPart, payload: &[u8]) {
        let Some(above) = self.above.as_mut().filter(|above| above.talk == talk) else { return };
        if above.fetch.handle_part(part, payload).is_err() {
            assert!(!sky.spoiled.is_empty(), "a cloud sends what was not asked for");
            self.above = None;
            return;
        }
        while let Some(arrived) = above.fetch.poll_arrived() {
            sky.tally.from_above += u64::from(arrived.bytes.is_some());
            above.come.insert(arrived.text, arrived.bytes);
        }
    }

    /// Gets and sends what can be; when to look again. `flows`: sessions of the link said something lately.
    pub(super) fn settle(
        &mut self,
        sky: &mut Sky,
        talk: Talk,
        pool: &Pool,
        upstream: Option<&Uplink>,
        corrupts: &mut u32,
        flows: bool,
    ) -> Option<Instant> {
        loop {
            let now = sky.now;
            if now >= self.look_at {
                let rtt = sky.links[talk.link].trip();
                self.serving.handle_path(now, rtt, flows);
                self.look_at = now + PATH_PERIOD;
            }
            while let Some(frame) = self.serving.poll_transmit(now) {
                sky.send_down(talk, &frame);
            }
            if self.getting.is_none() {
                let work = self.serving.poll_work();
                self.getting = work.map(|work| (work, now + ms(2 + sky.dice.below(20))));
            }
            let Some((work, at)) = self.getting else { break };
            if now < at {
                break;
            }
            let Some(mut bytes) = self.get(sky, pool, upstream, work) else { break };
            if let Some(bytes) = bytes.as_mut().filter(|_| *corrupts > 0) {
                *corrupts -= 1;
                sky.spoiled.insert(work.text);
                let length = bytes.len() - 50 + usize::try_from(sky.dice.below(49)).unwrap();
                let length = if sky.dice.percent(70) { length } else { bytes.len() + 9 };
                bytes.resize(length, 7);
            }
            self.getting = None;
            self.serving.handle_segment(bytes.map(Bytes::from));
        }
        let got = self.getting.map(|(_, at)| at).filter(|at| *at > sky.now);
        let parts = self.serving.poll_timeout().map(|at| at.min(self.look_at).max(sky.now));
        got.into_iter().chain(parts).min()
    }

    /// The segment, or that it is not to be had; `None` while it is on its way.
    fn get(
        &mut self,
        sky: &mut Sky,
        pool: &Pool,
        upstream: Option<&Uplink>,
        work: SegmentWork,
    ) -> Option<Option<Vec<u8>>> {
        let SegmentWork { layers, text, .. } = work;
        if let Some(bytes) = pool.export(&Segment { name: text, layers }) {
            return Some(Some(bytes));
        }
        let request = self.request.as_ref().expect("work is of a request");
        let number = request.request;
        // Nobody waits for what a request wanted that was replaced.
        let Some(from) = request.texts.iter().position(|asked| *asked == text) else {
            return Some(None);
        };
        if self.above.as_ref().is_none_or(|above| above.request != number) {
            let Some(talk) = upstream.and_then(|upstream| upstream.open(sky)) else {
                return Some(None);
            };
            let wanted = request.texts[from..].iter();
            let len_max = limits::SEGMENT_LEN_MAX;
            let wanted = wanted.map(|text| Wanted { text: *text, len_max }).collect();
            let mut fetch = Fetch::new(layers, request.format, wanted);
            if let Some(message) = fetch.poll_transmit() {
                sky.send_up(talk, &message.into());
            }
            self.above = Some(Above { request: number, fetch, talk, come: BTreeMap::new() });
        }
        let above = self.above.as_mut().expect("it was just asked");
        match above.come.remove(&text) {
            Some(bytes) => Some(bytes),
            // It was given up, or is of a request before.
            None if above.fetch.is_done() => Some(None),
            None => None,
        }
    }
}
