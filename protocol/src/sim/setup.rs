//! How the simulated nodes are set up, and how frames become bytes between them.

use super::model;
use super::scenario::{Scenario, ms};
use super::stage::{Engine, WIDTH};
use crate::{
    DrafterConfig, Epoch, Frame, Header, Homecoming, Hops, HopsConfig, LinkHealthConfig,
    PlannedStage, Route, SessionId, Side, Tuning, Verifier, VerifierConfig, frame,
};
use base::{DraftLength, KvFormat, LayerRange, NodeName, Position, Privacy, Sampling, WireCodec};
use bytes::Bytes;
use std::time::Duration;

pub(super) fn config(scenario: &Scenario, epoch: Epoch, have: Position) -> DrafterConfig {
    DrafterConfig {
        session: SessionId([7; 16]),
        epoch,
        have,
        sampling: Sampling::GREEDY,
        route: route(scenario),
        prompt: scenario.prompt.clone(),
        tokens_max: scenario.tokens_max,
        positions_max: scenario.positions_max,
        kv: KvFormat::F16,
        stream: None,
        end_tokens: vec![model::END],
        tuning: Tuning::default(),
        class: Privacy::Anywhere,
        constraint: None,
        likelihoods: likelihoods(scenario),
        trace: None,
        pass_rows_max: rows_max(scenario),
        retransmit: scenario.weather.retransmit(),
        retry: ms(300),
        after_outage: scenario.after_outage,
    }
}

/// Every other scenario asks; it changes no word.
pub(super) fn likelihoods(scenario: &Scenario) -> Option<u8> {
    scenario.prompt.len().is_multiple_of(2).then_some(1)
}

/// The route of the way that the scenario takes now.
pub(super) fn route(scenario: &Scenario) -> Route {
    if let Some(vouched) = scenario.local {
        return Route::local(vouched);
    }
    let stage = |name: &str, first: bool| PlannedStage {
        node: NodeName::new(name).unwrap(),
        layers: LayerRange::all(4),
        embedding: first && !scenario.head_stage,
        head: !first || !scenario.hop,
        codec: WireCodec::F32,
        scales: Vec::new(),
    };
    let gateway = scenario.hop.then(|| stage("gateway", true));
    let last = if scenario.ring { "device" } else { "cloud" };
    Route {
        stages: gateway.into_iter().chain([stage(last, !scenario.hop)]).collect(),
        draft_length: match scenario.auto {
            true => DraftLength::Auto,
            false => DraftLength::Fixed(scenario.draft_length),
        },
        window: scenario.way().window(),
        chunks: if scenario.auto { 8 } else { scenario.chunks as usize },
        extend: scenario.extend,
        vouched: false,
    }
}

/// The most rows of a pass: those of a window of drafts at least, on every way.
pub(super) fn rows_max(scenario: &Scenario) -> usize {
    scenario.pass_rows_max.max(1 + scenario.window_max())
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
    Verifier::new(VerifierConfig { hidden, head_alone: false })
}

/// The head on the device, where it has it.
pub(super) fn home(scenario: &Scenario) -> Option<Homecoming> {
    scenario.ring.then(|| Homecoming::new(WireCodec::F32, WIDTH))
}

pub(super) fn engine(scenario: &Scenario) -> Engine {
    Engine::new(scenario.reach)
}

pub(super) fn hops(scenario: &Scenario) -> Hops {
    let reads = scenario.head_stage.then_some(WireCodec::F32);
    let head = if scenario.ring { Side::Down } else { Side::Up };
    let last_layer = scenario.ring;
    Hops::new(HopsConfig {
        reads,
        writes: WireCodec::F32,
        width: WIDTH,
        behind_layers: false,
        last_layer,
        head,
    })
}

/// A frame as it crosses the wire.
pub(super) fn bytes_of(frame: &Frame) -> Bytes {
    frame::encode(frame).expect("the machines send what may be sent").concat().into()
}

pub(super) fn read(bytes: &Bytes) -> Frame {
    let lengths = [Header::START_LEN, Header::START_LEN + 1];
    let parse = |length| Some((length, Header::parse(bytes.get(..length)?).ok()??));
    let (start, header) = lengths.into_iter().find_map(parse).unwrap();
    let body = start + header.body_len;
    let message = frame::decode(header, &bytes[start..body]).unwrap();
    assert_eq!(message.payload_len(), bytes.len() - body);
    Frame { message, payload: bytes.slice(body..) }
}
