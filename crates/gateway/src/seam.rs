//! Where a text that broke off and its continuation meet.
//!
//! Who continues a text may repeat its end first, or begin all over. So the start of a continuation
//! is held back until it is clear that it does neither; what it repeats is left out.

/// The shortest repetition, in bytes, that is taken for one: shorter ones are chance.
const OVERLAP_MIN: usize = 20;
/// How far back, in bytes, a repetition is looked for.
const OVERLAP_MAX: usize = 400;
/// As many bytes like the text's own beginning are no continuation.
const ANEW_MIN: usize = 40;

/// The start of a continuation.
#[derive(Clone, Debug)]
pub(crate) struct Seam {
    /// The text's first bytes.
    head: String,
    /// The text's last bytes, without the white space behind them.
    tail: String,
    /// White space at the text's end that whoever continues it did not see.
    space: String,
    /// What came of the continuation so far.
    held: String,
}

/// What a seam makes of what came.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Joined {
    /// Not clear yet.
    Held,
    /// The text goes on with this.
    Text(String),
    /// This is the text from its beginning.
    Anew,
}

impl Seam {
    /// The seam behind `text`.
    pub(crate) fn behind(text: &str) -> Self {
        let seen = seen(text);
        let space = text.get(seen.len()..).unwrap_or_default().to_owned();
        let mut from = seen.len().saturating_sub(OVERLAP_MAX);
        while !seen.is_char_boundary(from) {
            from += 1;
        }
        let mut until = seen.len().min(ANEW_MIN);
        while !seen.is_char_boundary(until) {
            until += 1;
        }
        Self {
            // A text within the window is repeated rather than begun anew.
            head: if from > 0 { seen.get(..until).unwrap_or_default() } else { "" }.to_owned(),
            tail: seen.get(from..).unwrap_or_default().to_owned(),
            space,
            held: String::new(),
        }
    }

    /// Takes the next piece of the continuation; `last` where nothing follows.
    pub(crate) fn join(&mut self, piece: &str, last: bool) -> Joined {
        self.held.push_str(piece);
        if !self.head.is_empty() && self.held.starts_with(&self.head) {
            return Joined::Anew;
        }
        let rest = self.held.get(self.repeated()..).unwrap_or_default();
        let open = self.held.is_empty()
            || self.head.starts_with(&self.held)
            || self.may_repeat_more()
            || (rest.len() < self.space.len() && self.space.starts_with(rest));
        if open && !last {
            return Joined::Held;
        }
        Joined::Text(self.after_space(rest).to_owned())
    }

    /// The ends of the text that can be told from chance, longest first.
    fn ends(&self) -> impl Iterator<Item = &str> {
        let ends = self.tail.char_indices().map(|(at, _)| self.tail.get(at..).unwrap_or_default());
        ends.take_while(|end| end.len() >= OVERLAP_MIN)
    }

    /// Whether an end of the text begins with what came and goes on: it may all be repeated.
    fn may_repeat_more(&self) -> bool {
        self.ends().any(|end| end.len() > self.held.len() && end.starts_with(&self.held))
    }

    /// How many bytes at the start of the continuation are an end of the text.
    fn repeated(&self) -> usize {
        self.ends().find(|end| self.held.starts_with(end)).map_or(0, str::len)
    }

    /// A continuation without the white space that the client has already.
    fn after_space<'a>(&self, text: &'a str) -> &'a str {
        let same = |(ours, theirs): &((usize, char), char)| ours.1 == *theirs;
        let pairs = text.char_indices().zip(self.space.chars());
        let common = pairs.take_while(same).map(|((at, char), _)| at + char.len_utf8()).last();
        text.get(common.unwrap_or(0)..).unwrap_or_default()
    }
}

/// What of a text whoever continues it gets to see: some refuse a turn that ends with white space.
pub(crate) fn seen(text: &str) -> &str {
    text.trim_end()
}

#[cfg(test)]
mod tests {
    use super::*;

    const STORY: &str = "Once upon a time there was a lantern in the harbor, and nobody lit it. ";

    /// The text with what a seam makes of a continuation that comes in pieces of so many bytes.
    fn spliced(text: &str, continuation: &str, piece: usize) -> Option<String> {
        let mut seam = Seam::behind(text);
        let mut whole = text.to_owned();
        let pieces: Vec<&str> =
            continuation.as_bytes().chunks(piece).map(|at| str::from_utf8(at).unwrap()).collect();
        let mut joined = false;
        for (at, piece) in pieces.iter().enumerate() {
            if joined {
                whole.push_str(piece);
                continue;
            }
            match seam.join(piece, at + 1 == pieces.len()) {
                Joined::Held => {}
                Joined::Text(more) => {
                    whole.push_str(&more);
                    joined = true;
                }
                Joined::Anew => return None,
            }
        }
        Some(whole)
    }

    #[test]
    fn a_continuation_goes_on_where_the_text_ends() {
        let whole = format!("{STORY}Then came a falcon, and nobody lit the lantern.");
        let rest = &whole[STORY.len()..];
        for continuation in [
            rest.to_owned(),
            format!(" {rest}"),
            format!("harbor, and nobody lit it. {rest}"),
            format!("harbor, and nobody lit it.{rest}"),
            format!("{STORY}{rest}"),
        ] {
            for piece in [1, 4, 7, 1000] {
                let spliced = spliced(STORY, &continuation, piece).unwrap();
                assert_eq!(spliced, whole, "{continuation:?} in pieces of {piece}");
            }
        }
    }

    #[test]
    fn short_likenesses_are_chance() {
        for (text, rest) in [("ha ha ha", " ha ha"), ("1, 2, 3, ", "3, 2, 1"), ("a\n\n", "\n- b")] {
            let whole = spliced(text, rest, 1).unwrap();
            let kept = whole.strip_prefix(text).unwrap();
            assert!(rest.ends_with(kept) && rest.len() - kept.len() <= 1, "{text:?} {kept:?}");
        }
    }

    #[test]
    fn a_text_that_begins_anew_is_known() {
        let long = STORY.repeat(10).replace("lantern in the harbor, and", "candle, but");
        let long = format!("{STORY}{long}");
        assert_eq!(spliced(&long, &long, 4), None);
        assert_eq!(spliced(&long, &long[..30], 4), Some(format!("{long}{}", &long[..30])));
    }

    #[test]
    fn what_is_no_repetition_is_passed_on_at_once() {
        let mut seam = Seam::behind(STORY);
        assert_eq!(seam.join("Then", false), Joined::Text("Then".to_owned()));
    }
}
