//! Commented configuration files, read as what they document: sections, their keys, and what is said of each.
//!
//! ```text
//! [section]            # what is said of it
//! key = value          # what is said of it,
//!                      # and more of that
//! # key = value        # what is commented out documents too, a section as well
//! ```
//!
//! Prose begins at the left margin, and is of no key.

/// A section of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Section {
    pub(super) name: String,
    pub(super) says: String,
    pub(super) keys: Vec<Key>,
}

/// A key of a section.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Key {
    pub(super) name: String,
    /// As it is typed, on one line.
    pub(super) value: String,
    pub(super) says: String,
}

/// What `text` documents. Of sections that repeat, as those of lists do, the first one.
pub(super) fn sections(text: &str) -> Vec<Section> {
    let mut reader = Reader::default();
    text.lines().for_each(|line| reader.line(line));
    let mut sections: Vec<Section> = Vec::new();
    for section in reader.sections {
        if sections.iter().all(|before| before.name != section.name) {
            sections.push(section);
        }
    }
    sections
}

/// What a further comment is of.
#[derive(Debug, Default, Clone, Copy)]
enum Last {
    #[default]
    Nothing,
    Section,
    Key,
}

#[derive(Debug, Default)]
struct Reader {
    sections: Vec<Section>,
    last: Last,
    /// Brackets of a value that are still open.
    open: usize,
}

impl Reader {
    fn line(&mut self, line: &str) {
        let (code, says) = parted(uncommented(line));
        if self.open > 0 {
            self.goes_on(code);
        } else if let Some(name) = header(code) {
            self.sections.push(Section {
                name: name.to_owned(),
                says: String::new(),
                keys: Vec::new(),
            });
            self.last = Last::Section;
        } else if let Some((name, value)) = key(code) {
            self.begin(name, value);
        } else if !line.starts_with(' ') {
            self.last = Last::Nothing;
        }
        self.says(says);
    }

    fn begin(&mut self, name: &str, value: &str) {
        let Some(section) = self.sections.last_mut() else { return };
        let (name, value) = (name.to_owned(), value.to_owned());
        self.open = still_open(0, &value);
        section.keys.push(Key { name, value, says: String::new() });
        self.last = Last::Key;
    }

    fn goes_on(&mut self, code: &str) {
        self.open = still_open(self.open, code);
        if let Some(key) = self.sections.last_mut().and_then(|section| section.keys.last_mut()) {
            let apart = if key.value.ends_with('[') || code == "]" { "" } else { " " };
            key.value += &format!("{apart}{code}");
        }
    }

    fn says(&mut self, more: &str) {
        let section = self.sections.last_mut();
        let all = match self.last {
            Last::Nothing => None,
            Last::Section => section.map(|section| &mut section.says),
            Last::Key => {
                section.and_then(|section| section.keys.last_mut()).map(|key| &mut key.says)
            }
        };
        if let Some(all) = all.filter(|_| !more.is_empty()) {
            *all += if all.is_empty() { "" } else { " " };
            *all += more;
        }
    }
}

/// The line itself, where it is a section or a key that is commented out.
fn uncommented(line: &str) -> &str {
    let documents = |code: &&str| {
        let (code, _) = parted(code);
        header(code).is_some() || key(code).is_some()
    };
    line.strip_prefix("# ").filter(documents).unwrap_or(line)
}

/// What is before the first `#` that is in no text, and what is after it.
fn parted(line: &str) -> (&str, &str) {
    let mut in_text = false;
    let begins = line.find(|letter| {
        in_text ^= letter == '"';
        letter == '#' && !in_text
    });
    let (code, says) = begins.map_or((line, ""), |at| (&line[..at], &line[at + 1..]));
    (code.trim(), says.trim())
}

fn header(code: &str) -> Option<&str> {
    let inner = code.strip_prefix('[')?.strip_suffix(']')?;
    let name = inner.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')).unwrap_or(inner);
    is_word(name).then_some(name)
}

fn key(code: &str) -> Option<(&str, &str)> {
    code.split_once(" = ").filter(|(name, _)| is_word(name))
}

fn is_word(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
}

fn still_open(before: usize, code: &str) -> usize {
    let count = |letters: [char; 2]| code.matches(letters).count();
    (before + count(['[', '{'])).saturating_sub(count([']', '}']))
}

#[test]
fn keys_are_read_with_all_that_is_said_of_them() {
    let text = "# Prose.\n\n[node]  # who it is\n        # to others\nname = \"a#b\" # its name,\n   # in plans\n\
                # port = 7     # an example\n# More prose, of no key.\nlist = [       # several\n    { a = 1 },\n    { a = 2 },\n]\n\
                # [late]       # a section\n# on = true\n[[peers]]\nat = 1\n[[peers]]\nat = 2\n";
    let key = |name: &str, value: &str, says: &str| Key {
        name: name.to_owned(),
        value: value.to_owned(),
        says: says.to_owned(),
    };
    let section = |name: &str, says: &str, keys: &[Key]| Section {
        name: name.to_owned(),
        says: says.to_owned(),
        keys: keys.to_vec(),
    };
    let node = [
        key("name", "\"a#b\"", "its name, in plans"),
        key("port", "7", "an example"),
        key("list", "[{ a = 1 }, { a = 2 },]", "several"),
    ];
    let expected = [
        section("node", "who it is to others", &node),
        section("late", "a section", &[key("on", "true", "")]),
        section("peers", "", &[key("at", "1", "")]),
    ];
    assert_eq!(sections(text), expected);
}
