//! That the simulation sees what it is there to see: KV of others.

use super::*;

const WHOSE: Whose = Whose { tenant: 7, model: 0, lineage: 0 };

fn text(first: u32) -> Vec<TokenId> {
    (first..first + 8).map(TokenId).collect()
}

/// A sequence of `whose` in the first two layers is given, as KV of `text(1)`, what one of `of` in `layers`
/// computed for `text(first)`.
fn use_that_of(of: Whose, layers: LayerRange, first: u32) -> usize {
    let (mut oracle, mut pool) = (Oracle::default(), Pool::default());
    let mut computed = Sequence::new(of, layers);
    let _ = computed.run(&mut oracle, &text(first), None);
    computed.publish(&mut pool, 0);
    let blocks: Vec<_> = std::mem::take(&mut pool.blocks).into_values().collect();
    for (name, block) in WHOSE.names(&text(1)).into_iter().zip(blocks) {
        pool.blocks.insert((name, 0, 6), block);
    }
    let mut session = Sequence::new(WHOSE, LayerRange::all(2));
    session.adopt(&mut oracle, &pool, &text(1), 8)
}

#[test]
fn ones_own_is_used() {
    assert_eq!(use_that_of(WHOSE, LayerRange::all(6), 1), 8);
    assert_eq!(use_that_of(WHOSE, LayerRange::all(1), 1), 0, "not where layers are missing");
}

#[test]
#[should_panic(expected = "another tenant")]
fn another_tenants_is_an_error() {
    use_that_of(Whose { tenant: 8, ..WHOSE }, LayerRange::all(6), 1);
}

#[test]
#[should_panic(expected = "another tenant, model")]
fn another_models_is_an_error() {
    use_that_of(Whose { model: 1, ..WHOSE }, LayerRange::all(6), 1);
}

#[test]
#[should_panic(expected = "another text")]
fn another_texts_is_an_error() {
    use_that_of(WHOSE, LayerRange::all(6), 2);
}

/// Names depend on all that KV does.
#[test]
fn another_tenant_model_lineage_or_text_has_other_names() {
    let lossy = WHOSE.hop(2, WireCodec::F16);
    assert_eq!(WHOSE.hop(2, WireCodec::F32), WHOSE);
    let names = [
        WHOSE.names(&text(1)),
        Whose { tenant: 8, ..WHOSE }.names(&text(1)),
        Whose { model: 1, ..WHOSE }.names(&text(1)),
        lossy.names(&text(1)),
        lossy.hop(3, WireCodec::F16).names(&text(1)),
        WHOSE.names(&text(2)),
    ];
    let all: std::collections::BTreeSet<_> = names.iter().flatten().collect();
    assert_eq!(all.len(), names.len() * 2);
}

#[test]
#[should_panic(expected = "not in their places")]
fn bytes_in_other_places_are_an_error() {
    let (mut oracle, mut pool) = (Oracle::default(), Pool::default());
    let mut computed = Sequence::new(WHOSE, LayerRange::all(6));
    let _ = computed.run(&mut oracle, &text(1), None);
    computed.publish(&mut pool, 0);
    let segment = Segment { name: WHOSE.names(&text(1))[0], layers: LayerRange::all(3) };
    let mut bytes = pool.export(&segment).unwrap();
    assert_eq!((bytes.len(), Block::from_bytes(&bytes).whose()), (segment.len(), WHOSE));
    bytes[HEAD_LEN..].rotate_left(1024);
    bytes[HEAD_LEN..].rotate_left(8);
    let _ = Block::from_bytes(&bytes);
}
