//! Reads phrases with their intents: CLINC150's JSON, or CSV.

use serde::Deserialize;

/// A phrase and its intent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Labelled {
    /// The phrase.
    pub text: String,
    /// `None` for out of scope.
    pub intent: Option<String>,
}

/// Which part of a data set's file is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// To learn from.
    Train,
    /// To fit thresholds on.
    Validation,
    /// To measure with.
    Test,
}

/// A file of phrases that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum LabelledError {
    /// Not CLINC150's JSON.
    #[error(
        "not CLINC150's JSON: lists of [phrase, intent] under `train`, `val`, `test`, `oos_val` and `oos_test`"
    )]
    Json(#[from] serde_json::Error),
    /// Not CSV.
    #[error("not CSV of two columns, phrase and intent (`oos` for out of scope)")]
    Csv(#[from] csv::Error),
}

/// How both formats call what is out of scope.
const OUT_OF_SCOPE: &str = "oos";

/// CLINC150's `data_full.json` (Larson et al. 2019).
#[derive(Deserialize)]
struct Clinc {
    train: Vec<(String, String)>,
    val: Vec<(String, String)>,
    test: Vec<(String, String)>,
    #[serde(default)]
    oos_test: Vec<(String, String)>,
}

impl Labelled {
    /// Reads the `part` of a JSON file, or all of a CSV file; JSON is what begins with a brace.
    ///
    /// # Errors
    ///
    /// [`LabelledError`].
    pub fn read(text: &str, part: Part) -> Result<Vec<Self>, LabelledError> {
        let rows = match text.trim_start().starts_with('{') {
            true => Clinc::part(serde_json::from_str(text)?, part),
            false => {
                let mut reader = csv::ReaderBuilder::new();
                let mut reader = reader.has_headers(false).from_reader(text.as_bytes());
                reader.deserialize().collect::<Result<Vec<(String, String)>, _>>()?
            }
        };
        let header = |(text, intent): &(String, String)| text == "text" && intent == "intent";
        Ok(rows.into_iter().filter(|row| !header(row)).map(Self::of).collect())
    }

    fn of((text, intent): (String, String)) -> Self {
        Self { text, intent: Some(intent).filter(|intent| intent != OUT_OF_SCOPE) }
    }
}

impl Clinc {
    fn part(self, part: Part) -> Vec<(String, String)> {
        match part {
            Part::Train => self.train,
            Part::Validation => self.val,
            Part::Test => self.test.into_iter().chain(self.oos_test).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, part: Part) -> String {
        let phrases = Labelled::read(text, part).unwrap();
        let said = |phrase: &Labelled| {
            format!("{} = {}", phrase.text, phrase.intent.as_deref().unwrap_or("nothing"))
        };
        phrases.iter().map(said).collect::<Vec<_>>().join("; ")
    }

    #[test]
    fn both_formats_are_read() {
        let json = r#"{"train": [["a", "x"]], "val": [["b", "y"]], "test": [["c", "x"]],
                       "oos_val": [["o", "oos"]], "oos_test": [["d", "oos"]]}"#;
        assert_eq!(read(json, Part::Train), "a = x");
        assert_eq!(read(json, Part::Validation), "b = y");
        assert_eq!(read(json, Part::Test), "c = x; d = nothing");
        assert_eq!(read("text,intent\n\"a, b\",x\nc,oos\n", Part::Test), "a, b = x; c = nothing");
        assert_eq!(read("", Part::Train), "");
    }

    #[test]
    fn what_is_neither_is_refused() {
        let refused = |text| Labelled::read(text, Part::Train).unwrap_err().to_string();
        assert!(refused("{\"train\": 1}").contains("CLINC150"));
        assert!(refused("a,b\nc\n").contains("two columns"));
        assert!(refused("only one\n").contains("two columns"));
    }
}
