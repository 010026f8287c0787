//! JSON from outside: a [`tree`](tree()) that is bounded and says each key once, and [`Fields`], which takes it
//! apart by name and knows for each value the path that an error has to name.

mod field;
mod fields;
mod tree;

pub(crate) use field::Field;
pub(crate) use fields::Fields;
pub(crate) use tree::tree;

use serde::Serialize;

/// The JSON text of what this crate writes.
pub(crate) fn text(written: &impl Serialize) -> String {
    serde_json::to_string(written).expect("its maps have texts as keys, and nothing in it refuses")
}
