//! The asker's half: which segments are still wanted, and what has come of them.
//!
//! ```text
//!            poll_transmit           handle_part (the last one)
//!   Wanted ───────────────▶ asked ─────────────────────────────▶ Settled ─▶ Arrived
//!     │                       │ handle_link_lost: asked again, the first one from where it broke off
//!     └───── give_up ─────────┴──▶ GivenUp: parts of it that come are dropped
//! ```
//!
//! # Invariants
//!
//! - **Of the bytes that came, all are kept or all are dropped**: only the first of the wanted segments
//!   can have come in part, because parts come in the order of the request.
//! - **Nothing that a part says is believed before it is compared** with what was asked for, and nothing
//!   is allocated before that.
//! - **Nothing here depends on time.**

use crate::error::PeerMisbehaved;
use crate::{Message, SegmentPart, SegmentRequest, TextName, limits};
use base::LayerRange;
use std::collections::{BTreeMap, VecDeque};

/// Bytes of given-up segments that come next, from which on it pays to ask anew without them. To ask anew
/// costs what is under way and a round trip: on a link of 40 Mbit/s and 50 ms, 250 kB.
const SKIP_LEN_MIN: u64 = 256 << 10;

/// One segment that is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted {
    /// Up to and with its block.
    pub text: TextName,
    /// The most bytes that it may have.
    pub len_max: u32,
}

/// The peer's answer for one text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrived {
    /// Which.
    pub text: TextName,
    /// The whole segment; `None` where the peer has not got it.
    pub bytes: Option<Vec<u8>>,
}

/// Segments of some texts in some layers, fetched in the order in which they are wanted.
#[derive(Debug)]
pub struct Fetch {
    layers: LayerRange,
    format: u8,
    wanted: Vec<Item>,
    /// Where in `wanted` a text is.
    places: BTreeMap<TextName, usize>,
    /// How many are neither settled nor given up.
    left: usize,
    /// No item before this one is left.
    first: usize,
    /// The number of the newest request; 0 before the first.
    request: u32,
    /// `None` where nothing was asked of the peer that is there now.
    asked: Option<Asked>,
    /// What came of the first item that is left, where something did.
    partial: Option<Partial>,
    arrived: VecDeque<Arrived>,
}

#[derive(Debug)]
struct Item {
    wanted: Wanted,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Wanted,
    GivenUp,
    Settled,
}

/// The request that the peer answers, and the part that comes next.
#[derive(Debug)]
struct Asked {
    /// Of `wanted`, in the order of the request.
    items: Vec<usize>,
    /// Which of these.
    at: usize,
    offset: u32,
    /// Bytes of the segment at `at`, once a part of it has come in this request.
    total: Option<u32>,
}

#[derive(Debug)]
struct Partial {
    item: usize,
    total: u32,
    bytes: Vec<u8>,
}

impl Fetch {
    /// Nothing is asked for yet. Of a text that is named twice the first place counts.
    pub fn new(layers: LayerRange, format: u8, wanted: Vec<Wanted>) -> Self {
        let mut places = BTreeMap::new();
        let mut items = Vec::with_capacity(wanted.len());
        for wanted in wanted {
            if places.insert(wanted.text, items.len()).is_none() {
                items.push(Item { wanted, state: State::Wanted });
            }
        }
        Self {
            layers,
            format,
            left: items.len(),
            wanted: items,
            places,
            first: 0,
            request: 0,
            asked: None,
            partial: None,
            arrived: VecDeque::new(),
        }
    }

    /// The request that is to be sent now, if any: at first, after a lost link, where there is more to
    /// ask for than fits one request, and where much of what would come next was given up.
    ///
    /// # Panics
    ///
    /// After 2^32 requests.
    pub fn poll_transmit(&mut self) -> Option<Message> {
        let waits = self.asked.as_ref().is_some_and(|asked| !self.is_over(asked));
        if self.left == 0 || waits {
            return None;
        }
        let left = |item: &usize| self.wanted[*item].state == State::Wanted;
        self.first = (self.first..self.wanted.len()).find(left)?;
        let items: Vec<usize> =
            (self.first..self.wanted.len()).filter(left).take(limits::SEGMENTS_MAX).collect();
        self.request = self.request.checked_add(1).expect("a fetch has far fewer requests");
        let have = self.partial.as_ref().map_or(0, Partial::len);
        let texts = items.iter().map(|item| self.wanted[*item].wanted.text).collect();
        self.asked = Some(Asked { items, at: 0, offset: have, total: None });
        let (request, layers, format) = (self.request, self.layers, self.format);
        let request = SegmentRequest { request, layers, format, have, texts };
        Some(Message::SegmentRequest(request))
    }

