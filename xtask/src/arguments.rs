//! The words after `cargo xtask`.

use std::str::FromStr;

use crate::error::TaskError;

/// The words that no one has taken yet.
pub(crate) struct Arguments {
    words: Vec<String>,
}

impl Arguments {
    pub(crate) fn of_process() -> Self {
        Self { words: std::env::args().skip(1).collect() }
    }

    /// Takes the first word.
    pub(crate) fn word(&mut self) -> Option<String> {
        (!self.words.is_empty()).then(|| self.words.remove(0))
    }

    /// Takes a word that is there or not, such as `--quick`.
    pub(crate) fn flag(&mut self, name: &str) -> bool {
        let place = self.words.iter().position(|word| word == name);
        place.map(|at| self.words.remove(at)).is_some()
    }

    /// Takes a word with a value: `--seconds 5` or `--seconds=5`.
    pub(crate) fn value<T: FromStr>(&mut self, name: &str) -> Result<Option<T>, TaskError> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        let wrong = |_| TaskError::Usage(format!("{name} does not take `{text}`"));
        text.parse().map(Some).map_err(wrong)
    }

    fn text(&mut self, name: &str) -> Result<Option<String>, TaskError> {
        let joined = format!("{name}=");
        let named = |word: &String| word == name || word.starts_with(&joined);
        let Some(at) = self.words.iter().position(named) else { return Ok(None) };
        let word = self.words.remove(at);
        if let Some(value) = word.strip_prefix(&joined) {
            return Ok(Some(value.to_owned()));
        }
        if at < self.words.len() {
            return Ok(Some(self.words.remove(at)));
        }
        Err(TaskError::Usage(format!("{name} needs a value")))
    }

    /// Refuses the words that are left.
    pub(crate) fn end(self) -> Result<(), TaskError> {
        match self.words.first() {
            None => Ok(()),
            Some(word) => Err(TaskError::Usage(format!("`{word}` is not understood"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Arguments {
        Arguments { words: line.split_whitespace().map(str::to_owned).collect() }
    }

    #[test]
    fn words_are_taken_in_any_order_and_in_both_forms() {
        let mut arguments = words("bench --seconds=5 --quick --rounds 3");
        assert_eq!(arguments.word().as_deref(), Some("bench"));
        assert_eq!(arguments.value::<u32>("--rounds").unwrap(), Some(3));
        assert_eq!(arguments.value::<f64>("--seconds").unwrap(), Some(5.0));
        assert_eq!(arguments.value::<String>("--format").unwrap(), None);
        assert!(arguments.flag("--quick"));
        assert!(!arguments.flag("--quick"));
        assert!(arguments.end().is_ok());
    }

    #[test]
    fn mistakes_are_told() {
        for (line, wanted) in [
            ("--rounds", "--rounds needs a value"),
            ("--rounds many", "--rounds does not take `many`"),
            ("--round 3", "`--round` is not understood"),
        ] {
            let mut arguments = words(line);
            let said = arguments.value::<u32>("--rounds").and_then(|_| arguments.end());
            assert_eq!(said.unwrap_err().to_string(), wanted, "{line}");
        }
    }
}
