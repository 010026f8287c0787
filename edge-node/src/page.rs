//! The page: its files, as the device serves them to a browser. They lie in `edge-node/page/`, and in the
//! program.
//!
//! # Invariants
//!
//! - **What a file names is here**, and nothing else is: `page/types.js` is for readers and type checkers alone.
//! - **Nothing comes from elsewhere.** No file asks another origin, and none has a script or a style
//!   inside markup, so that [`CONTENT_SECURITY_POLICY`] can forbid both.

/// What a browser may load for the page: files of this device, and nothing inside markup.
pub const CONTENT_SECURITY_POLICY: &str =
    "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";

/// One file of the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asset {
    /// The path of its URL, from the root: `/`, or `/page/` and its name.
    pub path: &'static str,
    /// Its `Content-Type`.
    pub content_type: &'static str,
    /// The file.
    pub bytes: &'static [u8],
}

/// Says where a file is served, as what, and includes it.
macro_rules! asset {
    ($path:expr, $content_type:expr, $name:literal) => {
        Asset {
            path: $path,
            content_type: $content_type,
            bytes: include_bytes!(concat!("../page/", $name)),
        }
    };
    ($content_type:expr, $name:literal) => {
        asset!(concat!("/page/", $name), $content_type, $name)
    };
}

/// All files of the page.
pub static ASSETS: [Asset; 27] = [
    asset!("/", HTML, "index.html"),
    asset!(CSS, "base.css"),
    asset!(CSS, "chat.css"),
    asset!(CSS, "figures.css"),
    asset!(CSS, "frame.css"),
    asset!(CSS, "tiers.css"),
    asset!(SVG, "icon.svg"),
    asset!(SCRIPT, "api.js"),
    asset!(SCRIPT, "banner.js"),
    asset!(SCRIPT, "chat.js"),
    asset!(SCRIPT, "dom.js"),
    asset!(SCRIPT, "format.js"),
    asset!(SCRIPT, "link_switch.js"),
    asset!(SCRIPT, "main.js"),
    asset!(SCRIPT, "meters.js"),
    asset!(SCRIPT, "notices.js"),
    asset!(SCRIPT, "reply.js"),
    asset!(SCRIPT, "reply_view.js"),
    asset!(SCRIPT, "settings.js"),
    asset!(SCRIPT, "sse.js"),
    asset!(SCRIPT, "stations.js"),
    asset!(SCRIPT, "status.js"),
    asset!(SCRIPT, "tiers.js"),
    asset!(SCRIPT, "timeline.js"),
    asset!(SCRIPT, "usage.js"),
    asset!(SCRIPT, "watch.js"),
    asset!(SCRIPT, "wires.js"),
];

/// The file that is served under this path.
#[must_use]
pub fn asset(path: &str) -> Option<&'static Asset> {
    ASSETS.iter().find(|asset| asset.path == path)
}

#[cfg(test)]
mod tests;
