//! How a split shares the target's layers between device, gateway and cloud.

use crate::demo::nodes;
use base::{LayerRangeError, Role};
use partitioner::RequestedStage;
use std::fmt;

/// How many of the target's layers each tier has in a split.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Share {
    /// As many as the others, or one more.
    #[default]
    Even,
    /// Those up to a bound each, and the cloud the rest.
    UpTo {
        /// Where the device's layers end, above 0.
        device: u32,
        /// Where the gateway's end, above the device's.
        gateway: u32,
    },
    /// Those up to a bound, above 0, for the device, and the rest for the one other node.
    Two(u32),
}

impl Share {
    /// The stages of `nodes`, in their order, of a target of `layers` layers.
    ///
    /// # Errors
    ///
    /// [`LayerRangeError`] where the target has fewer layers than the bounds say.
    pub(super) fn stages(
        self,
        nodes: &[Role],
        layers: u32,
    ) -> Result<Vec<RequestedStage>, LayerRangeError> {
        match self {
            Self::Even => Ok(nodes::even_stages(nodes, layers)),
            Self::UpTo { device, gateway } => {
                nodes::stages_up_to(nodes, &[device, gateway, layers])
            }
            Self::Two(device) => nodes::stages_up_to(nodes, &[device, layers]),
        }
    }
}

/// Even, or the bounds.
impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Even => f.write_str("even"),
            Self::UpTo { device, gateway } => write!(f, "{device}/{gateway}"),
            Self::Two(device) => write!(f, "{device}"),
        }
    }
}
