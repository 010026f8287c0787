//! Whether a pass can run: its spans against stage and pool, and the KV that it needs.

use super::batch::{Input, Span};
use super::forward_error::{ForwardError, InputError};
use super::stage::{Stage, StageSpec};
use crate::ModelConfig;
use crate::kv::{Adoption, KvPool};
use base::{ByteCount, TokenId};
use std::collections::BTreeSet;
use std::ops::Range;

/// Positions of one sequence, also of an endless one: they are counted in 32 bits, with room to add.
const POSITIONS_MAX: usize = 1 << 31;

/// Checks `spans` and counts the rows of each.
pub(super) fn check(
    stage: &Stage,
    run: StageSpec,
    spans: &[Span<'_>],
    pool: &KvPool,
) -> Result<Vec<usize>, ForwardError> {
    let (loaded, config) = (stage.spec(), stage.config());
    if !loaded.contains(run) || !run.is_consecutive(config.layers) {
        return Err(ForwardError::Stage { asked: run, loaded });
    }
    let mut seen = BTreeSet::new();
    let check = |span: &Span<'_>| {
        let sequence = span.sequence;
        let rows = check_rows(span, run, config)
            .map_err(|problem| ForwardError::Input { sequence, problem })?;
        if !run.layers.is_empty() {
            check_sequence(span, rows, run, config, pool)?;
            if !seen.insert(sequence) {
                return Err(ForwardError::DuplicateSequence { sequence });
            }
        }
        Ok(rows)
    };
    spans.iter().map(check).collect()
}

/// Finds what of the spans' KV was computed before and takes room for the rest; how many of the
/// leading `rows` of each span need not run.
///
/// # Errors
///
/// [`ForwardError::PoolFull`]: the pool is then unchanged.
pub(super) fn seat(
    run: StageSpec,
    spans: &[Span<'_>],
    rows: &[usize],
    pool: &mut KvPool,
) -> Result<Vec<usize>, ForwardError> {
    if run.layers.is_empty() {
        return Ok(vec![0; spans.len()]);
    }
    let mut found: Vec<Adoption> = Vec::with_capacity(spans.len());
    for (span, rows) in spans.iter().zip(rows) {
        // A row whose logits are wanted runs whatever is known of it.
        let most = if span.logits.is_empty() { *rows } else { span.logits.start };
        // Without the head, every row's hidden states are wanted.
        let tokens = known_text(span).filter(|_| run.head);
        let find = |tokens| pool.find(span.sequence, run.layers, tokens, most);
        found.push(tokens.map_or_else(Adoption::default, find));
    }
    let wanted = spans.iter().zip(&found).zip(rows);
    let wanted = wanted.map(|((span, found), rows)| pool.demand(span.sequence, found, *rows));
    let wanted = wanted.fold(0, usize::saturating_add);
    let full = |free| ForwardError::PoolFull { wanted: ByteCount(wanted as u64), free };
    if !pool.has_room(wanted) {
        return Err(full(pool.free()));
    }
    let skipped: Vec<usize> = found.iter().map(|found| found.rows).collect();
    for (span, found) in spans.iter().zip(found) {
        let tokens = known_text(span).unwrap_or_default();
        pool.adopt(span.sequence, found, tokens, run.layers);
    }
    let mut left = spans.iter().zip(rows).zip(&skipped);
    if left.all(|((span, rows), skipped)| pool.reserve(span.sequence, rows - skipped)) {
        Ok(skipped)
    } else {
        // The system has less memory than the pool may take.
        undo(spans, pool);
        Err(full(ByteCount(0)))
    }
}

/// Cuts the sequences to where they were before [`seat`].
pub(super) fn undo(spans: &[Span<'_>], pool: &mut KvPool) {
    for span in spans {
        let cut = pool.truncate(span.sequence, span.base);
        cut.expect("a window passes over nothing before a pass has ended");
    }
}

/// The tokens of `span`, where its KV is a function of the sequence's tokens alone: whoever runs tokens
/// runs them from the first layer on.
pub(super) fn known_text<'a>(span: &Span<'a>) -> Option<&'a [TokenId]> {
    match span.input {
        Input::Tokens(tokens) => Some(tokens),
        Input::Hidden(_) => None,
    }
}

/// Checks the rows of `span` and counts them.
fn check_rows(span: &Span<'_>, run: StageSpec, config: &ModelConfig) -> Result<usize, InputError> {
    let rows = match span.input {
        Input::Tokens(_) if !run.embedding => return Err(InputError::NotHidden),
        Input::Hidden(_) if run.embedding => return Err(InputError::NotTokens),
        Input::Tokens(tokens) => {
            let vocab = config.vocab;
            if let Some(token) = tokens.iter().find(|token| token.0 as usize >= vocab) {
                return Err(InputError::Token { token: *token, vocab });
            }
            tokens.len()
        }
        Input::Hidden(hidden) => {
            let (len, width) = (hidden.len(), config.width);
            if !len.is_multiple_of(width) {
                return Err(InputError::Width { len, width });
            }
            len / width
        }
    };
    let Range { start, end } = span.logits;
    if rows == 0 {
        Err(InputError::Empty)
    } else if run.head && (start > end || end > rows) {
        Err(InputError::Logits { start, end, rows })
    } else {
        Ok(rows)
    }
}

fn check_sequence(
    span: &Span<'_>,
    rows: usize,
    run: StageSpec,
    config: &ModelConfig,
    pool: &KvPool,
) -> Result<(), ForwardError> {
    let (sequence, base, asked) = (span.sequence, span.base, run.layers);
    if !pool.holds(sequence) {
        return Err(ForwardError::UnknownSequence { sequence });
    }
    let held = pool.len(sequence);
    if base.index() != held {
        return Err(ForwardError::Gap { sequence, base, held });
    }
    if let Some(written) = pool.written_by(sequence).filter(|written| *written != asked) {
        return Err(ForwardError::OtherLayers { sequence, written, asked });
    }
    let (length, context_length) = (held + rows, config.context_length);
    let view = pool.view(sequence);
    // A window that the model can take in never fills its context, however long the text is.
    let seen = view.window.filter(|_| pool.is_stream(sequence)).map(|window| window + view.sinks);
    let most = match seen {
        Some(seen) if seen <= context_length => POSITIONS_MAX,
        Some(_) | None => context_length as usize,
    };
    if length > most {
        return Err(ForwardError::ContextFull { sequence, length, context_length });
    }
    Ok(())
}
