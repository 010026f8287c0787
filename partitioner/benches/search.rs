//! How long it takes to find the best plan of a large model, on one thread.
//!
//! `cargo bench -p partitioner --bench search`; as a test, every call runs once on a small model.

use base::{ByteCount, LayerRange, ModelFingerprint, NodeName, Privacy, Role, WireCodec};
use criterion::Criterion;
use partitioner::{
    Admission, Certificate, Certificates, Costs, Criteria, Demand, Link, NodeState, Objective,
    QualityBudget, Situation,
};
use profile::{
    Curve, Estimate, LinkEstimate, ModelProfile, NodeProfile, PassTimes, Power, Surface, Weights,
};
use std::hint::black_box;

const LAYERS: u32 = 80;
const LAYERS_TINY: u32 = 6;

const GIB: u64 = 1 << 30;

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let measured = std::env::args().any(|argument| argument == "--bench");
    let layers = if measured { LAYERS } else { LAYERS_TINY };
    for (name, situation) in
        [("three_tiers", situation(1, 1, layers)), ("eight_nodes", situation(4, 3, layers))]
    {
        let mut group = criterion.benchmark_group(format!("{name}_{layers}_layers"));
        group.sample_size(10);
        for (what, objective) in objectives() {
            group.bench_function(what, |bencher| {
                bencher.iter(|| {
                    let costs = Costs::new(&situation).expect("a good situation");
                    black_box(costs.best(black_box(&objective)))
                });
            });
        }
        group.finish();
    }
    criterion.final_summary();
}

fn objectives() -> [(&'static str, Objective); 3] {
    let weights = Criteria {
        ttft_ms: 0.5,
        itl_ms: 1.0,
        money: 1e6,
        device_energy_j: 20.0,
        metered_bytes: 1e-3,
        cloud_passes: 5.0,
    };
    let limits = Criteria {
        ttft_ms: Some(20_000.0),
        itl_ms: Some(400.0),
        money: Some(1.0),
        device_energy_j: Some(2_000.0),
        metered_bytes: Some(1e8),
        ..Criteria::default()
    };
    [
        ("fastest", Objective::FASTEST),
        ("all_weights", Objective { weights, ..Objective::default() }),
        ("all_weights_and_limits", Objective { weights, limits }),
    ]
}

/// A device, `gateways` and `clouds`, each linked to all that are nearer to the target. No node holds
/// the whole model, so that every plan is a split.
fn situation(gateways: u32, clouds: u32, layers: u32) -> Situation {
    let device = node(0, Role::Device, layers, 4_000.0, layers / 8);
    let gateways = (1..=gateways)
        .map(|index| node(index, Role::Gateway, layers, 1_500.0 + 70.0 * index as f32, layers / 3));
    let clouds = (10..10 + clouds)
        .map(|index| node(index, Role::Cloud, layers, 500.0 + 30.0 * index as f32, layers * 2 / 3));
    let nodes: Vec<NodeState> = std::iter::once(device).chain(gateways).chain(clouds).collect();
    let mut links = Vec::new();
    for (at, from) in nodes.iter().enumerate() {
        for (apart, to) in nodes[at + 1..].iter().enumerate() {
            links.push(link(&from.profile, &to.profile, apart));
        }
    }
    Situation {
        device: nodes[0].profile.node.clone(),
        nodes,
        links,
        demand: Demand {
            prompt_tokens: 1_500,
            reply_tokens: 300,
            positions_max: 4_096,
            acceptance: 0.8,
            privacy: Privacy::Anywhere,
            unvouched: false,
            brings: true,
        },
        certificates: certificates(layers),
    }
}

fn node(index: u32, role: Role, layers: u32, layer_us: f32, fit: u32) -> NodeState {
    let weights = Weights {
        layer: ByteCount(GIB),
        embedding: ByteCount(GIB),
        head: ByteCount(GIB),
        kv_position: ByteCount(4_096),
    };
    let model = |layers: u32, layer_us: f32| ModelProfile {
        model: ModelFingerprint([7; 32]),
        layers,
        width: 8_192,
        holds: LayerRange::all(layers),
        times: PassTimes {
            overhead_us: 500.0,
            layer: Surface::flat(Curve::line(layer_us, layer_us / 20.0).expect("times")),
            embedding: Curve::line(50.0, 1.0).expect("times"),
            head: Curve::line(layer_us, layer_us / 8.0).expect("times"),
        },
        weights,
        paced: false,
    };
    let profile = NodeProfile {
        node: NodeName::new(&format!("{role}-{index}")).expect("a name"),
        role,
        measured_unix_s: 0,
        target: Some(model(layers, layer_us)),
        draft: (role == Role::Device).then(|| model(2, 4_000.0)),
        memory: ByteCount(u64::from(fit + 8) * GIB),
        load: 0.01 * index as f32,
        power: Some(Power { idle_w: 5.0, busy_w: 30.0 }),
        price_per_hour: Some(f64::from(index) / 5.0),
    };
    NodeState { profile, load_age_s: 0.0, admission: Admission::Open }
}

fn link(from: &NodeProfile, to: &NodeProfile, apart: usize) -> Link {
    let apart = u32::try_from(apart).expect("few nodes");
    let (rtt, mbps, price) = match (from.role, to.role) {
        (Role::Device, Role::Cloud) => (60.0, 30.0, Some(4.0)),
        (Role::Gateway, Role::Cloud) => (25.0, 300.0, Some(0.1)),
        (Role::Device | Role::Gateway | Role::Cloud, _) => (3.0, 900.0, None),
    };
    let measured = |mean: f64| Estimate { mean, deviation: mean / 10.0 };
    let estimate = LinkEstimate {
        rtt_ms: measured(rtt + f64::from(apart)),
        loss: measured(0.001),
        up_mbps: measured(mbps),
        down_mbps: measured(mbps * 2.0),
        price_per_gigabyte: price,
    };
    Link { from: from.node.clone(), to: to.node.clone(), estimate }
}

/// Every codec, everywhere, with a quality that depends on the boundary.
fn certificates(layers: u32) -> Certificates {
    let scaled = (0..=WireCodec::LEVEL_MAX)
        .map(|level| (WireCodec::Scaled(level), 6.5 - 0.5 * f64::from(level)));
    let codecs =
        [(WireCodec::F16, 16.0), (WireCodec::Int8, 8.5), (WireCodec::Int4, 4.5)].into_iter();
    let measured = codecs.chain(scaled).flat_map(|(codec, bits)| {
        (0..=layers).map(move |boundary| {
            let harder = 1.0 + f64::from(boundary % 7) / 3.0;
            let kl = harder * 0.3 * 2.0_f64.powf(-bits);
            Certificate { codec, boundary, bits, kl, top1: 0.99, perplexity_change: kl / 10.0 }
        })
    });
    let budget = QualityBudget { kl_max: 0.01, top1_min: 0.9, perplexity_change_max: 0.1 };
    Certificates { measured: measured.collect(), budget }
}
