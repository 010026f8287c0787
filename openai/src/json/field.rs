//! One value and where it stood: read as what it has to be, or refused by its path.
//!
//! Each reading wants a value; [`Field::optional`] makes one of it that does not. `null` is the same as nothing:
//! clients write it for parameters that they do not set.

use super::Fields;
use crate::error::ApiError;
use serde_json::{Map, Value};
use std::ops::RangeInclusive;

/// What OpenAI lets functions and schemas be called.
const NAME_LEN_MAX: usize = 64;

/// A value by its path.
#[derive(Debug)]
pub(crate) struct Field {
    path: String,
    value: Value,
}

impl Field {
    pub(crate) const fn new(path: String, value: Value) -> Self {
        Self { path, value }
    }

    pub(crate) fn is_absent(&self) -> bool {
        self.value.is_null()
    }

    pub(crate) fn is_text(&self) -> bool {
        self.value.is_string()
    }

    pub(crate) fn is_number(&self) -> bool {
        self.value.is_number()
    }

    pub(crate) fn is_object(&self) -> bool {
        self.value.is_object()
    }

    pub(crate) fn is_list(&self) -> bool {
        self.value.is_array()
    }

    /// The error that this value is not what it must be.
    pub(crate) fn refuse(&self, must_be: &str) -> ApiError {
        let is = if self.is_absent() { "missing".to_owned() } else { shown(&self.value) };
        self.complain(&format!("is {is}; it must be {must_be}"))
    }

    /// The error that something is wrong with this value, said as `…`, which follows its path.
    pub(crate) fn complain(&self, about: &str) -> ApiError {
        ApiError::invalid(self.path.as_str(), format!("`{}` {about}", self.path))
    }

    /// What `read` makes of it, where it is there.
    pub(crate) fn optional<T>(
        self,
        read: impl FnOnce(Self) -> Result<T, ApiError>,
    ) -> Result<Option<T>, ApiError> {
        if self.is_absent() { Ok(None) } else { read(self).map(Some) }
    }

    pub(crate) fn text(self) -> Result<String, ApiError> {
        match self.value {
            Value::String(text) => Ok(text),
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::Array(_)
            | Value::Object(_) => Err(self.refuse("a string")),
        }
    }

    /// A text with something in it.
    pub(crate) fn words(self) -> Result<String, ApiError> {
        if self.value == "" { Err(self.refuse("a string that is not empty")) } else { self.text() }
    }

    pub(crate) fn name(self) -> Result<String, ApiError> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
        let fits =
            |name: &str| (1..=NAME_LEN_MAX).contains(&name.len()) && name.bytes().all(allowed);
        if self.value.as_str().is_some_and(fits) {
            self.text()
        } else {
            Err(self.refuse(&format!("a name of 1 to {NAME_LEN_MAX} letters, digits, `_` or `-`")))
        }
    }

    pub(crate) fn flag(self) -> Result<bool, ApiError> {
        self.value.as_bool().ok_or_else(|| self.refuse("true or false"))
    }

    pub(crate) fn whole(self, range: RangeInclusive<u64>) -> Result<u64, ApiError> {
        let whole = self.value.as_u64().filter(|whole| range.contains(whole));
        let (start, end) = range.into_inner();
        whole.ok_or_else(|| self.refuse(&format!("a whole number from {start} to {end}")))
    }

    /// The same for what has to fit `u32`.
    pub(crate) fn small(self, range: RangeInclusive<u32>) -> Result<u32, ApiError> {
        let (start, end) = range.into_inner();
        let whole = self.whole(u64::from(start)..=u64::from(end))?;
        Ok(u32::try_from(whole).expect("it is at most the end of the range"))
    }

    pub(crate) fn signed(self) -> Result<i64, ApiError> {
        let must_be = "a whole number of 64 bits, one of them the sign";
        self.value.as_i64().ok_or_else(|| self.refuse(must_be))
    }

    /// A number that is right as it is used, which is in single precision.
    pub(crate) fn number(
        self,
        must_be: &str,
        right: impl Fn(f32) -> bool,
    ) -> Result<f32, ApiError> {
        #[expect(clippy::cast_possible_truncation, reason = "checked as it is used")]
        let number = self.value.as_f64().map(|number| number as f32);
        number.filter(|number| right(*number)).ok_or_else(|| self.refuse(must_be))
    }

    /// One of the spellings, as what it stands for.
    pub(crate) fn one_of<T: Clone>(self, spellings: &[(&str, T)]) -> Result<T, ApiError> {
        let said = self.value.as_str();
        let meant = spellings.iter().find(|(spelling, _)| said == Some(*spelling));
        meant.map(|(_, meant)| meant.clone()).ok_or_else(|| {
            let all: Vec<String> = spellings.iter().map(|(said, _)| format!("{said:?}")).collect();
            self.refuse(&all.join(" or "))
        })
    }

    /// The items of a list, each with its path.
    pub(crate) fn list(self, len: RangeInclusive<usize>) -> Result<Vec<Self>, ApiError> {
        let has = self.value.as_array().map(Vec::len);
        let must_be = format!("a list of {} to {} items", len.start(), len.end());
        match self.value {
            Value::Array(items) if len.contains(&items.len()) => {
                let item = |(at, value)| Self::new(format!("{}[{at}]", self.path), value);
                Ok(items.into_iter().enumerate().map(item).collect())
            }
            Value::Array(_) => {
                let items = has.unwrap_or_default();
                Err(self.complain(&format!("has {items} items; it must be {must_be}")))
            }
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Object(_) => Err(self.refuse(&must_be)),
        }
    }

    pub(crate) fn object(self) -> Result<Map<String, Value>, ApiError> {
        match self.value {
            Value::Object(members) => Ok(members),
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Array(_) => Err(self.refuse("an object")),
        }
    }

    pub(crate) fn fields(self) -> Result<Fields, ApiError> {
        let path = self.path.clone();
        Ok(Fields::new(path, self.object()?))
    }
}

/// A value as an error repeats it, in a few words.
fn shown(value: &Value) -> String {
    const SHOWN_CHARS: usize = 40;
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(flag) => flag.to_string(),
        Value::Number(number) => number.to_string(),
        Value::String(text) if text.chars().nth(SHOWN_CHARS).is_some() => {
            format!("{:?}…", text.chars().take(SHOWN_CHARS).collect::<String>())
        }
        Value::String(text) => format!("{text:?}"),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "an object".to_owned(),
    }
}
