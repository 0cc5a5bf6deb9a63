//! What the dialects of Claude share: releases, thinking, sampling and opaque state.

pub(crate) mod model;
pub(crate) mod sampling;
pub(crate) mod thinking;

use crate::{Losses, ir::Ask};

/// Notes the hints that neither dialect of Claude has a field for.
pub(crate) fn drop_hints(ask: &Ask, losses: &mut Losses) {
    losses.drop_given(&[
        ("frequency_penalty", ask.frequency_penalty.is_some()),
        ("presence_penalty", ask.presence_penalty.is_some()),
        ("seed", ask.seed.is_some()),
        ("verbosity", ask.verbosity.is_some()),
        ("prompt_cache_key", ask.cache_key.is_some()),
    ]);
}
