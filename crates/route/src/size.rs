//! The size of a prompt, and what was learnt by it.
//!
//! A provider reads a prompt before it answers, and that takes time in proportion to its length:
//! what is slow for a hundred thousand tokens may be quick for a hundred. So times to the first
//! content are compared between prompts of one size only, as far as enough were seen.

use std::time::Duration;

/// The most tokens of a prompt of each size but the last. Each is about four times the one before:
/// within a size times differ less than between deployments, and few sizes fill soon. Below the
/// first, reading the prompt is a small part of the time.
const MOST: [u64; PromptSize::COUNT - 1] = [1_000, 4_000, 16_000, 64_000, 200_000];

/// The names of the sizes, in the order of [`MOST`].
const NAMES: [&str; PromptSize::COUNT] = ["1k", "4k", "16k", "64k", "200k", "more"];

/// So many streams of a size must have been seen before it is told by them and no others: of fewer,
/// one that was out of the ordinary decides.
pub(crate) const SEEN_MIN: u32 = 3;

/// The size of a prompt, by the tokens that it is expected to have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PromptSize(usize);

impl PromptSize {
    /// How many there are.
    pub const COUNT: usize = 6;

    /// The size of a prompt of so many tokens.
    #[must_use]
    pub fn of(input: u64) -> Self {
        Self(MOST.iter().filter(|most| input > **most).count())
    }

    /// The stable name used in records: the most tokens that it has, or `more`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        NAMES.get(self.0).copied().unwrap_or_default()
    }

    /// The sizes below this one, the nearest first.
    fn below(self) -> impl Iterator<Item = Self> {
        (0..self.0).rev().map(Self)
    }

    /// The sizes above this one, the nearest first.
    fn above(self) -> impl Iterator<Item = Self> {
        (self.0 + 1..Self::COUNT).map(Self)
    }
}

/// A time to the first content, and which prompts tell of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct First {
    /// How long it takes.
    pub time: Duration,
    /// The size of the prompts that were seen: the one that was asked for, or a smaller one.
    pub size: PromptSize,
}

/// Something that is learnt of prompts of each size.
///
/// What is not known of a size is borrowed, and the time for a shorter prompt is the least that a
/// longer one takes. Borrowed the other way round, a deployment that is busy with long prompts
/// would be taken to be slow for short ones, and never get one that shows otherwise.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct BySize<T>([T; PromptSize::COUNT]);

impl<T> BySize<T> {
    fn get(&self, size: PromptSize) -> Option<(PromptSize, &T)> {
        self.0.get(size.0).map(|one| (size, one))
    }

    pub(crate) fn get_mut(&mut self, size: PromptSize) -> Option<&mut T> {
        self.0.get_mut(size.0)
    }

    /// What tells of a size: what was learnt of it, and where that does not `tell` enough, what was
    /// learnt of the nearest smaller one that does. Each of them is a time at least.
    pub(crate) fn at_least(
        &self,
        size: PromptSize,
        tells: impl Fn(&T) -> bool,
    ) -> impl Iterator<Item = (PromptSize, &T)> {
        let own = self.get(size);
        let enough = own.is_some_and(|(_, one)| tells(one));
        let smaller = size.below().filter_map(|size| self.get(size)).find(|(_, one)| tells(one));
        own.into_iter().chain(smaller.filter(|_| !enough))
    }

    /// What was learnt of a size, or else of the nearest larger one that `tells` enough: a time at
    /// most.
    pub(crate) fn at_most(&self, size: PromptSize, tells: impl Fn(&T) -> bool) -> Option<&T> {
        let all = [size].into_iter().chain(size.above()).filter_map(|size| self.get(size));
        all.map(|(_, one)| one).find(|one| tells(one))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_has_its_bound_and_its_name() {
        for (input, name) in [
            (0, "1k"),
            (1_000, "1k"),
            (1_001, "4k"),
            (16_000, "16k"),
            (64_000, "64k"),
            (64_001, "200k"),
            (200_001, "more"),
            (u64::MAX, "more"),
        ] {
            assert_eq!(PromptSize::of(input).as_str(), name, "{input}");
        }
    }

    #[test]
    fn shorter_prompts_tell_the_least_and_longer_ones_the_most() {
        let (small, mid, large) =
            (PromptSize::of(0), PromptSize::of(5_000), PromptSize::of(u64::MAX));
        let mut learnt = BySize::<u32>::default();
        let add = |learnt: &mut BySize<u32>, size| *learnt.get_mut(size).unwrap() += 1;
        let tells = |count: &u32| *count >= 2;
        let least = |learnt: &BySize<u32>, size| {
            learnt.at_least(size, tells).map(|(size, count)| (size, *count)).collect::<Vec<_>>()
        };
        add(&mut learnt, mid);
        assert_eq!(least(&learnt, mid), [(mid, 1)], "too few, and nothing better");
        assert_eq!(learnt.at_most(mid, tells), None);
        add(&mut learnt, mid);
        assert_eq!(least(&learnt, mid), [(mid, 2)]);
        assert_eq!(least(&learnt, large), [(large, 0), (mid, 2)]);
        assert_eq!(least(&learnt, small), [(small, 0)], "what is longer says nothing");
        assert_eq!(learnt.at_most(small, tells), Some(&2));
        assert_eq!(learnt.at_most(large, tells), None, "what is shorter says nothing");
        (0..2).for_each(|_| add(&mut learnt, large));
        assert_eq!(least(&learnt, large), [(large, 2)]);
        assert_eq!(
            least(&learnt, PromptSize::of(100_000)),
            [(PromptSize::of(100_000), 0), (mid, 2)]
        );
    }
}
