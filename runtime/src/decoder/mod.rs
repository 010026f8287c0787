//! The one decoder: a ragged batch of positions through a range of layers.
//!
//! Prefill, decode and verify differ in how many rows of how many sequences run at once, and in
//! which rows' logits are wanted. The decoder sees spans and does not know which of them it
//! serves.
//!
//! Source: Llama (Touvron et al. 2023, arXiv:2302.13971), grouped-query attention (Ainslie et al.
//! 2023, arXiv:2305.13245), Mistral's window (Jiang et al. 2023, arXiv:2310.06825).

mod admission;
mod batch;
mod forward;
mod forward_error;
mod layer;
mod stage;
mod tensor;
mod workspace;

pub use batch::{Input, Span, SpanOutput};
pub use forward_error::{ForwardError, InputError};
pub use stage::{Stage, StageSpec};
