//! Frames of a link itself.

use super::*;

fn hello() -> Hello {
    Hello {
        versions: (7, 7),
        node: name("car-7"),
        role: Role::Device,
        numerics: "causeway-1".to_owned(),
        tokenizer: Some(TokenizerFingerprint([0xaa; 32])),
        model: None,
        tenant: None,
    }
}

fn welcome() -> Welcome {
    Welcome {
        version: 7,
        node: name("cloud"),
        role: Role::Cloud,
        numerics: "causeway-1".to_owned(),
        model: ModelFingerprint([0xbb; 32]),
        tokenizer: TokenizerFingerprint([0xaa; 32]),
        layers: 6,
        width: 256,
        vocab: 4096,
        holds: LayerRange::new(2, 6).unwrap(),
        reach: None,
    }
}

fn measured_welcome() -> Welcome {
    let curve = |points: &[(u32, f32)]| Curve::new(points.to_vec()).unwrap();
    let layer = Surface::new(vec![(0, curve(&[(1, 20.0), (8, 50.0)])), (512, curve(&[(1, 25.0)]))]);
    let target = ModelProfile {
        model: ModelFingerprint([0xbb; 32]),
        layers: 6,
        width: 256,
        holds: LayerRange::new(2, 6).unwrap(),
        times: PassTimes {
            overhead_us: 4.0,
            layer: layer.unwrap(),
            embedding: curve(&[(1, 0.5)]),
            head: curve(&[(1, 60.0), (4, 90.0)]),
        },
        weights: Weights {
            layer: ByteCount(905_000),
            embedding: ByteCount(0),
            head: ByteCount(1_114_112),
            kv_position: ByteCount(1024),
        },
        paced: false,
    };
    let node = NodeProfile {
        node: name("cloud"),
        role: Role::Cloud,
        measured_unix_s: 1_790_000_000,
        target: Some(target),
        draft: None,
        memory: ByteCount(8 << 30),
        load: 0.25,
        power: Some(Power { idle_w: 60.0, busy_w: 180.0 }),
        price_per_hour: Some(0.5),
    };
    Welcome { reach: Some(Box::new(Reach { node, upstream: None })), ..welcome() }
}

pub(super) fn samples() -> Vec<(&'static str, Frame)> {
    let tenant = Some(TenantSecret([0x22; 32]));
    vec![
        ("hello", Message::Hello(hello()).into()),
        ("hello of a tenant", Message::Hello(Hello { tenant, ..hello() }).into()),
        ("welcome", Message::Welcome(welcome()).into()),
        ("welcome with what the node can do", Message::Welcome(measured_welcome()).into()),
        ("ping", Message::Ping(Ping { nonce: 7 }).into()),
        ("pong", Message::Pong(Pong { nonce: 300, load: 128 }).into()),
        ("receipt", Message::Receipt(Receipt { bytes: 65_536, us: 41_000 }).into()),
    ]
}

pub(super) const CASES: [Case; 6] = [
    ("bytes that arrived", limits::HIDDEN_LEN_MAX, |n| {
        Message::Receipt(Receipt { bytes: small(n), us: 1 })
    }),
    ("numerics class bytes", limits::NUMERICS_LEN_MAX, |n| {
        Message::Hello(Hello { numerics: "x".repeat(n), ..hello() })
    }),
    ("numerics class bytes", limits::NUMERICS_LEN_MAX, |n| {
        Message::Welcome(Welcome { numerics: "x".repeat(n), ..welcome() })
    }),
    ("layers", limits::LAYERS_MAX as usize, |n| {
        Message::Welcome(Welcome { layers: small(n), ..welcome() })
    }),
    ("layers held", 6, |n| {
        let holds = LayerRange::new(0, small(n)).unwrap();
        Message::Welcome(Welcome { holds, ..welcome() })
    }),
    ("width", limits::WIDTH_MAX as usize, |n| {
        Message::Welcome(Welcome { width: small(n), ..welcome() })
    }),
];
