//! How the simulated nodes are set up, and how frames become bytes between them.

use super::model;
use super::scenario::{Scenario, ms};
use super::stage::{Engine, WIDTH};
use crate::{
    Chain, DrafterConfig, Epoch, Frame, HEADER_LEN, Header, Hops, HopsConfig, LinkHealthConfig,
    PlannedStage, SessionId, Tuning, Verifier, VerifierConfig, WireCodec, frame,
};
use base::{DraftLength, KvFormat, LayerRange, NodeName, Position, Sampling};
use bytes::Bytes;
use std::time::Duration;

pub(super) fn config(scenario: &Scenario, epoch: Epoch, have: Position) -> DrafterConfig {
    let stage = PlannedStage {
        node: NodeName::new("cloud").unwrap(),
        layers: LayerRange::all(4),
        embedding: !scenario.is_staged(),
        head: true,
        codec: WireCodec::F32,
    };
    DrafterConfig {
        session: SessionId([7; 16]),
        epoch,
        have,
        sampling: Sampling::GREEDY,
        stages: vec![stage; if scenario.hop { 2 } else { 1 }],
        chain: if scenario.is_staged() { Chain::Staged } else { Chain::Direct },
        prompt: scenario.prompt.clone(),
        tokens_max: scenario.tokens_max,
        positions_max: scenario.positions_max,
        kv: KvFormat::F16,
        stream: None,
        end_tokens: vec![model::END],
        draft_length: match scenario.auto {
            true => DraftLength::Auto,
            false => DraftLength::Fixed(scenario.draft_length),
        },
        tuning: Tuning::default(),
        window: scenario.draft_length * scenario.chunks,
        chunks: if scenario.auto { 8 } else { scenario.chunks as usize },
        extend: scenario.extend,
        pass_rows_max: rows_max(scenario),
        retransmit: scenario.weather.retransmit(),
        retry: ms(300),
        after_outage: scenario.after_outage,
    }
}

/// The most rows of a pass: those of a window of drafts at least.
pub(super) fn rows_max(scenario: &Scenario) -> usize {
    scenario.pass_rows_max.max(1 + (scenario.draft_length * scenario.chunks) as usize)
}

pub(super) fn health(scenario: &Scenario) -> LinkHealthConfig {
    let default = LinkHealthConfig::default();
    let hour = Duration::from_secs(3600);
    if scenario.never_lost {
        LinkHealthConfig { deadline_floor: hour, deadline_ceiling: hour, ..default }
    } else {
        default
    }
}

pub(super) fn verifier(scenario: &Scenario) -> Verifier {
    let hidden = scenario.is_staged().then_some((WireCodec::F32, WIDTH));
    Verifier::new(VerifierConfig { hidden })
}

pub(super) fn engine(scenario: &Scenario) -> Engine {
    Engine::new(scenario.reach)
}

pub(super) fn hops(scenario: &Scenario) -> Hops {
    let reads = scenario.head_stage.then_some(WireCodec::F32);
    Hops::new(HopsConfig { reads, writes: WireCodec::F32, width: WIDTH })
}

/// A frame as it crosses the wire.
pub(super) fn bytes_of(frame: &Frame) -> Bytes {
    frame::encode(frame).expect("the machines send what may be sent").concat().into()
}

pub(super) fn read(bytes: &Bytes) -> Frame {
    let header = bytes[..HEADER_LEN].try_into().unwrap();
    let header = Header::parse(&header).unwrap();
    let body = HEADER_LEN + header.body_len;
    let message = frame::decode(header, &bytes[HEADER_LEN..body]).unwrap();
    assert_eq!(message.payload_len(), bytes.len() - body);
    Frame { message, payload: bytes.slice(body..) }
}
