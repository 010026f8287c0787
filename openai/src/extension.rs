//! What a request asks of this device beyond OpenAI's API: the object `causeway` of its body, or headers.

use crate::error::ApiError;
use crate::json::Field;
use base::{ByteCount, Privacy};
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// A year: later than any deadline that is meant, and nothing that a clock cannot add.
const DEADLINE_MS_MAX: u64 = 365 * 24 * 3600 * 1000;
/// As many bytes as the journal keeps of a key.
const KEY_LEN_MAX: usize = 256;
/// Bytes of an address to call back at.
const CALLBACK_LEN_MAX: usize = 2048;

/// What becomes of words that were said without the target, once it is back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Policy {
    /// They stand.
    Keep,
    /// They give way from the first that the target would not have said.
    Revise,
}

/// A way that a request may go, or went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Route {
    /// An intent's action; no model answers.
    Action,
    /// The device's own model answers.
    Local,
    /// The target answers.
    Hybrid,
    /// The request waits until the target can be had.
    Deferred,
}

/// A conversation that is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Conversation {
    /// One that begins with this request.
    New,
    /// One that the journal has, by its id.
    Kept(u128),
}

/// What is `None` was not said.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Extension {
    /// How far the text may travel.
    pub privacy: Option<Privacy>,
    /// What becomes of words said without the target.
    pub policy: Option<Policy>,
    /// Milliseconds from now until the reply has to be whole: 1 to a year.
    pub deadline_ms: Option<u64>,
    /// The way that the request is to go, and no other.
    pub route: Option<Route>,
    /// What it may take of the links at most.
    pub budget: Option<ByteCount>,
    /// Where it is said, and remembered.
    pub conversation: Option<Conversation>,
    /// Where an answer that comes later is sent: an `http` or `https` address.
    pub callback: Option<String>,
    /// What the request is called, where it waits.
    pub key: Option<String>,
}

impl Extension {
    /// Reads the object `causeway`.
    pub(crate) fn read(field: Field) -> Result<Self, ApiError> {
        let mut fields = field.fields()?;
        let extension = Self {
            privacy: fields.take("privacy").optional(privacy)?,
            policy: fields.take("policy").optional(policy)?,
            deadline_ms: fields.take("deadline_ms").optional(deadline_ms)?,
            route: fields.take("route").optional(route)?,
            budget: fields.take("budget").optional(|field| {
                let mut fields = field.fields()?;
                let budget = bytes(fields.take("bytes"))?;
                fields.end().map(|()| budget)
            })?,
            conversation: fields.take("conversation").optional(conversation)?,
            callback: fields.take("callback").optional(callback)?,
            key: fields.take("key").optional(key)?,
        };
        fields.end().map(|()| extension)
    }

    /// With what headers say, where the body says nothing. Names are in lower case; headers that are not ours are
    /// passed over.
    ///
    /// # Errors
    ///
    /// Status 400; `param` is the header that says something wrong, that is said twice, or that is not known although
    /// it begins as ours do.
    pub fn overlay<'a>(
        self,
        headers: impl IntoIterator<Item = (&'a str, &'a [u8])>,
    ) -> Result<Self, ApiError> {
        let mut said = Headers::gather(headers)?;
        let below = Self {
            privacy: said.take("X-Causeway-Privacy").optional(privacy)?,
            policy: said.take("X-Causeway-Policy").optional(policy)?,
            deadline_ms: said.take_number("X-Causeway-Deadline-Ms").optional(deadline_ms)?,
            route: said.take("X-Causeway-Route").optional(route)?,
            budget: said.take_number("X-Causeway-Budget-Bytes").optional(bytes)?,
            conversation: said.take("X-Causeway-Conversation").optional(conversation)?,
            callback: said.take("X-Causeway-Callback").optional(callback)?,
            key: said.take(KEY_HEADER).optional(key)?,
        };
        said.end()?;
        Ok(Self {
            privacy: self.privacy.or(below.privacy),
            policy: self.policy.or(below.policy),
            deadline_ms: self.deadline_ms.or(below.deadline_ms),
            route: self.route.or(below.route),
            budget: self.budget.or(below.budget),
            conversation: self.conversation.or(below.conversation),
            callback: self.callback.or(below.callback),
            key: self.key.or(below.key),
        })
    }
}

