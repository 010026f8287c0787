//! What a node does about each error, as one table, and how errors read.

use super::*;
use crate::frame::{MARK, decode};
use crate::{Header, PrefixHash};
use ::base::{LayerRange, ModelFingerprint, TokenizerFingerprint};
use std::error::Error as _;

fn fault(kind: FaultKind) -> Error {
    Error::Fault(Fault::on_session(Epoch(1), kind, "because"))
}

#[test]
fn blame_decides_the_action() {
    let name = NodeName::new("cloud").unwrap();
    let impostor = PeerMisbehaved::Impostor { role: Role::Device, name };
    let gap = FaultKind::Gap { held: Position(0), prefix: PrefixHash::EMPTY };
    let later = Fault::on_session(Epoch(1), FaultKind::Overloaded, "full").retry_after(100);
    let text = || String::from("x");
    let layers = HandshakeError::Layers { holds: LayerRange::all(2), layers: 1 };
    let tokenizer = HandshakeError::Tokenizer {
        ours: TokenizerFingerprint([1; 32]),
        theirs: TokenizerFingerprint([2; 32]),
    };
    let model = HandshakeError::Model {
        ours: ModelFingerprint([1; 32]),
        theirs: ModelFingerprint([2; 32]),
    };
    let role = HandshakeError::Role { ours: Role::Device, theirs: Role::Cloud };
    let too_long = LimitError { what: "drafts", actual: 65, limit: 64 };
    for (error, action) in [
        (Error::Decode(DecodeError::Mark { actual: 0 }), Action::Close),
        (Error::Encode(EncodeError::Limit(too_long)), Action::Close),
        (Error::Misbehaved(PeerMisbehaved::OutOfTurn { kind: Kind::Pass }), Action::Close),
        (Error::LinkLost, Action::Failover),
        (HandshakeError::Versions { ours: (1, 1), theirs: (2, 2) }.into(), Action::Exit),
        (HandshakeError::Numerics { ours: text(), theirs: text() }.into(), Action::Exit),
        (tokenizer.into(), Action::Exit),
        (model.into(), Action::Exit),
        (layers.into(), Action::Exit),
        (role.into(), Action::Close),
        (HandshakeError::Impostor(impostor).into(), Action::Close),
        (fault(FaultKind::PeerMisbehaved), Action::Close),
        (fault(FaultKind::Corrupt), Action::Close),
        (fault(FaultKind::PeerIncompatible), Action::Exit),
        (fault(FaultKind::Unavailable), Action::Failover),
        (fault(FaultKind::Overloaded), Action::Failover),
        (Error::Fault(later), Action::Retry),
        (fault(FaultKind::Rejected), Action::Refuse),
        (fault(gap), Action::Retry),
    ] {
        assert_eq!(respond(&error), action, "{error:?}");
    }
}

#[test]
fn an_error_says_its_own_layer_and_leaves_the_cause_to_its_source() {
    let header = Header::parse(&[MARK | Kind::Ping.code(), 2]).unwrap().unwrap();
    let error = Error::from(decode(header, &[7, 0]).unwrap_err());
    assert_eq!(error.to_string(), "frame from peer is corrupt");
    let source = error.source().unwrap();
    assert_eq!(source.to_string(), "Ping body does not decode");
    assert_eq!(source.source().unwrap().to_string(), "body has 1 bytes after its message");
    let cap = LimitError::cap("drafts", 65, 64).unwrap_err();
    assert_eq!(cap.to_string(), "drafts: 65 exceeds the limit of 64");
}
