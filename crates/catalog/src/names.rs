//! Which model a provider's name means.

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    line::Origin,
    period::{Moment, Period},
    problem::Problem,
};

/// A name that a surface has for a model.
#[derive(Clone, Debug)]
pub(crate) struct Name {
    /// The surface whose name it is.
    pub(crate) surface: Arc<str>,
    /// The name, without a date or version behind it.
    pub(crate) id: Arc<str>,
    /// The model.
    pub(crate) model: Arc<str>,
    /// When it meant that.
    pub(crate) period: Period,
    /// Where it is written.
    pub(crate) origin: Origin,
}

/// All names, by surface and the name in lower case.
#[derive(Clone, Debug, Default)]
pub(crate) struct Names(BTreeMap<Arc<str>, BTreeMap<String, Vec<Name>>>);

impl Names {
    /// Takes a name in.
    ///
    /// # Errors
    /// At the same time it means another model.
    pub(crate) fn add(&mut self, name: Name) -> Result<(), Problem> {
        let surface = self.0.entry(Arc::clone(&name.surface)).or_default();
        let known = surface.entry(name.id.to_ascii_lowercase()).or_default();
        let same_time = |one: &&Name| one.period.overlaps(&name.period);
        match known.iter().find(same_time) {
            Some(other) if other.model == name.model => Ok(()),
            Some(other) => Err(Problem {
                file: Arc::clone(&name.origin.file),
                line: name.origin.line,
                message: format!(
                    "`{}` means `{}` here and `{}` at {}",
                    name.id, name.model, other.model, other.origin
                ),
                help: "keep one, or give both the dates between which they hold".to_owned(),
            }),
            None => {
                known.push(name);
                Ok(())
            }
        }
    }

    /// Whether there is any name at this surface.
    pub(crate) fn has_surface(&self, surface: &str) -> bool {
        self.0.contains_key(surface)
    }

    /// The model that a surface calls so: by the whole name, else by its longest beginning that has
    /// nothing but a date or a version behind it.
    pub(crate) fn model(&self, surface: &str, name: &str, at: Moment) -> Option<&Arc<str>> {
        let names = self.0.get(surface)?;
        let name = name.to_ascii_lowercase();
        let ends = name.char_indices().map(|(at, _)| at).chain([name.len()]);
        let mut ends: Vec<usize> = ends.collect();
        ends.reverse();
        let cut = |end: usize| Some((name.get(..end)?, name.get(end..)?));
        let candidates = ends.into_iter().filter_map(cut);
        let mut versions = candidates.filter(|(_, rest)| rest.is_empty() || is_version(rest));
        versions.find_map(|(id, _)| {
            let known = names.get(id)?.iter().find(|known| known.period.contains(at))?;
            Some(&known.model)
        })
    }
}

/// Whether a text is nothing but what providers put behind a model's name for one of its builds:
/// `-20250219`, `@20250219`, `-2026-10-12`, `-v1:0`, or a date and then a version.
fn is_version(text: &str) -> bool {
    let text = text.strip_prefix(['-', '@']).map(|rest| (rest, date_length(rest)));
    let Some((rest, date)) = text else { return false };
    match rest.get(date..) {
        Some("") => date > 0,
        Some(rest) if date > 0 => rest.strip_prefix('-').is_some_and(is_number_of_version),
        _ => is_number_of_version(rest),
    }
}

/// The length of a date at the beginning, or 0.
fn date_length(text: &str) -> usize {
    let shapes = ["dddd-dd-dd", "dddddddd"];
    let fits = |shape: &&str| {
        text.len() >= shape.len()
            && shape.bytes().zip(text.bytes()).all(|(wanted, found)| match wanted {
                b'd' => found.is_ascii_digit(),
                other => found == other,
            })
    };
    shapes.into_iter().find(fits).map_or(0, str::len)
}

/// `v1`, `v1:0`
fn is_number_of_version(text: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let Some(number) = text.strip_prefix('v') else { return false };
    let (major, minor) = number.split_once(':').unwrap_or((number, "0"));
    digits(major) && digits(minor)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::line::Layer;

    fn name(id: &str, model: &str, from: Option<&str>, until: Option<&str>) -> Name {
        let moment = |text: Option<&str>| text.map(|text| text.parse().unwrap());
        Name {
            surface: "s".into(),
            id: id.into(),
            model: model.into(),
            period: Period { from: moment(from), until: moment(until) },
            origin: Origin { layer: Layer::BuiltIn, file: "f.yaml".into(), line: 7 },
        }
    }

    #[test]
    fn the_longest_name_wins_and_only_versions_may_follow() {
        let mut names = Names::default();
        for (id, model) in [
            ("gpt-4o", "gpt-4o"),
            ("gpt-4o-audio", "gpt-audio"),
            ("anthropic.claude-opus-5", "claude-opus-5"),
            ("anthropic.claude-opus-5-5", "claude-opus-5-5"),
            ("MAI-Thinking-1", "mai-thinking-1"),
        ] {
            names.add(name(id, model, None, None)).unwrap();
        }
        for (asked, wanted) in [
            ("gpt-4o", Some("gpt-4o")),
            ("gpt-4o-2024-08-06", Some("gpt-4o")),
            ("gpt-4o-20240806", Some("gpt-4o")),
            ("gpt-4o-audio-2026-01-01", Some("gpt-audio")),
            ("gpt-4o-mini", None),
            ("gpt-4o-", None),
            ("gpt-4o2", None),
            ("anthropic.claude-opus-5-5-v1:0", Some("claude-opus-5-5")),
            ("anthropic.claude-opus-5-20260101-v1:0", Some("claude-opus-5")),
            ("anthropic.claude-opus-5-v2", Some("claude-opus-5")),
            ("anthropic.claude-opus-5-6", None),
            ("mai-thinking-1", Some("mai-thinking-1")),
            ("", None),
        ] {
            let found = names.model("s", asked, Moment::default());
            assert_eq!(found.map(AsRef::as_ref), wanted, "{asked}");
        }
        assert!(names.model("other", "gpt-4o", Moment::default()).is_none());
    }

    #[test]
    fn a_name_may_move_but_not_be_two_at_once() {
        let mut names = Names::default();
        let june = Some("2026-06-16");
        names.add(name("medium-latest", "medium-3", None, june)).unwrap();
        names.add(name("medium-latest", "medium-3-5", june, None)).unwrap();
        let at = |date: &str| names.model("s", "medium-latest", date.parse().unwrap()).cloned();
        assert_eq!(at("2026-06-15").as_deref(), Some("medium-3"));
        assert_eq!(at("2026-06-16").as_deref(), Some("medium-3-5"));
        let problem = names.add(name("medium-latest", "medium-4", None, None)).unwrap_err();
        assert_eq!(
            problem.to_string(),
            "f.yaml:7: `medium-latest` means `medium-4` here and `medium-3` at f.yaml:7; keep one, \
             or give both the dates between which they hold"
        );
    }
}
