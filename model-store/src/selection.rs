//! Which files of a repository a name means.

use crate::PullError;
use crate::listing::{HubFile, Listing};
use crate::name::ModelName;
use base::GgufPart;

/// What a Hugging Face folder has beside its weights.
const BESIDE_WEIGHTS: [&str; 7] = [
    CONFIG,
    "tokenizer.json",
    "tokenizer_config.json",
    "generation_config.json",
    "special_tokens_map.json",
    "chat_template.jinja",
    "model.safetensors.index.json",
];
const CONFIG: &str = "config.json";

/// More parts than the runtime opens.
const FILES_MAX: usize = 1_100;

/// Files that an error names.
const SHOWN_MAX: usize = 12;

/// The files that `name` means, of what the hub lists.
pub(crate) fn of<'a>(
    name: &ModelName,
    listing: &'a Listing,
) -> Result<Vec<&'a HubFile>, PullError> {
    let nothing = |problem| PullError::NothingToPull { name: name.to_string(), problem };
    match name.file() {
        Some(file) => gguf(file, listing).map_err(nothing),
        None => folder(listing).map_err(nothing),
    }
}

/// The file, with those that go on from it.
fn gguf<'a>(path: &str, listing: &'a Listing) -> Result<Vec<&'a HubFile>, String> {
    let find = |path: &str| listing.files.iter().find(|file| file.path == path);
    let file =
        find(path).ok_or_else(|| format!("there is no such file; {}", gguf_files(listing)))?;
    match GgufPart::of(path) {
        Some(part) if part.number() != 1 => {
            Err(format!("the file is one of a model in several; name the first, {}", part.first()))
        }
        Some(part) if part.count() > FILES_MAX => {
            Err(format!("{} parts are more than {FILES_MAX}", part.count()))
        }
        Some(part) => {
            let each =
                |path: String| find(&path).ok_or_else(|| format!("it lacks the part {path}"));
            part.all().map(each).collect()
        }
        None => Ok(vec![file]),
    }
}

fn folder(listing: &Listing) -> Result<Vec<&HubFile>, String> {
    let is_weights = |file: &HubFile| {
        let name = file.path.strip_suffix(".safetensors");
        name.is_some_and(|name| name.starts_with("model") && !name.contains('/'))
    };
    let has_config = listing.files.iter().any(|file| file.path == CONFIG);
    if !has_config || !listing.files.iter().any(is_weights) {
        let lacks = if has_config { "model*.safetensors" } else { CONFIG };
        let else_what = gguf_files(listing);
        return Err(format!("it has no {lacks}, as a Hugging Face folder needs; {else_what}"));
    }
    let wanted = |file: &&HubFile| BESIDE_WEIGHTS.contains(&file.path.as_str()) || is_weights(file);
    let files: Vec<_> = listing.files.iter().filter(wanted).collect();
    match files.len() {
        count if count > FILES_MAX => Err(format!("{count} files are more than {FILES_MAX}")),
        _ => Ok(files),
    }
}

/// The GGUF files there are, for whoever has to name one.
fn gguf_files(listing: &Listing) -> String {
    let mut paths = listing.files.iter().map(|file| file.path.as_str());
    let all: Vec<_> = paths.by_ref().filter(|path| begins_model(path)).collect();
    match all.len() {
        0 => "there are no .gguf files either".to_owned(),
        count if count > SHOWN_MAX => {
            format!(
                "to be named with `:` are {} and {} more",
                all[..SHOWN_MAX].join(", "),
                count - SHOWN_MAX
            )
        }
        _ => format!("to be named with `:` are {}", all.join(", ")),
    }
}

/// Whether it is a GGUF model, or the first part of one.
pub(crate) fn begins_model(path: &str) -> bool {
    path.ends_with(".gguf") && GgufPart::of(path).is_none_or(|part| part.number() == 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checksum::Checksum;

    fn listing(paths: &[&str]) -> Listing {
        let file = |path: &&str| HubFile {
            path: (*path).to_owned(),
            bytes: 1,
            checksum: Checksum::GitBlob([0; 20]),
        };
        Listing { commit: String::new(), files: paths.iter().map(file).collect() }
    }

    fn selected(name: &str, paths: &[&str]) -> Result<Vec<String>, String> {
        let found = listing(paths);
        let files = of(&name.parse().unwrap(), &found).map_err(|error| error.to_string())?;
        Ok(files.into_iter().map(|file| file.path.clone()).collect())
    }

    #[test]
    fn a_folder_is_what_the_runtime_opens_and_nothing_else() {
        let paths = [
            "README.md",
            "config.json",
            "model-00001-of-00002.safetensors",
            "model-00002-of-00002.safetensors",
            "model.safetensors.index.json",
            "onnx/model.safetensors",
            "pytorch_model.bin",
            "tokenizer.json",
            "adapter.safetensors",
        ];
        let expected: Vec<_> = [1, 2, 3, 4, 7].map(|index| paths[index].to_owned()).into();
        assert_eq!(selected("hf:a/b", &paths), Ok(expected));
    }

    #[test]
    fn a_file_is_that_file_alone() {
        let paths = ["config.json", "x.gguf", "deep/x.gguf"];
        assert_eq!(selected("hf:a/b:deep/x.gguf", &paths), Ok(vec!["deep/x.gguf".to_owned()]));
    }

    #[test]
    fn what_is_not_there_is_refused_with_what_is() {
        let error = selected("hf:a/b:y.gguf", &["x.gguf"]).unwrap_err();
        assert!(error.contains("named with `:` are x.gguf"), "{error}");
        let parts = ["x-00001-of-00002.gguf", "x-00002-of-00002.gguf", "z.gguf"];
        let error = selected("hf:a/b", &parts).unwrap_err();
        assert!(
            error.contains("no config.json") && error.contains("00001-of-00002.gguf, z.gguf"),
            "{error}"
        );
        let error = selected("hf:a/b", &["config.json", "model.bin"]).unwrap_err();
        assert!(error.contains("no model*.safetensors") && error.contains("either"), "{error}");
    }

    #[test]
    fn a_file_that_others_go_on_from_is_all_of_them() {
        let paths = ["x-00001-of-00002.gguf", "x-00002-of-00002.gguf", "x.gguf", "y.gguf"];
        let parts = paths[..2].iter().map(|path| (*path).to_owned()).collect();
        assert_eq!(selected("hf:a/b:x-00001-of-00002.gguf", &paths), Ok(parts));
        let error = selected("hf:a/b:x-00002-of-00002.gguf", &paths).unwrap_err();
        assert!(error.contains("name the first, x-00001-of-00002.gguf"), "{error}");
        let error = selected("hf:a/b:x-00001-of-00002.gguf", &paths[..1]).unwrap_err();
        assert!(error.contains("lacks the part x-00002-of-00002.gguf"), "{error}");
    }
}
