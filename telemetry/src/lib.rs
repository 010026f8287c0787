//! What a node tells of itself: logs, metrics and spans.

#![forbid(unsafe_code)]
