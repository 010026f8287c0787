//! A decision for people.

use partitioner::{Choice, Costs, Decision, NodeState, Prediction};
use std::fmt::{self, Write as _};

/// What was decided, why, and from what.
pub(super) fn decision(
    decision: &Decision,
    costs: &Costs<'_>,
    nodes: &[NodeState],
    unreached: &[String],
) -> Result<String, fmt::Error> {
    let mut text = String::new();
    writeln!(text, "known:")?;
    for NodeState { profile, .. } in nodes {
        let paced = profile.target.as_ref().is_some_and(|target| target.paced);
        let paced = if paced { ", at an emulated machine's pace" } else { "" };
        let layers = match &profile.target {
            Some(target) => format!("layers {} of {}", target.holds, target.layers),
            None => "no layers of the target".to_owned(),
        };
        writeln!(text, "  {} {}: {layers}, {}{paced}", profile.role, profile.node, profile.memory)?;
    }
    for why in unreached {
        writeln!(text, "  {why}")?;
    }
    match &decision.chosen {
        None => writeln!(text, "\nno plan is possible")?,
        Some(chosen) => choice(&mut text, chosen, costs)?,
    }
    if let Some(prompt) = &decision.prompt {
        writeln!(text, "  {prompt}")?;
    }
    writeln!(text, "\nin place of it:")?;
    for alternative in &decision.alternatives {
        writeln!(text, "  {alternative}")?;
    }
    if decision.chains_left_out > 0 {
        writeln!(text, "  and {} more chains of nodes", decision.chains_left_out)?;
    }
    Ok(text)
}

fn choice(text: &mut String, chosen: &Choice, costs: &Costs<'_>) -> fmt::Result {
    let Prediction {
        ttft_ms,
        ttft_deviation_ms,
        itl_ms,
        itl_deviation_ms,
        reply_ms,
        prompt_bytes_up,
        token_bytes_up,
        token_bytes_down,
        money_per_1000_tokens,
        device_energy_j,
        cloud_passes,
        ..
    } = chosen.prediction;
    writeln!(text, "\nplan: {}", chosen.candidate)?;
    writeln!(
        text,
        "  first token after {ttft_ms:.0} ms (± {ttft_deviation_ms:.0}), then one every \
         {itl_ms:.1} ms (± {itl_deviation_ms:.1}); the reply takes {:.2} s",
        reply_ms / 1e3
    )?;
    writeln!(
        text,
        "  bytes: {prompt_bytes_up:.0} up for the prompt, {token_bytes_up:.0} up and \
         {token_bytes_down:.0} down a token"
    )?;
    writeln!(
        text,
        "  money: {money_per_1000_tokens:.5} for 1,000 tokens; device: {device_energy_j:.1} J; \
         clouds: {cloud_passes:.0} passes"
    )?;
    for part in costs.parts(&chosen.candidate).iter().filter(|part| part.itl_ms > 0.0) {
        writeln!(text, "  {:6.1} ms a token: {}", part.itl_ms, part.of)?;
    }
    Ok(())
}
