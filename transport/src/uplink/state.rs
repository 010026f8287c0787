//! Where the link to the next tier stands.

use super::UplinkError;
use crate::Link;
use protocol::Welcome;
use std::sync::Arc;

/// Where the link stands.
#[derive(Debug, Clone)]
pub enum UplinkState {
    /// The first dial has not been answered yet.
    Dialling,
    /// Sessions can be opened.
    Up(Link, Arc<Welcome>),
    /// A dial is under way to a peer that was reached before: what is said now goes with its first
    /// packets. Said once for each such dial; why there is no link yet.
    Trying(Arc<UplinkError>),
    /// It was lost, or the last dial failed.
    Down(Arc<UplinkError>),
}

impl UplinkState {
    /// The same without the link, and without why there is none.
    pub const fn state(&self) -> LinkState {
        match self {
            Self::Dialling => LinkState::Dialling,
            Self::Up(..) => LinkState::Up,
            Self::Trying(_) => LinkState::Trying,
            Self::Down(_) => LinkState::Down,
        }
    }

    /// Why the link is not up, where it is known.
    pub fn why(&self) -> Option<&UplinkError> {
        match self {
            Self::Trying(why) | Self::Down(why) => Some(why),
            Self::Dialling | Self::Up(..) => None,
        }
    }
}

/// Where a link stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkState {
    /// The first dial has not been answered yet.
    Dialling,
    /// Sessions can be opened.
    Up,
    /// A dial is under way to a peer that was reached before.
    Trying,
    /// It was lost, or the last dial failed.
    Down,
}

impl LinkState {
    /// In a word, for whoever reads a status.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Dialling => "dialling",
            Self::Up => "up",
            Self::Trying => "trying",
            Self::Down => "down",
        }
    }
}
