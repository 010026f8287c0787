//! Segments on their way to a device, and a peer that reads their text before.

use super::kv::{Block, Segment, Whose};
use super::sky::{Sky, Talk};
use super::uplink::Uplink;
use crate::{Close, Fetch, Frame, Message, Recital, TextName, Wanted};
use std::collections::BTreeMap;

/// Times that a lost channel is opened again.
const CHANNELS_MAX: u32 = 8;

pub(super) struct Bringing {
    /// Who is asked.
    pub(super) node: usize,
    recital: Option<Recital>,
    /// The session in which the text is, or was, read.
    read: Option<Talk>,
    fetch: Fetch,
    channel: Option<Talk>,
    channels: u32,
    wanted: BTreeMap<TextName, Segment>,
    come: Vec<(Segment, Vec<u8>)>,
    failed: bool,
    /// Only names are tried: nothing is counted on.
    pries: bool,
}

impl Bringing {
    /// Of `wanted`, in its order, all in the same layers; once `recital` is read.
    pub(super) fn begin(node: usize, recital: Option<Recital>, wanted: &[Segment]) -> Self {
        let layers = wanted.first().expect("something is wanted").layers;
        let each = wanted.iter().map(|segment| Wanted {
            text: segment.name,
            len_max: u32::try_from(segment.len()).unwrap(),
        });
        Self {
            node,
            recital,
            read: None,
            fetch: Fetch::new(layers, 0, each.collect()),
            channel: None,
            channels: 0,
            wanted: wanted.iter().map(|segment| (segment.name, *segment)).collect(),
            come: Vec::new(),
            failed: false,
            pries: false,
        }
    }

    /// The same, of names that are not the device's own.
    pub(super) fn prying(node: usize, wanted: &[Segment]) -> Self {
        Self { pries: true, ..Self::begin(node, None, wanted) }
    }

    /// Whether nothing more comes.
    pub(super) fn is_over(&self) -> bool {
        (self.failed || self.fetch.is_done()) && self.come.is_empty()
    }

    /// Whether an answer is due on its node's link.
    pub(super) fn waits(&self) -> bool {
        let reads = self.read.is_some() && self.recital.is_some();
        !self.is_over() && (reads || self.channel.is_some())
    }

    /// Whether segments are on their way.
    pub(super) fn flows(&self) -> bool {
        self.channel.is_some() && !self.is_over()
    }

    /// What has come by now.
    pub(super) fn take(&mut self) -> Vec<(Segment, Vec<u8>)> {
        std::mem::take(&mut self.come)
    }

    /// Sends what is to be sent.
    pub(super) fn settle(&mut self, sky: &mut Sky, uplink: &Uplink) {
        if self.failed || !uplink.is_up() {
            return;
        }
        if let Some(recital) = &mut self.recital {
            let read = self.read.take().or_else(|| uplink.open(sky));
            self.read = read;
            while let Some(message) = recital.poll_transmit() {
                let message: Frame = message.into();
                read.iter().for_each(|talk| sky.send_up(*talk, &message));
            }
            self.failed = recital.refused().is_some();
            if !recital.is_read() {
                return;
            }
            self.recital = None;
        }
        while let Some(message) = self.fetch.poll_transmit() {
            if self.channel.is_none() {
                self.channel = uplink.open(sky);
                self.channels += 1;
            }
            if let Message::SegmentRequest(request) = &message {
                sky.tally.resumed += u64::from(request.have > 0);
            }
            let message: Frame = message.into();
            self.channel.iter().for_each(|talk| sky.send_up(*talk, &message));
        }
    }

    /// A frame came; whether it was for this.
    pub(super) fn hear(&mut self, sky: &mut Sky, talk: Talk, frame: &Frame, whose: Whose) -> bool {
        if self.channel != Some(talk) && self.read != Some(talk) {
            return false;
        }
        match (&frame.message, &mut self.recital) {
            (Message::SegmentPart(part), _) => {
                if let Err(error) = self.fetch.handle_part(*part, &frame.payload) {
                    assert!(!sky.spoiled.is_empty(), "{error}");
                    sky.tally.corrupt += 1;
                    (self.failed, self.channel) = (true, None);
                }
            }
            (Message::Opened(opened), Some(recital)) => recital.handle_opened(opened),
            (Message::Verdict(verdict), Some(recital)) => recital.handle_verdict(verdict),
            (Message::Fault(fault), Some(recital)) => recital.handle_fault(fault),
            _ => {}
        }
        while let Some(arrived) = self.fetch.poll_arrived() {
            let segment = self.wanted[&arrived.text];
            sky.tally.pried += u64::from(self.pries);
            let Some(bytes) = arrived.bytes else { continue };
            if bytes.len() == segment.len() {
                let given = Block::from_bytes(&bytes).whose();
                assert_eq!(given, whose, "KV of another tenant, model or lineage is given away");
            } else {
                assert!(sky.spoiled.contains(&arrived.text), "{} bytes came", bytes.len());
            }
            self.come.push((segment, bytes));
        }
        true
    }

    /// The link to its node is lost.
    pub(super) fn lose(&mut self, sky: &mut Sky) {
        sky.tally.transfers_cut += u64::from(self.flows());
        self.failed |= self.recital.is_some() && self.read.is_some();
        self.failed |= self.channels >= CHANNELS_MAX;
        (self.channel, self.read) = (None, None);
        self.fetch.handle_link_lost();
    }

    /// Nothing is wanted any more.
    pub(super) fn end(self, sky: &mut Sky) {
        if let Some(read) = self.read {
            sky.send_up(read, &Message::Close(Close {}).into());
        }
    }
}
