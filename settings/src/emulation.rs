//! `[link] emulate`: a profile by name, or a file.

use crate::{ConfigError, ConfigFile, chain, load};
use link_emulator::{Emulation, LinkProfile};
use std::io::{self, Read};
use std::path::Path;

/// Above any recording that is worth replaying.
const TRACE_BYTES_MAX: u64 = 256 << 20;

/// The profile that `file` means by `wanted`: one that ships, or the path of a `.toml` file. Traces are
/// relative to the profile's own file.
pub(crate) fn emulation(file: &ConfigFile, wanted: &str) -> Result<Emulation, ConfigError> {
    if Path::new(wanted).extension().is_none() {
        let named = LinkProfile::named(wanted);
        return named.map_err(|error| file.invalid("link.emulate", chain(&error)));
    }
    let (profile, file) = load::<LinkProfile>(&file.resolve(Path::new(wanted)))?;
    let resolved = profile.resolve(|path| read_trace(&file.resolve(path)));
    resolved.map_err(|error| file.malformed(chain(&error)))
}

fn read_trace(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    let read = std::fs::File::open(path)?.take(TRACE_BYTES_MAX + 1).read_to_string(&mut text)?;
    if read as u64 > TRACE_BYTES_MAX {
        let detail = format!("more than {TRACE_BYTES_MAX} bytes");
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, detail));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use crate::{Link, load};
    use serde::Deserialize;

    #[derive(Debug, Deserialize)]
    struct Node {
        link: Link,
    }

    /// What `emulate` gives in a folder with `files`: what it stands for, or the error.
    fn emulate(wanted: &str, files: &[(&str, &str)]) -> Result<String, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("node.toml");
        std::fs::write(&path, format!("[link]\nemulate = '{wanted}'\n")).unwrap();
        for (name, text) in files {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        let (node, file) = load::<Node>(&path).unwrap();
        let found = node.link.emulation(&file).map_err(|error| error.to_string())?;
        Ok(found.unwrap().about().to_owned())
    }

    #[test]
    fn a_profile_is_named_or_a_file_beside_the_configuration() {
        assert_eq!(emulate("geo-satellite", &[]).unwrap(), "geostationary satellite");
        let text = "about = 'ours'\n[up]\ndelay_ms = 1\ntrace = 'a.up'\n[down]\ndelay_ms = 1\n";
        let files = [("road.toml", text), ("a.up", "5\n")];
        assert_eq!(emulate("road.toml", &files).unwrap(), "ours");
    }

    #[test]
    fn a_profile_that_cannot_be_used_is_refused_with_its_file() {
        let refused = |wanted, files: &[(&str, &str)], expected: &str| {
            let error = emulate(wanted, files).unwrap_err();
            assert!(error.contains(expected), "{error:?} does not say {expected:?}");
        };
        refused("lte", &[], "node.toml: `link.emulate`: no link profile `lte`; there are ethernet");
        refused("road.toml", &[], "cannot read configuration file");
        let text = "about = ''\n[up]\ndelay_ms = 1\n[down]\ndelay_ms = 1\n";
        let road = |text: &str| text.to_owned();
        let wrong = road(text).replace("delay_ms = 1\n[down]", "dely_ms = 1\n[down]");
        refused("road.toml", &[("road.toml", &wrong)], "did you mean `delay_ms`?");
        let wrong = road(text).replace("1\n[down]", "1\nloss = 2\n[down]");
        refused("road.toml", &[("road.toml", &wrong)], "road.toml: loss is a chance");
        let wrong = road(text).replace("1\n[down]", "1\ntrace = 'a.up'\n[down]");
        refused("road.toml", &[("road.toml", &wrong)], "cannot read the trace a.up");
    }
}
