//! Schemas at random, with what they accept.

use serde_json::{Map, Value, json};

/// What a value may be. All of it comes to an end.
pub(super) enum Shape {
    Null,
    Boolean,
    Integer(i64, i64),
    Text {
        least: usize,
        most: usize,
    },
    /// A pattern, and whether a text is of it.
    Pattern(&'static str, IsOf),
    OneOf(Vec<Value>),
    List {
        of: Box<Self>,
        least: usize,
        most: usize,
    },
    /// Names, what they stand for, whether they have to be there.
    Object(Vec<(String, Self, bool)>),
    Either(Box<Self>, Box<Self>),
}

const NAMES: [&str; 8] = ["name", "area", "price", "day", "people", "time", "with \"quotes\"", "ü"];

/// Whether a text is of a pattern.
type IsOf = fn(&str) -> bool;

const PATTERNS: [(&str, IsOf); 3] = [
    ("^[a-z]{2,5}$", |text| {
        (2..=5).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_lowercase())
    }),
    ("^[0-9]{2}:[0-9]{2}$", |text| {
        let digit = |at: usize| text.as_bytes()[at].is_ascii_digit();
        text.len() == 5 && text.as_bytes()[2] == b':' && [0, 1, 3, 4].into_iter().all(digit)
    }),
    ("^(north|south|centre)$", |text| ["north", "south", "centre"].contains(&text)),
];

impl Shape {
    /// One of them, `depth` deep at most.
    pub(super) fn any(random: &mut Random, depth: usize) -> Self {
        let deep = if depth == 0 { 6 } else { 10 };
        let deeper = |random: &mut Random| Self::any(random, depth - 1);
        match random.below(deep) {
            0 => [Self::Null, Self::Boolean].into_iter().nth(random.below(2)).unwrap(),
            1 => {
                let least = i64::try_from(random.below(400)).unwrap() - 200;
                Self::Integer(least, least + i64::try_from(random.below(1000)).unwrap())
            }
            2 | 3 => {
                let least = random.below(3);
                Self::Text { least, most: least + random.below(8) }
            }
            4 => {
                let (pattern, is_of) = PATTERNS[random.below(PATTERNS.len())];
                Self::Pattern(pattern, is_of)
            }
            5 => {
                let values =
                    [json!("cheap"), json!("expensive"), json!(3), json!(null), json!([1, "a"])];
                let from = random.below(3);
                Self::OneOf(values[from..=from + random.below(3)].to_vec())
            }
            6 => {
                let (least, of) = (random.below(3), Box::new(deeper(random)));
                Self::List { of, least, most: least + random.below(3) }
            }
            7 => Self::Either(Box::new(deeper(random)), Box::new(deeper(random))),
            _ => {
                let first = random.below(NAMES.len());
                let names = NAMES.iter().cycle().skip(first).take(1 + random.below(4));
                let mut field =
                    |name: &&str| ((*name).to_owned(), deeper(random), random.below(3) > 0);
                Self::Object(names.map(&mut field).collect())
            }
        }
    }

    /// It as a JSON schema.
    pub(super) fn schema(&self) -> Value {
        match self {
            Self::Null => json!({ "type": "null" }),
            Self::Boolean => json!({ "type": "boolean" }),
            Self::Integer(least, most) => {
                json!({ "type": "integer", "minimum": least, "maximum": most })
            }
            Self::Text { least, most } => {
                json!({ "type": "string", "minLength": least, "maxLength": most })
            }
            Self::Pattern(pattern, _) => json!({ "type": "string", "pattern": pattern }),
            Self::OneOf(values) => json!({ "enum": values }),
            Self::List { of, least, most } => {
                json!({ "type": "array", "items": of.schema(), "minItems": least, "maxItems": most })
            }
            Self::Object(fields) => {
                let schemas = fields.iter().map(|(name, shape, _)| (name.clone(), shape.schema()));
                let required = fields.iter().filter(|field| field.2).map(|field| &field.0);
                json!({
                    "type": "object",
                    "properties": schemas.collect::<Map<_, _>>(),
                    "required": required.collect::<Vec<_>>(),
                    "additionalProperties": false,
                })
            }
            Self::Either(one, other) => json!({ "anyOf": [one.schema(), other.schema()] }),
        }
    }

    /// Whether `value` is of this shape.
    pub(super) fn accepts(&self, value: &Value) -> bool {
        match self {
            Self::Null => value.is_null(),
            Self::Boolean => value.is_boolean(),
            Self::Integer(least, most) => {
                value.as_i64().is_some_and(|value| (*least..=*most).contains(&value))
            }
            Self::Text { least, most } => {
                let length = |text: &str| text.chars().count();
                value.as_str().is_some_and(|text| (*least..=*most).contains(&length(text)))
            }
            Self::Pattern(_, is_of) => value.as_str().is_some_and(is_of),
            Self::OneOf(values) => values.contains(value),
            Self::List { of, least, most } => value.as_array().is_some_and(|items| {
                (*least..=*most).contains(&items.len()) && items.iter().all(|item| of.accepts(item))
            }),
            Self::Object(fields) => value.as_object().is_some_and(|object| {
                let known = |name: &String| fields.iter().any(|field| field.0 == *name);
                let fits = |(name, shape, required): &(String, Self, bool)| {
                    object.get(name).map_or(!required, |value| shape.accepts(value))
                };
                object.keys().all(known) && fields.iter().all(fits)
            }),
            Self::Either(one, other) => one.accepts(value) || other.accepts(value),
        }
    }
}

/// SplitMix64, for test data.
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) >> 33).unwrap() % n
    }
}
