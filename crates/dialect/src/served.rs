//! The service tier that a provider says it served a stream in.

use tieline_types::ServiceTier;

use crate::ir::Event;

/// What was said last: most providers repeat it, some correct it.
#[derive(Debug, Default)]
pub(crate) struct Served {
    tier: Option<ServiceTier>,
}

impl Served {
    /// Takes in a provider's word, if it gives one, and appends an event where that is news.
    pub(crate) fn take_in(&mut self, word: Option<&str>, out: &mut Vec<Event>) {
        let known = self.tier.as_ref().map(ServiceTier::as_str);
        let Some(word) = word.filter(|word| known != Some(*word)) else {
            return;
        };
        let tier = ServiceTier::served(word);
        if tier != self.tier {
            out.push(Event::ServiceTier(tier.clone()));
            self.tier = tier;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_news_is_told() {
        let mut served = Served::default();
        let mut out = Vec::new();
        for word in [None, Some("default"), Some("flex"), None, Some("flex"), Some("default")] {
            served.take_in(word, &mut out);
        }
        let flex = Event::ServiceTier(ServiceTier::served("flex"));
        assert_eq!(out, [flex, Event::ServiceTier(None)]);
    }
}
