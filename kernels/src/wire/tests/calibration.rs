//! Scales.

use super::*;
