//! One number for everything that decides the meaning of token ids and how text becomes them.

use base::TokenizerFingerprint;
use serde_json::Value;

/// Hashes fields in order, each with its length, so that no two lists of fields look alike.
#[derive(Debug, Default)]
pub(super) struct Fingerprint(blake3::Hasher);

impl Fingerprint {
    /// `version` names the list of fields that follows.
    pub(super) fn new(version: &str) -> Self {
        let mut fingerprint = Self::default();
        fingerprint.text(version);
        fingerprint
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        self.number(bytes.len() as u64);
        self.0.update(bytes);
    }

    pub(super) fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }

    pub(super) fn number(&mut self, number: u64) {
        self.0.update(&number.to_le_bytes());
    }

    pub(super) fn optional(&mut self, number: Option<u64>) {
        self.number(u64::from(number.is_some()));
        self.number(number.unwrap_or(0));
    }

    pub(super) fn list<T>(&mut self, list: &[T], mut each: impl FnMut(&mut Self, &T)) {
        self.number(list.len() as u64);
        list.iter().for_each(|item| each(self, item));
    }

    /// A JSON value whatever the order of its keys.
    pub(super) fn json(&mut self, value: &Value) {
        match value {
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
                self.text(&value.to_string());
            }
            Value::Array(items) => {
                self.text("[");
                self.list(items, |fingerprint, item| fingerprint.json(item));
            }
            Value::Object(fields) => {
                let mut fields: Vec<_> = fields.iter().collect();
                fields.sort_unstable_by_key(|(key, _)| *key);
                self.text("{");
                self.list(&fields, |fingerprint, (key, value)| {
                    fingerprint.text(key);
                    fingerprint.json(value);
                });
            }
        }
    }

    pub(super) fn finish(&self) -> TokenizerFingerprint {
        TokenizerFingerprint(*self.0.finalize().as_bytes())
    }
}
