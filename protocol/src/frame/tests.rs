//! Frames: golden bytes both ways, every limit at its edge, hostile bytes, and the fuzzer's corpus.

use super::*;
use crate::error::LimitError;
use crate::*;
use ::base::{
    ByteCount, ChannelScale, Grammar, KvFormat, LayerRange, Likelihoods, ModelFingerprint,
    NodeName, Position, Privacy, Role, Sampling, StreamWindow, TokenId, TokenizerFingerprint,
    WireCodec,
};
use ::profile::{Curve, ModelProfile, NodeProfile, PassTimes, Power, Reach, Surface, Weights};

mod links;
mod segments;
#[path = "../../fuzz/walk.rs"]
mod walk;

fn name(name: &str) -> NodeName {
    NodeName::new(name).unwrap()
}

fn stage() -> PlannedStage {
    PlannedStage {
        node: name("cloud"),
        layers: LayerRange::new(2, 6).unwrap(),
        embedding: false,
        head: true,
        codec: WireCodec::Int8,
        scales: Vec::new(),
    }
}

fn calibrated_open() -> Open {
    let scales = vec![ChannelScale(120), ChannelScale(136)];
    let stage = PlannedStage { codec: WireCodec::Scaled(6), scales, ..stage() };
    Open { stages: vec![stage], ..open() }
}

fn open() -> Open {
    Open {
        session: SessionId([0x11; 16]),
        epoch: Epoch(3),
        have: Position(300),
        sampling: Sampling::new(0.8, 40, 0.95, 7).unwrap(),
        stages: vec![stage()],
        end_tokens: vec![TokenId(2), TokenId(4095)],
        positions_max: 1024,
        kv: KvFormat::Q8,
        stream: Some(StreamWindow::new(4, 1000).unwrap()),
        tenant: None,
        lineage: None,
        class: Privacy::Anywhere,
        constraint: None,
        likelihoods: None,
        trace: None,
    }
}

fn pass() -> Pass {
    Pass {
        epoch: Epoch(3),
        base: Position(301),
        prefix: PrefixCheck([1, 2, 3, 4]),
        tokens: [5, 127, 128, 4000, 70_000].map(TokenId).to_vec(),
        said: 1,
        drafts: 2,
        ask: true,
        extend: 16,
        told: false,
        hidden: None,
    }
}

fn constraint(schema: String) -> Constraint {
    Constraint { from: Position(300), grammar: Grammar::JsonSchema(schema) }
}

fn hidden(bytes: u32) -> Hidden {
    Hidden { codec: WireCodec::F16, width: 2, bytes }
}

fn verdict() -> Verdict {
    Verdict {
        epoch: Epoch(3),
        from: Position(303),
        agreed: vec![true, false],
        accepted: 2,
        tokens: [9, 300].map(TokenId).to_vec(),
        likelihoods: Vec::new(),
        passes: 12,
        cost: Some(Cost { rows: 3, us: 41_000 }),
    }
}

/// Of a token, beside so many of the likeliest.
fn likelihoods(top: usize) -> Likelihoods {
    let one = (TokenId(300), -0.5);
    Likelihoods { chosen: one, top: vec![one; top] }
}

fn draft() -> Draft {
    let tokens = [5, 127, 128, 4000].map(TokenId).to_vec();
    Draft { epoch: Epoch(3), base: Position(304), prefix: PrefixCheck([1, 2, 3, 4]), tokens }
}

fn fault(kind: FaultKind) -> Message {
    Message::Fault(Fault::on_session(Epoch(3), kind, "no room").retry_after(250))
}

