//! How the files of a GGUF model are called that is kept in several: `NAME-00001-of-00003.gguf` and so on.
//!
//! Source: llama.cpp `llama_split_path` in `src/llama.cpp`.

const EXTENSION: &str = ".gguf";
const DIGITS: usize = 5;

/// One file of a model in several, by its name or path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GgufPart<'a> {
    stem: &'a str,
    number: usize,
    count: usize,
}

impl<'a> GgufPart<'a> {
    /// What the name or path says; `None` of a file that is a whole model.
    pub fn of(path: &'a str) -> Option<Self> {
        let (rest, count) = path.strip_suffix(EXTENSION)?.rsplit_once("-of-")?;
        let (stem, number) = rest.rsplit_once('-')?;
        let (number, count) = (digits(number)?, digits(count)?);
        (1..=count).contains(&number).then_some(Self { stem, number, count })
    }

    /// Which of them it is, from 1 on.
    pub const fn number(&self) -> usize {
        self.number
    }

    /// How many there are.
    pub const fn count(&self) -> usize {
        self.count
    }

    /// The names or paths of all, in order.
    pub fn all(self) -> impl Iterator<Item = String> + use<'a> {
        (1..=self.count).map(move |number| self.named(number))
    }

    /// The name or path of the first, by which the model is opened.
    pub fn first(self) -> String {
        self.named(1)
    }

    fn named(self, number: usize) -> String {
        let Self { stem, count, .. } = self;
        format!("{stem}-{number:0DIGITS$}-of-{count:0DIGITS$}{EXTENSION}")
    }
}

fn digits(text: &str) -> Option<usize> {
    let plain = text.len() == DIGITS && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_knows_the_names_of_all() {
        let part = GgufPart::of("deep-1-of-2/x-y-00002-of-00003.gguf").unwrap();
        assert_eq!((part.number(), part.count()), (2, 3));
        let all = ["1", "2", "3"].map(|n| format!("deep-1-of-2/x-y-0000{n}-of-00003.gguf"));
        assert_eq!(part.all().collect::<Vec<_>>(), all);
        assert_eq!(part.first(), all[0]);
    }

    #[test]
    fn other_files_are_whole_models() {
        for name in [
            "x.gguf",
            "x-of-00003.gguf",
            "x-00001-of-00003.safetensors",
            "x-0001-of-0003.gguf",
            "x-00000-of-00003.gguf",
            "x-00004-of-00003.gguf",
            "x-+0001-of-00003.gguf",
            "00001-of-00003.gguf",
            "",
        ] {
            assert_eq!(GgufPart::of(name), None, "{name}");
        }
    }
}
