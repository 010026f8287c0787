//! Colours and shapes: each meaning has one of both, so that colour alone tells nothing apart.
//!
//! Plots are drawn in the colours of a light page. On a dark one a style sheet puts another in the
//! place of each; no plot is drawn twice. Most are those of Okabe and Ito (2008), which people see
//! apart whatever their colour vision; a grey for the baseline and a dark red are beside them.

use crate::experiment::axes::CellMode;
use crate::experiment::outcome::Standing;
use plotters::style::RGBColor;
use std::fmt::Write as _;

/// A colour, by what it is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ink {
    /// Text, and what it belongs to.
    Text,
    /// Less important text.
    Muted,
    /// Lines behind everything.
    Grid,
    /// A time without a link.
    Outage,
    Grey,
    Orange,
    Green,
    Blue,
    Pink,
    Wine,
}

/// What marks a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    Circle,
    Square,
    Diamond,
    TriangleUp,
    TriangleDown,
    Cross,
    /// A short upright line.
    Stroke,
}

const ALL: [Ink; 10] = [
    Ink::Text,
    Ink::Muted,
    Ink::Grid,
    Ink::Outage,
    Ink::Grey,
    Ink::Orange,
    Ink::Green,
    Ink::Blue,
    Ink::Pink,
    Ink::Wine,
];

impl Ink {
    /// On a light and on a dark page. The light ones all differ.
    const fn shades(self) -> [u32; 2] {
        match self {
            Self::Text => [0x1f_23_28, 0xe6_ed_f3],
            Self::Muted => [0x59_63_6e, 0x9d_a7_b3],
            Self::Grid => [0xdf_e3_e8, 0x30_36_3d],
            Self::Outage => [0xb4_bb_c4, 0x6e_76_81],
            Self::Grey => [0x6a_73_7d, 0xa8_b1_bb],
            Self::Orange => [0xe6_9f_00, 0xf0_b4_2e],
            Self::Green => [0x00_9e_73, 0x2c_c7_9b],
            Self::Blue => [0x00_72_b2, 0x4d_a9_e6],
            Self::Pink => [0xcc_79_a7, 0xe0_9a_c0],
            Self::Wine => [0x88_22_55, 0xd0_6a_9d],
        }
    }

    /// For a plot.
    pub(super) const fn rgb(self) -> RGBColor {
        let [_, red, green, blue] = self.shades()[0].to_be_bytes();
        RGBColor(red, green, blue)
    }
}

/// Rules that turn what is drawn for a light page into what is seen on a dark one.
pub(super) fn dark_rules() -> String {
    let mut rules = String::new();
    for ink in ALL {
        let [light, dark] = ink.shades();
        for property in ["fill", "stroke"] {
            // Writing to a string does not fail.
            let _ =
                writeln!(rules, "svg [{property}=\"#{light:06X}\"] {{ {property}: #{dark:06x}; }}");
        }
    }
    rules
}

/// What a mode looks like everywhere.
pub(super) const fn of_mode(mode: CellMode) -> (Ink, Shape) {
    match mode {
        CellMode::Local => (Ink::Wine, Shape::Cross),
        CellMode::Remote => (Ink::Grey, Shape::Square),
        CellMode::Sync => (Ink::Orange, Shape::TriangleUp),
        CellMode::Streaming => (Ink::Green, Shape::TriangleDown),
        CellMode::WorkConserving => (Ink::Blue, Shape::Circle),
        CellMode::Split(_) | CellMode::Target { .. } => (Ink::Pink, Shape::Diamond),
    }
}

/// The time when the target vouched for what the device had said.
pub(super) const JUDGED: (Ink, Shape) = (Ink::Blue, Shape::Stroke);

/// What a token looks like by when the target vouched for it.
pub(super) const fn of_standing(standing: Standing) -> (Ink, Shape) {
    match standing {
        Standing::AtOnce => (Ink::Blue, Shape::Circle),
        Standing::Later => (Ink::Orange, Shape::TriangleUp),
        Standing::Never => (Ink::Wine, Shape::Cross),
    }
}