/// One of each kind and shape, with the name that it has in `testdata/golden.txt`.
fn samples() -> Vec<(&'static str, Frame)> {
    let gap = FaultKind::Gap { held: Position(2), prefix: PrefixHash(0x1122_3344_5566_7788) };
    let rows = Message::Pass(Pass { hidden: Some(hidden(20)), ..pass() });
    let told = Pass { said: 0, drafts: 0, ask: false, extend: 0, told: true, ..pass() };
    let tenant = Some(TenantSecret([0x22; 32]));
    let constraint = Some(constraint("{}".to_owned()));
    let trace = Some(TraceContext { trace: [0x33; 16], span: [0x44; 8], sampled: true });
    let opened = Opened {
        epoch: Epoch(3),
        held: Position(300),
        prefix: PrefixHash::EMPTY.extend(&[TokenId(1), TokenId(2)]),
        passes: 12,
    };
    let rollback = Rollback { epoch: Epoch(4), to: Position(310) };
    let word = Verdict { tokens: vec![TokenId(300)], agreed: vec![], cost: None, ..verdict() };
    let word = Verdict { accepted: 0, ..word };
    let likely = Verdict { likelihoods: vec![likelihoods(2)], ..word.clone() };
    let ack = Verdict { agreed: vec![], accepted: 0, tokens: vec![], cost: None, ..verdict() };
    let mut samples = links::samples();
    let sessions: Vec<(_, Frame)> = vec![
        ("open", Message::Open(open()).into()),
        ("open with a calibrated hop", Message::Open(calibrated_open()).into()),
        ("open of a tenant", Message::Open(Open { tenant, ..open() }).into()),
        (
            "open behind a lossy hop",
            Message::Open(Open { lineage: Some([0x55; 32]), ..open() }).into(),
        ),
        ("open of JSON, traced", Message::Open(Open { constraint, trace, ..open() }).into()),
        (
            "open that asks how likely",
            Message::Open(Open { likelihoods: Some(5), ..open() }).into(),
        ),
        ("opened", Message::Opened(opened).into()),
        ("pass", Message::Pass(pass()).into()),
        ("pass with hidden states", Frame { message: rows, payload: vec![7; 20].into() }),
        ("pass that is told", Message::Pass(told).into()),
        ("draft", Message::Draft(draft()).into()),
        ("verdict", Message::Verdict(verdict()).into()),
        ("verdict of the next word", Message::Verdict(word).into()),
        ("verdict that acknowledges", Message::Verdict(ack).into()),
        ("verdict that says how likely", Message::Verdict(likely).into()),
        ("rollback", Message::Rollback(rollback).into()),
        ("close", Message::Close(Close {}).into()),
        ("fault of misbehaviour", fault(FaultKind::PeerMisbehaved).into()),
        ("fault of incompatibility", fault(FaultKind::PeerIncompatible).into()),
        ("fault of reach", fault(FaultKind::Unavailable).into()),
        ("fault of load", fault(FaultKind::Overloaded).into()),
        ("fault of the request", fault(FaultKind::Rejected).into()),
        ("fault of a gap", fault(gap).into()),
        ("fault of corruption", fault(FaultKind::Corrupt).into()),
    ];
    samples.extend(sessions);
    samples.extend(segments::samples());
    samples
}

fn bytes_of(frame: &Frame) -> Vec<u8> {
    encode(frame).unwrap().concat()
}

fn read(bytes: &[u8]) -> Result<Frame, DecodeError> {
    let (header, rest) = match Header::parse(&bytes[..Header::START_LEN])? {
        Some(header) => (header, &bytes[Header::START_LEN..]),
        None => {
            let (start, rest) = bytes.split_at(Header::START_LEN + 1);
            (Header::parse(start)?.unwrap(), rest)
        }
    };
    let (body, payload) = rest.split_at(header.body_len);
    let message = decode(header, body)?;
    assert_eq!(message.payload_len(), payload.len());
    Ok(Frame { message, payload: payload.to_vec().into() })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> =
        text.bytes().map(|b| u8::try_from(char::from(b).to_digit(16).unwrap()).unwrap()).collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

#[test]
fn every_message_has_its_golden_bytes_and_they_read_back() {
    let golden: Vec<(&str, &str)> = include_str!("../testdata/golden.txt")
        .lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty())
        .map(|line| line.split_once(": ").unwrap())
        .collect();
    let samples = samples();
    let actual: String = samples
        .iter()
        .map(|(name, frame)| format!("{name}: {}\n", hex(&bytes_of(frame))))
        .collect();
    let expected: String =
        golden.iter().map(|(name, bytes)| format!("{name}: {bytes}\n")).collect();
    assert_eq!(actual, expected, "the wire has changed; its bytes are now\n{actual}");
    for ((name, frame), (_, bytes)) in samples.iter().zip(golden) {
        assert_eq!(&read(&unhex(bytes)).unwrap(), frame, "{name}");
    }
    let kinds = samples.iter().map(|(_, frame)| frame.message.kind());
    for kind in Kind::ALL {
        assert!(kinds.clone().any(|sampled| sampled == kind), "{kind:?} has no golden bytes");
    }
}

