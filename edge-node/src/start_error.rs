//! A device that cannot start, or a plan that it cannot run.

use crate::certify::CertificateError;
use crate::likeness::WeightsError;
use crate::sequence::SequenceError;
use base::{NodeName, Privacy, Role, StreamWindow, TokenizerFingerprint, WireCodec};
use partitioner::PlanError;
use runtime::{LoadError, StoreError};
use std::sync::Arc;
use transport::{BindError, UplinkError};

/// Why a device cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A model file.
    #[error("cannot open the model")]
    Model(#[from] LoadError),
    /// No model at all.
    #[error("there is neither a draft nor a target model")]
    NoModel,
    /// Two models that do not mean the same by a token.
    #[error(
        "draft and target do not share a tokenizer (target {target}, draft {draft}): a draft's \
         tokens would mean other text"
    )]
    Pair {
        /// The target's.
        target: TokenizerFingerprint,
        /// The draft's.
        draft: TokenizerFingerprint,
    },
    /// The plan.
    #[error("the plan cannot be run")]
    Plan(#[from] PlanError),
    /// A device that is to plan and does not know itself.
    #[error(
        "mode auto plans by what was measured: set profile.path and run `edge-node measure` first"
    )]
    Unmeasured,
    /// What codecs cost.
    #[error("planner.certificate cannot be used")]
    Certificate(#[from] CertificateError),
    /// By what it is judged whether the draft model answers as well as the target.
    #[error("models.likeness cannot be used")]
    Likeness(#[from] WeightsError),
    /// The folder for KV.
    #[error("segments.store cannot be used")]
    Store(#[from] StoreError),
    /// A codec whose scales nobody has measured.
    #[error(
        "codec {codec} behind the first {boundary} layers needs the channel scales of a \
         certificate: `edge-node certify` writes one, and planner.certificate names it"
    )]
    NoScales {
        /// As planned.
        codec: WireCodec,
        /// Where.
        boundary: u32,
    },
    /// A window that is more than a model can take in.
    #[error(
        "kv.stream lets a position see {} of a text ({stream}); the models' context is {context}",
        stream.seen_max()
    )]
    Stream {
        /// As configured.
        stream: StreamWindow,
        /// The shortest of the models'.
        context: u32,
    },
    /// A mode that needs a model which is not there.
    #[error("{needs} needs models.{key}, which is not configured")]
    Missing {
        /// What needs it.
        needs: &'static str,
        /// The key under `[models]`.
        key: &'static str,
    },
    /// A peer that the plan names and the configuration does not.
    #[error("the plan names {name}, which is no peer; peers are: {known}")]
    UnknownPeer {
        /// As planned.
        name: NodeName,
        /// As configured.
        known: String,
    },
    /// A text that would go too far.
    #[error("the plan has {node}, a {role}, read a text of privacy class {}", class.as_str())]
    Privacy {
        /// Of the text.
        class: Privacy,
        /// Who would read it.
        node: NodeName,
        /// Its tier, as far as it is known.
        role: Role,
    },
    /// A peer without an identity to show it.
    #[error("mode {0} needs [identity]: peers take nobody without a certificate")]
    NoIdentity(&'static str),
    /// Layers or KV.
    #[error("cannot load the layers")]
    Layers(#[from] SequenceError),
    /// No socket.
    #[error("cannot open a socket")]
    Socket(#[from] BindError),
    /// A peer that can never serve this device.
    #[error("cannot work with the peer")]
    Misfit(#[source] Arc<UplinkError>),
    /// Threads.
    #[error("cannot start {threads} compute threads")]
    Threads {
        /// How many were asked for.
        threads: usize,
        /// What the system says.
        source: std::io::Error,
    },
}