    /// A part came, with its payload. One of an older request is dropped.
    ///
    /// # Errors
    ///
    /// [`PeerMisbehaved::UnfitPart`] where it is not the next part of what was asked for. The channel is
    /// to be closed as if its link was lost; what came before stays, but where two nodes differ about the
    /// length of a segment, which then is asked for as a whole.
    pub fn handle_part(&mut self, part: SegmentPart, payload: &[u8]) -> Result<(), PeerMisbehaved> {
        let SegmentPart { request, index, .. } = part;
        if request < self.request {
            return Ok(());
        }
        let unfit = |why| Err(PeerMisbehaved::UnfitPart { request, index, why });
        let Some(asked) = self.asked.as_ref().filter(|_| request == self.request) else {
            return unfit("nothing was asked for by that number");
        };
        let Some(item) = asked.items.get(asked.at).copied() else {
            return unfit("all that was asked for has come");
        };
        if let Err(why) = asked.check(part, payload, self.wanted[item].wanted.len_max) {
            return unfit(why);
        }
        // It is this node's word against that of the one before: neither's bytes are used.
        let resumed = self.partial.take_if(|partial| partial.total != part.total && part.total > 0);
        if resumed.is_some() {
            self.asked = None;
            return unfit("another node said another length");
        }
        self.take(item, part, payload);
        Ok(())
    }

    /// The next answer, in the order in which they came.
    pub fn poll_arrived(&mut self) -> Option<Arrived> {
        self.arrived.pop_front()
    }

    /// The channel is gone: [`Fetch::poll_transmit`] asks for the rest on the next one, which may be to
    /// another node. What came stays.
    pub fn handle_link_lost(&mut self) {
        self.asked = None;
    }

    /// The segment is not wanted any more. What comes of it is dropped.
    pub fn give_up(&mut self, text: TextName) {
        let Some(place) = self.places.get(&text) else { return };
        let state = &mut self.wanted[*place].state;
        match *state {
            State::Wanted => {
                *state = State::GivenUp;
                self.left -= 1;
                self.partial.take_if(|partial| partial.item == *place);
            }
            State::Settled => self.arrived.retain(|arrived| arrived.text != text),
            State::GivenUp => {}
        }
    }

    /// Whether nothing more is to come, here or out of [`Fetch::poll_arrived`].
    pub fn is_done(&self) -> bool {
        self.left == 0 && self.arrived.is_empty()
    }

    /// Takes in a part that was checked.
    fn take(&mut self, item: usize, part: SegmentPart, payload: &[u8]) {
        let asked = self.asked.as_mut().expect("a checked part was asked for");
        let ends = part.end() == part.total;
        if ends {
            (asked.at, asked.offset, asked.total) = (asked.at + 1, 0, None);
        } else {
            (asked.offset, asked.total) = (part.end(), Some(part.total));
        }
        let Item { wanted, state } = &mut self.wanted[item];
        if *state != State::Wanted {
            return;
        }
        let mut partial = self.partial.take().unwrap_or_else(|| Partial::new(item, part.total));
        partial.bytes.extend_from_slice(payload);
        if !ends {
            self.partial = Some(partial);
            return;
        }
        *state = State::Settled;
        self.left -= 1;
        let bytes = (part.total > 0).then_some(partial.bytes);
        self.arrived.push_back(Arrived { text: wanted.text, bytes });
    }

    /// Whether another request is due: nothing of this one is to come, or too much of what comes next
    /// was given up. What has begun to arrive is left to arrive.
    fn is_over(&self, asked: &Asked) -> bool {
        if asked.total.is_some() {
            return false;
        }
        let next = asked.items[asked.at..].iter().map(|item| &self.wanted[*item]);
        let mut skipped = next.map_while(|item| match item.state {
            State::GivenUp => Some(u64::from(item.wanted.len_max)),
            State::Wanted | State::Settled => None,
        });
        let enough = skipped
            .try_fold(0, |sum, len| if sum + len < SKIP_LEN_MIN { Ok(sum + len) } else { Err(()) });
        enough.is_err() || asked.at == asked.items.len()
    }
}

impl Asked {
    /// Whether `part` is the next one, of a segment of at most `len_max` bytes; else what is wrong.
    fn check(&self, part: SegmentPart, payload: &[u8], len_max: u32) -> Result<(), &'static str> {
        let SegmentPart { index, total, offset, bytes, .. } = part;
        let length = usize::try_from(bytes).is_ok_and(|bytes| bytes == payload.len());
        let end = offset.checked_add(bytes);
        if usize::try_from(index).ok() != Some(self.at) {
            Err("another text is next")
        } else if total > len_max {
            Err("the segment is too long")
        } else if !length {
            Err("the payload has another length")
        } else if self.total.is_some_and(|before| before != total) {
            Err("the segment had another length")
        } else if total == 0 {
            (offset == 0 && bytes == 0).then_some(()).ok_or("bytes of what is not there")
        } else if offset != self.offset {
            Err("another byte is next")
        } else if bytes == 0 {
            Err("it has no bytes")
        } else if end.is_none_or(|end| end > total) {
            Err("it ends past its segment")
        } else {
            Ok(())
        }
    }
}

impl Partial {
    /// `total` was checked.
    fn new(item: usize, total: u32) -> Self {
        Self { item, total, bytes: Vec::with_capacity(total as usize) }
    }

    fn len(&self) -> u32 {
        u32::try_from(self.bytes.len()).expect("a segment's length was checked")
    }
}