/// A field, its limit, and a message in which it has so many.
type Case = (&'static str, usize, fn(usize) -> Message);

const CASES: [Case; 20] = [
    ("stages", limits::STAGES_MAX, |n| Message::Open(Open { stages: vec![stage(); n], ..open() })),
    ("channel scales", limits::SCALES_MAX, |n| {
        let stage = PlannedStage { scales: vec![ChannelScale(128); n], ..stage() };
        Message::Open(Open { stages: vec![stage], ..open() })
    }),
    ("end tokens", limits::END_TOKENS_MAX, |n| {
        Message::Open(Open { end_tokens: vec![TokenId(1); n], ..open() })
    }),
    ("session positions", limits::POSITIONS_MAX as usize, |n| {
        Message::Open(Open { positions_max: small(n), ..open() })
    }),
    ("grammar bytes", limits::GRAMMAR_LEN_MAX, |n| {
        Message::Open(Open { constraint: Some(constraint(" ".repeat(n))), ..open() })
    }),
    ("likeliest tokens", limits::LIKELIEST_MAX as usize, |n| {
        Message::Open(Open { likelihoods: Some(u8::try_from(n).unwrap()), ..open() })
    }),
    ("held positions", 1024, |n| Message::Open(Open { have: Position::after(n), ..open() })),
    ("pass rows", limits::PASS_ROWS_MAX, |n| {
        Message::Pass(Pass { tokens: vec![TokenId(u32::MAX); n], ..pass() })
    }),
    ("drafts", limits::DRAFTS_MAX, |n| {
        Message::Pass(Pass { tokens: vec![TokenId(1); 99], said: 0, drafts: small(n), ..pass() })
    }),
    ("drafts", limits::DRAFTS_MAX, |n| {
        Message::Draft(Draft { tokens: vec![TokenId(u32::MAX); n], ..draft() })
    }),
    ("base position", limits::POSITIONS_MAX as usize, |n| {
        Message::Draft(Draft { base: Position::after(n), ..draft() })
    }),
    ("rows of a cost", limits::PASS_ROWS_MAX, |n| {
        let cost = Some(Cost { rows: small(n), us: 1 });
        Message::Verdict(Verdict { cost, ..verdict() })
    }),
    ("judged tokens", 5, |n| Message::Pass(Pass { said: small(n), drafts: 0, ..pass() })),
    ("extension", limits::EXTEND_MAX as usize, |n| {
        Message::Pass(Pass { extend: small(n), ..pass() })
    }),
    ("base position", limits::POSITIONS_MAX as usize, |n| {
        Message::Pass(Pass { base: Position::after(n), ..pass() })
    }),
    ("agreed marks", limits::PASS_ROWS_MAX, |n| {
        Message::Verdict(Verdict { agreed: vec![true; n], ..verdict() })
    }),
    ("target tokens", 1 + limits::EXTEND_MAX as usize, |n| {
        Message::Verdict(Verdict { tokens: vec![TokenId(u32::MAX); n], ..verdict() })
    }),
    ("likelihoods", 4, |n| {
        Message::Verdict(Verdict { likelihoods: vec![likelihoods(1); n], ..verdict() })
    }),
    ("likeliest tokens", limits::LIKELIEST_MAX as usize, |n| {
        Message::Verdict(Verdict { likelihoods: vec![likelihoods(n)], ..verdict() })
    }),
    ("fault detail bytes", limits::DETAIL_LEN_MAX, |n| {
        let Message::Fault(fault) = fault(FaultKind::Corrupt) else { unreachable!() };
        Message::Fault(Fault { detail: "x".repeat(n), ..fault })
    }),
];

#[test]
fn every_limit_holds_at_its_edge_and_not_one_past_it() {
    let cases = links::CASES.into_iter().chain(CASES);
    for (what, limit, message) in cases.chain(segments::CASES) {
        let payload = vec![0; message(limit).payload_len()].into();
        let at = Frame { message: message(limit), payload };
        assert_eq!(read(&bytes_of(&at)).unwrap(), at, "{what} at the limit");
        let past = message(limit + 1);
        let error = LimitError { what, actual: limit + 1, limit };
        assert_eq!(past.check(), Err(error), "{what} past the limit");
        let payload = vec![0; past.payload_len()].into();
        assert!(encode(&Frame { message: past.clone(), payload }).is_err());
        // Sent all the same, by a peer with other ideas:
        let body = past.encode_body().unwrap();
        let header = Header { kind: past.kind(), body_len: body.len() };
        assert!(matches!(decode(header, &body), Err(DecodeError::Limit { .. })), "{what}");
    }
}

#[test]
fn the_last_limits_hold_too() {
    let accepted = |n| Message::Verdict(Verdict { accepted: small(n), ..verdict() }).check();
    assert!(accepted(limits::DRAFTS_MAX).is_ok() && accepted(limits::DRAFTS_MAX + 1).is_err());
    let from = |n: u32| Message::Verdict(Verdict { from: Position(n), ..verdict() }).check();
    assert!(from(limits::POSITIONS_MAX).is_ok() && from(limits::POSITIONS_MAX + 1).is_err());
    // A pass of 1,024 rows of 8,192 f32 values is over the cap for the whole payload.
    let rows = |bytes| {
        let hidden = Hidden { codec: WireCodec::F32, width: 8192, bytes: small(bytes) };
        let tokens = vec![TokenId(1); limits::PASS_ROWS_MAX];
        Message::Pass(Pass { tokens, hidden: Some(hidden), ..pass() }).check()
    };
    assert!(rows(limits::HIDDEN_LEN_MAX).is_ok() && rows(limits::HIDDEN_LEN_MAX + 1).is_err());
    let two_by_five = |bytes| Pass { hidden: Some(hidden(bytes)), ..pass() };
    assert!(Message::Pass(two_by_five(20)).check().is_ok());
    assert!(Message::Pass(two_by_five(21)).check().is_err(), "five rows of two f16 values");
    let wide = |width| Pass { hidden: Some(Hidden { width, ..hidden(0) }), ..pass() };
    assert!(Message::Pass(wide(limits::WIDTH_MAX)).check().is_ok());
    assert!(Message::Pass(wide(limits::WIDTH_MAX + 1)).check().is_err());
}

/// The window's range is its type's; a peer with other ideas is told what is wrong with it.
#[test]
fn a_stream_window_out_of_its_range_does_not_decode() {
    let good = Message::Open(open()).encode_body().unwrap();
    let sinks_at = good.len() - 10;
    assert_eq!(good[sinks_at..][..5], [4, 251, 232, 3, 0], "four sinks, a length of 1000");
    let window = |sinks: u8, length: [u8; 2]| {
        let mut body = good.clone();
        body[sinks_at] = sinks;
        body[sinks_at + 2..sinks_at + 4].copy_from_slice(&length);
        decode(Header { kind: Kind::Open, body_len: body.len() }, &body)
    };
    assert!(window(64, [0, 4]).is_ok());
    for (sinks, length) in [(65, [0, 4]), (4, [63, 0])] {
        assert!(matches!(window(sinks, length), Err(DecodeError::Body { .. })), "{sinks}");
    }
}

#[test]
fn a_body_may_be_as_long_as_its_kinds_limit_and_no_longer() {
    for kind in Kind::ALL {
        let header = |body_len: usize| {
            let [low, high] = u16::try_from(body_len).unwrap().to_le_bytes();
            match high {
                0 => Header::parse(&[MARK | kind.code(), low]),
                _ => Header::parse(&[MARK_LONG | kind.code(), low, high]),
            }
        };
        let limit = body_len_max(kind);
        assert_eq!(header(limit).unwrap(), Some(Header { kind, body_len: limit }));
        assert!(matches!(header(limit + 1), Err(DecodeError::BodyTooLong { .. })), "{kind:?}");
    }
}

#[test]
fn a_long_header_is_for_bodies_that_a_short_one_cannot_announce() {
    let code = Kind::Pass.code();
    assert_eq!(Header::parse(&[MARK | code, 255]).unwrap().unwrap().body_len, 255);
    assert_eq!(Header::parse(&[MARK_LONG | code, 0]).unwrap(), None);
    assert_eq!(Header::parse(&[MARK_LONG | code, 0, 1]).unwrap().unwrap().body_len, 256);
    let short = Header::parse(&[MARK_LONG | code, 255, 0]);
    assert!(matches!(short, Err(DecodeError::LongHeader { actual: 255, .. })), "{short:?}");
    assert!(matches!(Header::parse(&[0x16, 0]), Err(DecodeError::Mark { .. })), "at once");
}

#[test]
fn bytes_that_are_no_frame_are_refused_with_the_reason() {
    let good = bytes_of(&Message::Ping(Ping { nonce: 7 }).into());
    let with = |at: usize, byte: u8| {
        let mut bytes = good.clone();
        bytes[at] = byte;
        bytes
    };
    assert!(matches!(read(&with(0, 0x16)), Err(DecodeError::Mark { actual: 0x16 })));
    // The one code that no kind has.
    assert!(matches!(read(&with(0, MARK)), Err(DecodeError::Kind { .. })));
    let header = Header { kind: Kind::Ping, body_len: 2 };
    assert!(matches!(decode(header, &[7, 0]), Err(DecodeError::Body { .. })), "trailing byte");
    assert!(matches!(decode(header, &[7]), Err(DecodeError::BodyLength { .. })));
    let empty = Header { kind: Kind::Ping, body_len: 0 };
    assert!(matches!(decode(empty, &[]), Err(DecodeError::Body { .. })), "no body");
}

/// Goal: no byte of any golden frame can be changed or cut so that reading panics, and what still
/// reads says what its bytes say.
#[test]
fn changed_and_cut_frames_never_panic() {
    for (_, frame) in samples() {
        let bytes = bytes_of(&frame);
        for at in 0..bytes.len() {
            walk::walk(&bytes[..at]);
            for flip in [1, 0x80, 0xff] {
                let mut changed = bytes.clone();
                changed[at] ^= flip;
                walk::walk(&changed);
            }
        }
    }
}

#[test]
fn the_fuzzers_corpus_never_panics() {
    let corpus = concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz/corpus/decode");
    let mut files = 0;
    for entry in std::fs::read_dir(corpus).unwrap() {
        walk::walk(&std::fs::read(entry.unwrap().path()).unwrap());
        files += 1;
    }
    assert!(files >= 20, "{files} files in {corpus}");
}

#[test]
fn only_hidden_states_travel_on_the_hidden_lane() {
    for (name, Frame { message, payload }) in samples() {
        let rows = message.kind() == Kind::Pass && !payload.is_empty();
        let lane = if rows { Lane::Hidden } else { Lane::Control };
        assert_eq!(message.lane(), lane, "{name}");
    }
}

#[test]
fn every_kind_may_be_sent_by_someone_and_only_some_by_both() {
    let both: Vec<_> = Kind::ALL
        .into_iter()
        .filter(|kind| kind.may_be_sent_up() && kind.may_be_sent_down())
        .collect();
    assert_eq!(both, [Kind::Pass, Kind::Verdict, Kind::Ping, Kind::Pong, Kind::Fault]);
    assert!(Kind::ALL.iter().all(|kind| kind.may_be_sent_up() || kind.may_be_sent_down()));
    for kind in Kind::ALL {
        assert_eq!(Kind::from_code(kind.code()), Some(kind));
    }
}

/// Goal: keep an eye on what a round costs. Four drafts, two of which are accepted.
#[test]
fn a_speculative_round_takes_few_bytes() {
    let tokens = [300, 17, 2500, 801].map(TokenId).to_vec();
    let up = Message::Draft(Draft { tokens, ..draft() }).into();
    let answer = Verdict { agreed: vec![], tokens: vec![TokenId(99)], cost: None, ..verdict() };
    let down = Message::Verdict(answer).into();
    assert_eq!((bytes_of(&up).len(), bytes_of(&down).len()), (16, 8));
}

fn small(n: usize) -> u32 {
    u32::try_from(n).unwrap()
}
