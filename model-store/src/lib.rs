//! Models by name: pulled from a hub, checked, and kept by their content.

#![forbid(unsafe_code)]
