//! Objectives of features, what follows when they burn, and who is told.

use super::Check;
use crate::{
    config::{AlertTargets, BurnResponse, Document, OnBurn, SloFiles, Tier, Webhook},
    lenient::Field,
    problem::{Code, Problem},
    source::Span,
    wire,
};

/// The most that a burn rate can be with any target that makes sense: all is bad at 99.999 %.
const BURN_MAX: f64 = 100_000.0;

impl Check<'_> {
    /// The files that a feature's `slos` means.
    pub(super) fn slos(&mut self, field: &Field<String>) -> SloFiles {
        let Some(path) = self.path(field) else { return SloFiles::default() };
        let found = self.files(&path).unwrap_or_else(|fault| {
            self.no_slos(field, &fault);
            Vec::new()
        });
        let mut files = Vec::new();
        for file in found {
            match self.world.read(&file) {
                Ok(text) => files.push(Document { name: self.shown(&file), text }),
                Err(error) => {
                    let fault = format!("means {}, which cannot be read: {error}", file.display());
                    self.no_slos(field, &fault);
                }
            }
        }
        SloFiles { path: Some(path), files }
    }

    fn no_slos(&mut self, field: &Field<String>, fault: &str) {
        let written = field.value.clone().unwrap_or_default();
        let at = field.at.unwrap_or_default();
        let problem = Problem::new(Code::InvalidValue, at, format!("`{written}` {fault}"));
        let help = "write a path such as `slos/support-reply.yaml` or `slos/support-*.yaml`";
        self.add(problem.with_found(written).with_help(help));
    }

    /// The `alerts` section.
    pub(super) fn alerts(&mut self, field: &Field<wire::Alerts>) -> AlertTargets {
        let Some((written, at)) = field.placed() else { return AlertTargets::default() };
        let webhook = self.required(&written.webhook, "webhook", at);
        let webhook = webhook.and_then(|(webhook, at)| self.alert_webhook(webhook, at));
        AlertTargets { webhook }
    }

    fn alert_webhook(&mut self, written: &wire::AlertWebhook, at: Span) -> Option<Webhook> {
        self.required(&written.url, "url", at);
        let url = self.url(&written.url);
        let secret = self.secret(&written.secret);
        Some(Webhook { url: url?, secret })
    }

    /// What a feature with these `tiers` does while its objectives burn.
    pub(super) fn on_burn(
        &mut self,
        field: &Field<Vec<Field<wire::OnBurn>>>,
        slos: &Field<String>,
        tiers: &[Tier],
    ) -> Vec<OnBurn> {
        let Some((rules, at)) = field.placed() else { return Vec::new() };
        if !slos.is_written() {
            let problem = Problem::new(Code::MissingKey, at, "`on_burn` needs `slos`");
            self.add(problem.with_help("name the file of the feature's objectives in `slos`"));
        }
        let placed: Vec<(&wire::OnBurn, Span)> = rules.iter().filter_map(Field::placed).collect();
        placed.into_iter().filter_map(|(rule, at)| self.burn_rule(rule, at, tiers)).collect()
    }

    fn burn_rule(&mut self, written: &wire::OnBurn, at: Span, tiers: &[Tier]) -> Option<OnBurn> {
        self.required(&written.slo, "slo", at);
        let slo = self.text(&written.slo);
        let above = self.required(&written.above, "above", at);
        let above = above.and_then(|(above, at)| self.burn_rate(*above, at));
        let then = match (written.prefer.is_written(), written.begin_at.is_written()) {
            (true, false) => self.burn_prefer(&written.prefer),
            (false, true) => self.begin_at(&written.begin_at, tiers),
            (both, _) => {
                let count = if both { "both" } else { "neither" };
                let message = format!("the rule has {count} of `prefer` and `begin_at`");
                let help = "write exactly one of them; several rules may name one objective";
                self.add(Problem::new(Code::InvalidValue, at, message).with_help(help));
                None
            }
        };
        Some(OnBurn { slo: slo?, above: above?, then: then? })
    }

    fn burn_rate(&mut self, above: f64, at: Span) -> Option<f64> {
        if above > 0.0 && above <= BURN_MAX {
            return Some(above);
        }
        let message = format!("`{above}` is not a burn rate above 0");
        let problem = Problem::new(Code::InvalidValue, at, message).with_found(above.to_string());
        self.add(problem.with_help("pages begin at 6 and 14.4 with a window of 30 days"));
        None
    }

    fn burn_prefer(&mut self, field: &Field<String>) -> Option<BurnResponse> {
        let (word, at) = field.placed()?;
        match word.as_str() {
            "cheapest" => Some(BurnResponse::Cheapest),
            "fastest" => Some(BurnResponse::Fastest),
            other => {
                let message = format!("`{other}` is not a value of this key");
                let problem = Problem::new(Code::InvalidValue, at, message).with_found(other);
                self.add(problem.suggesting(other, &wire::BURN_PREFER_WORDS));
                None
            }
        }
    }

    fn begin_at(&mut self, field: &Field<String>, tiers: &[Tier]) -> Option<BurnResponse> {
        let (name, at) = field.placed()?;
        let fault = match tiers.iter().position(|tier| tier.name == *name) {
            Some(1..) => return Some(BurnResponse::BeginAt(name.clone())),
            Some(_) => format!("the feature begins at `{name}` anyway"),
            None => format!("the feature has no tier `{name}`"),
        };
        let later: Vec<&str> = tiers.iter().skip(1).map(|tier| tier.name.as_str()).collect();
        let problem = Problem::new(Code::InvalidValue, at, fault).with_found(name);
        self.add(problem.suggesting(name, &later));
        None
    }
}
