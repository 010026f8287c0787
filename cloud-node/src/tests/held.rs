//! Sessions whose replies are held to a grammar.

use super::device::Device;
use super::world::{
    MODEL, POSITIONS, World, cloud_peer, first, gateway_peer, layers, prompt, reference,
    reference_held, stage, whole,
};
use base::{Grammar, Position, Sampling, TokenId};
use grammar::{Grammars, Guide, Piece};
use protocol::{Constraint, Epoch, FaultKind};
use std::sync::LazyLock;

static GRAMMARS: LazyLock<Grammars> = LazyLock::new(|| {
    let tokenizer = MODEL.tokenizer().unwrap();
    Grammars::new(move || tokenizer.pieces().map(Piece::from).collect())
});

/// Replies behind the prompt are of this expression.
fn held(regex: &str) -> Constraint {
    Constraint { from: Position::after(prompt().len()), grammar: Grammar::Regex(regex.to_owned()) }
}

/// What the target says that is held so, without a network.
fn expected(Constraint { from, grammar }: &Constraint, count: usize) -> Vec<TokenId> {
    let mut guide = Guide::new(GRAMMARS.compile(grammar).unwrap(), *from, Vec::new());
    reference_held(&mut guide, &Sampling::GREEDY, count)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_grammar_that_cannot_be_read_is_refused_with_the_reason() {
    let mut world = World::new();
    let cloud = world.cloud().await;
    let device = Device::dial(&mut world, "device", &cloud_peer(), cloud.local_addr()).await;
    let mut session = device.session(1, Sampling::GREEDY, whole(), None).await;
    let grammar = Grammar::JsonSchema(r#"{"type":"strin"}"#.to_owned());
    session.open.constraint = Some(Constraint { grammar, ..held("") });
    let fault = session.refused().await;
    assert_eq!(fault.kind, FaultKind::Rejected);
    assert!(fault.detail.contains("JSON schema") && fault.detail.contains("strin"), "{fault:?}");
    session.open.constraint = Some(held("[a-z ]*"));
    session.opened().await;
}

/// Goal: a device that drafts what it likes hears the target's own words that are held to the grammar, also over a
/// gateway. Method: drafts with mistakes in every third round, of which some are no words of the grammar.
#[tokio::test(flavor = "multi_thread")]
async fn drafts_do_not_lead_the_target_out_of_the_grammar() {
    let mut world = World::new();
    let cloud = world.cloud().await;
    let gateway = world.gateway(cloud.local_addr()).await;
    let constraint = held("([a-z]+ )*[a-z]*");
    let said = expected(&constraint, 24);
    assert_ne!(said, reference(&Sampling::GREEDY, 24));
    let over_both = vec![first(stage("gateway", layers(0, 3))), stage("cloud", layers(3, 6))];
    for (peer, address, stages) in [
        (cloud_peer(), cloud.local_addr(), whole()),
        (gateway_peer(), gateway.local_addr(), over_both),
    ] {
        let device = Device::dial(&mut world, "device", &peer, address).await;
        let mut session = device.session(1, Sampling::GREEDY, stages, None).await;
        session.open.constraint = Some(constraint.clone());
        session.opened().await;
        session.speculate(&said).await;
    }
}

/// Goal: what a session's text is held to may change, and only the words change with it.
#[tokio::test(flavor = "multi_thread")]
async fn another_constraint_is_another_text_over_the_same_kv() {
    let mut world = World::new();
    let cloud = world.cloud().await;
    let device = Device::dial(&mut world, "device", &cloud_peer(), cloud.local_addr()).await;
    let mut session = device.session(1, Sampling::GREEDY, whole(), None).await;
    session.open.have = Position(POSITIONS);
    for (epoch, constraint) in
        [None, Some(held("[a-z ]*")), Some(held("[A-Z]*")), None].into_iter().enumerate()
    {
        session.open.epoch = Epoch(u32::try_from(epoch).unwrap());
        session.open.constraint.clone_from(&constraint);
        let opened = session.opened().await;
        assert_eq!(opened.held >= Position::after(prompt().len()), epoch > 0);
        let said = session.say(12).await;
        let expected = constraint.map_or_else(
            || reference(&Sampling::GREEDY, 12),
            |constraint| expected(&constraint, 12),
        );
        assert_eq!(said, expected, "{:?}", session.open.constraint);
    }
}