fn privacy(field: Field) -> Result<Privacy, ApiError> {
    let classes = [Privacy::Device, Privacy::Site, Privacy::Anywhere];
    field.one_of(&classes.map(|class| (class.as_str(), class)))
}

fn policy(field: Field) -> Result<Policy, ApiError> {
    field.one_of(&[("keep", Policy::Keep), ("revise", Policy::Revise)])
}

fn deadline_ms(field: Field) -> Result<u64, ApiError> {
    field.whole(1..=DEADLINE_MS_MAX)
}

fn route(field: Field) -> Result<Route, ApiError> {
    field.one_of(&[
        ("action", Route::Action),
        ("local", Route::Local),
        ("hybrid", Route::Hybrid),
        ("deferred", Route::Deferred),
    ])
}

fn bytes(field: Field) -> Result<ByteCount, ApiError> {
    field.whole(0..=u64::MAX).map(ByteCount)
}

fn conversation(field: Field) -> Result<Conversation, ApiError> {
    let refused = field.refuse("\"new\", or the 32 hexadecimal digits of one that is kept");
    let text = field.text()?;
    if text == "new" {
        return Ok(Conversation::New);
    }
    let digits = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    match u128::from_str_radix(&text, 16) {
        Ok(id) if digits => Ok(Conversation::Kept(id)),
        Ok(_) | Err(_) => Err(refused),
    }
}

fn callback(field: Field) -> Result<String, ApiError> {
    let refused = field.refuse("an address that begins with http:// or https://");
    let address = bounded(field, CALLBACK_LEN_MAX)?;
    let callable = address.starts_with("http://") || address.starts_with("https://");
    if callable { Ok(address) } else { Err(refused) }
}

fn key(field: Field) -> Result<String, ApiError> {
    bounded(field, KEY_LEN_MAX)
}

fn bounded(field: Field, len_max: usize) -> Result<String, ApiError> {
    let too_long = field.complain(&format!("is too long; {len_max} bytes are the most"));
    let text = field.words()?;
    if text.len() > len_max { Err(too_long) } else { Ok(text) }
}

/// The one header of ours that others have too.
const KEY_HEADER: &str = "Idempotency-Key";
/// How the others begin.
const PREFIX: &str = "x-causeway-";

/// Those headers of a request that are ours, by their names in lower case.
#[derive(Debug)]
struct Headers(BTreeMap<String, String>);

impl Headers {
    fn gather<'a>(
        headers: impl IntoIterator<Item = (&'a str, &'a [u8])>,
    ) -> Result<Self, ApiError> {
        let mut ours = BTreeMap::new();
        for (name, value) in headers {
            if !name.starts_with(PREFIX) && !name.eq_ignore_ascii_case(KEY_HEADER) {
                continue;
            }
            let no_text = |_| ApiError::invalid(name, format!("`{name}` is not UTF-8"));
            let text = str::from_utf8(value).map_err(no_text)?;
            if ours.insert(name.to_owned(), text.to_owned()).is_some() {
                return Err(ApiError::invalid(name, format!("`{name}` is said twice")));
            }
        }
        Ok(Self(ours))
    }

    fn take(&mut self, name: &'static str) -> Field {
        let text = self.0.remove(&name.to_ascii_lowercase());
        Field::new(name.to_owned(), text.map_or(Value::Null, Value::String))
    }

    /// A number as text is still a number; other text is refused as what it is.
    fn take_number(&mut self, name: &'static str) -> Field {
        let text = self.0.remove(&name.to_ascii_lowercase());
        let value = text.map_or(Value::Null, |text| {
            text.parse::<u64>().map_or_else(|_| Value::String(text), Value::from)
        });
        Field::new(name.to_owned(), value)
    }

    fn end(self) -> Result<(), ApiError> {
        let Some((name, _)) = self.0.first_key_value() else {
            return Ok(());
        };
        let message =
            format!("there is no header `{name}`: docs/API.md lists those that there are");
        Err(ApiError::invalid(name, message))
    }
}
