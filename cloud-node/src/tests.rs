//! A scripted device against real servers over loopback, and a direct computation of the same text.

mod beside;
mod busy;
mod device;
mod early;
mod failures;
mod head;
mod held;
mod known;
mod kv;
mod limits;
mod panel;
mod rings;
mod same_text;
mod segments;
mod store;
mod world;
