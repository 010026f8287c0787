//! The profiles that ship: from a good link to an absurd one.

use crate::{Emulation, LinkProfile, ProfileError};

/// Name and file, the better links first.
const LADDER: [(&str, &str); 10] = [
    ("ethernet", include_str!("../../configs/links/ethernet.toml")),
    ("wifi", include_str!("../../configs/links/wifi.toml")),
    ("5g-static", include_str!("../../configs/links/5g-static.toml")),
    ("5g-driving", include_str!("../../configs/links/5g-driving.toml")),
    ("lte-driving", include_str!("../../configs/links/lte-driving.toml")),
    ("umts", include_str!("../../configs/links/umts.toml")),
    ("starlink-driving", include_str!("../../configs/links/starlink-driving.toml")),
    ("geo-satellite", include_str!("../../configs/links/geo-satellite.toml")),
    ("tunnel", include_str!("../../configs/links/tunnel.toml")),
    ("absurd", include_str!("../../configs/links/absurd.toml")),
];

impl LinkProfile {
    /// Names of the profiles that ship, the better links first.
    pub fn ladder() -> impl Iterator<Item = &'static str> {
        LADDER.iter().map(|(name, _)| *name)
    }

    /// The profile that ships as `name`.
    ///
    /// # Errors
    ///
    /// [`ProfileError::Unknown`].
    ///
    /// # Panics
    ///
    /// Never: what ships is valid, which a test holds.
    pub fn named(name: &str) -> Result<Emulation, ProfileError> {
        let found = LADDER.iter().find(|(known, _)| *known == name);
        let (_, text) = found.ok_or_else(|| ProfileError::Unknown {
            name: name.to_owned(),
            known: Self::ladder().collect(),
        })?;
        let no_traces = |_: &std::path::Path| Err(std::io::ErrorKind::NotFound.into());
        let profile = Self::parse(text).and_then(|profile| profile.resolve(no_traces));
        Ok(profile.expect("what ships is valid"))
    }
}
