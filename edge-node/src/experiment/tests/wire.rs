//! What crosses the links of a device that is asked all kinds of things: every frame is read by taps.

mod tap;

use crate::config::{Config, PlanSettings};
use crate::demo::{models, nodes};
use crate::device::Device;
use crate::drafting::SourceChoice;
use crate::experiment::in_virtual_time;
use crate::prompt::Prompt;
use crate::request::Request;
use crate::show::Unseen;
use base::{DraftLength, LayerRange, NodeName, Privacy, Role, Sampling, TokenId, WireCodec};
use cloud_node::Server;
use partitioner::{LocalChoice, Mode, RequestedStage, Speculation};
use protocol::{AfterOutage, Frame, Message, PrefixHash};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore as _, SeedableRng as _};
use settings::{Link, Pace};
use std::time::Duration;
use tap::{Captured, Tap};
use tokio_util::sync::CancellationToken;
use transport::Network;

/// Tokens in a row that are no chance: of 4,096, once in 10^14.
const RUN: usize = 4;

/// A mode, its target, and the stages of a split.
type Planned = (Mode, Role, &'static [(Role, u32, u32)]);

/// Plans of a target of six layers, on the device, the gateway and the cloud.
const PLANS: [Planned; 6] = [
    (Mode::Remote, Role::Cloud, &[]),
    (Mode::Speculative, Role::Gateway, &[]),
    (Mode::Speculative, Role::Cloud, &[]),
    (Mode::Split, Role::Cloud, &[(Role::Device, 0, 2), (Role::Cloud, 2, 6), (Role::Device, 6, 6)]),
    (
        Mode::Split,
        Role::Cloud,
        &[(Role::Gateway, 0, 3), (Role::Cloud, 3, 6), (Role::Gateway, 6, 6)],
    ),
    (Mode::Split, Role::Cloud, &[(Role::Device, 0, 2), (Role::Gateway, 2, 4), (Role::Cloud, 4, 6)]),
];

/// A device and its site, with a tap on every link.
struct Site {
    device: Device,
    servers: [Server; 2],
    to_gateway: Tap,
    to_cloud: Tap,
    gateway_to_cloud: Tap,
}

impl Site {
    async fn start() -> Self {
        let paths = models::find(None).unwrap();
        let target = paths.target.clone().unwrap();
        let ids = nodes::Identities::issue().unwrap();
        let network = Network::memory_from(1);
        let server = |identity: &transport::Identity| {
            let link = Link::default();
            let config =
                nodes::server(identity.clone(), ids.trust.clone(), &target, link, Pace::default());
            let engine =
                cloud_node::EngineOptions { runs_on: cloud_node::RunsOn::Runtime, ..config.engine };
            cloud_node::Config { network: network.clone(), engine, ..config }
        };
        let tap = |ends, beyond| Tap::new(ends, beyond, &ids.trust, &network);
        let cloud = Server::start(server(&ids.cloud)).await.unwrap();
        let gateway_to_cloud = tap((&ids.gateway, &ids.cloud), cloud.local_addr());
        let upstream = Some(nodes::upstream(gateway_to_cloud.address));
        let gateway = cloud_node::Config { upstream, ..server(&ids.gateway) };
        let gateway = Server::start(gateway).await.unwrap();
        let to_gateway = tap((&ids.device, &ids.gateway), gateway.local_addr());
        let to_cloud = tap((&ids.device, &ids.cloud), cloud.local_addr());
        let peers = vec![
            nodes::peer(Role::Gateway, to_gateway.address),
            nodes::peer(Role::Cloud, to_cloud.address),
        ];
        let plan = PlanSettings {
            mode: Mode::Remote,
            auto: false,
            local: LocalChoice::Draft,
            target: Some(nodes::name(Role::Cloud)),
            draft_length: DraftLength::Auto,
            speculation: Speculation::default(),
            source: SourceChoice::Auto,
            stages: Vec::new(),
            after_outage: AfterOutage::Keep,
            // Never due, so that the device dials both.
            switches: vec![crate::config::Switch {
                after: 1 << 20,
                mode: Mode::Split,
                stages: Some(stages(PLANS[4].2)),
            }],
        };
        let config =
            nodes::device(ids.of_device(), &paths, peers, plan, Link::default(), Pace::default());
        let device = Device::start(Config { network, ..config }).await.unwrap();
        tokio::time::sleep(Duration::from_secs(2)).await;
        Self { device, servers: [gateway, cloud], to_gateway, to_cloud, gateway_to_cloud }
    }

    /// Asks `text`, of `class`, by a plan. Whether it was answered.
    async fn ask(&mut self, text: &[TokenId], class: Privacy, plan: usize) -> bool {
        let (mode, target, chain) = PLANS[plan];
        let settings = &mut self.device.config.plan;
        (settings.mode, settings.target) = (mode, Some(nodes::name(target)));
        settings.stages = stages(chain);
        let request = Request {
            keep: text[0].0 & 1 == 0,
            grammar: None,
            past_end: true,
            ..Request::new(Prompt::new(text.to_vec(), class), Sampling::GREEDY, 3)
        };
        let cancel = CancellationToken::new();
        self.device.generate(&request, &mut Unseen, &cancel).await.is_ok()
    }

    async fn end(self) {
        self.device.close().await;
        for server in self.servers {
            server.drain().await;
        }
    }
}

fn stages(chain: &[(Role, u32, u32)]) -> Vec<RequestedStage> {
    let stage = |(role, start, end): &(Role, u32, u32)| RequestedStage {
        node: nodes::name(*role),
        layers: LayerRange::new(*start, *end).unwrap(),
        codec: WireCodec::F32,
    };
    chain.iter().map(stage).collect()
}

/// All token ids that a link carried, frame by frame.
fn token_runs(frames: &[Frame]) -> Vec<Vec<TokenId>> {
    let tokens = |frame: &Frame| match &frame.message {
        Message::Pass(pass) => pass.tokens.clone(),
        Message::Draft(draft) => draft.tokens.clone(),
        Message::Verdict(verdict) => verdict.tokens.clone(),
        Message::Hello(_)
        | Message::Welcome(_)
        | Message::Open(_)
        | Message::Opened(_)
        | Message::Rollback(_)
        | Message::Close(_)
        | Message::Ping(_)
        | Message::Pong(_)
        | Message::Fault(_)
        | Message::SegmentRequest(_)
        | Message::SegmentPart(_)
        | Message::Receipt(_) => Vec::new(),
    };
    frames.iter().map(tokens).collect()
}

/// What a link has carried, to be looked through often.
struct Searchable {
    runs: std::collections::BTreeSet<[TokenId; RUN]>,
    hashes: std::collections::BTreeSet<[u8; 8]>,
}

impl Searchable {
    fn new(captured: &Captured) -> Self {
        let runs = token_runs(&captured.frames());
        let windows = runs.iter().flat_map(|run| run.windows(RUN));
        let bytes = captured.bytes();
        Self {
            runs: windows.map(|window| window.try_into().unwrap()).collect(),
            hashes: bytes.windows(8).map(|window| window.try_into().unwrap()).collect(),
        }
    }

    /// Whether a part of `text` crossed, or the hash of one of its beginnings.
    fn has_trace_of(&self, text: &[TokenId]) -> bool {
        let hash = |end: usize| PrefixHash::EMPTY.extend(&text[..end]).0.to_le_bytes();
        text.windows(RUN)
            .any(|window| self.runs.contains::<[TokenId; RUN]>(window.try_into().unwrap()))
            || (RUN..=text.len()).any(|end| self.hashes.contains(&hash(end)))
    }
}

/// Goal: of a thousand requests of all classes, by all kinds of plans, no link carries a trace of a text that may not
/// leave, and none to a cloud one of a text that may not leave the site; the others can be found, so the taps hear.
/// Method: texts of random tokens, looked for in all frames.
#[test]
fn no_frame_holds_a_trace_of_what_may_not_be_there() {
    const REQUESTS: u64 = 1_000;
    let run = async {
        let mut site = Site::start().await;
        let mut dice = ChaCha8Rng::seed_from_u64(1);
        let mut below = |n: u64| dice.next_u64() % n;
        let mut asked = Vec::new();
        let mut answered = [0; 3];
        for _ in 0..REQUESTS {
            let token = |_| TokenId(u32::try_from(10 + below(4_000)).unwrap());
            let text: Vec<_> = (0..12).map(token).collect();
            let class = [Privacy::Device, Privacy::Site, Privacy::Anywhere]
                [usize::try_from(below(3)).unwrap()];
            let plan = usize::try_from(below(PLANS.len() as u64)).unwrap();
            let done = site.ask(&text, class, plan).await;
            answered[class as usize] += u32::from(done);
            asked.push((text, class, done));
        }
        let heard = [&site.to_gateway, &site.to_cloud, &site.gateway_to_cloud];
        let [to_gateway, to_cloud, beyond] = heard.map(|tap| Searchable::new(&tap.captured));
        site.end().await;
        let (mut on_site, mut anywhere) = (0, 0);
        for (text, class, done) in &asked {
            let at_cloud = to_cloud.has_trace_of(text) || beyond.has_trace_of(text);
            let at_gateway = to_gateway.has_trace_of(text);
            match class {
                Privacy::Device => assert!(*done && !at_cloud && !at_gateway, "{text:?}"),
                Privacy::Site => {
                    assert!(!at_cloud, "{text:?}");
                    on_site += u32::from(at_gateway);
                }
                Privacy::Anywhere => {
                    assert!(*done && (at_cloud || at_gateway), "{text:?}");
                    anywhere += 1;
                }
            }
        }
        println!("answered {answered:?}; found {on_site} at the gateway, {anywhere} anywhere");
        assert!(on_site > 50 && anywhere > 250, "the taps hear: {on_site} and {anywhere}");
        assert!(answered[Privacy::Site as usize] > 100, "{answered:?}");
    };
    in_virtual_time(run).unwrap();
}

/// Goal: a node that nobody has told of may be a cloud.
#[test]
fn an_unknown_node_is_taken_for_a_cloud() {
    let run = async {
        let site = Site::start().await;
        assert_eq!(site.device.role_of(&NodeName::new("stranger").unwrap()), Role::Cloud);
        assert_eq!(site.device.role_of(&nodes::name(Role::Gateway)), Role::Gateway);
        site.end().await;
    };
    in_virtual_time(run).unwrap();
}
