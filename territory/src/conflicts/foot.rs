//! Streets that a site closes to those who walk, as conflicts.

use super::assess::{Conflict, Dates, NewSite};
use super::rules::WalkRule;
use super::span::Span;
use crate::{FeatureRef, Text};

/// A street that the site closes to those who walk.
#[derive(Debug, Clone, PartialEq)]
pub struct Closed {
    /// The street.
    pub feature: FeatureRef,
    /// Its name.
    pub name: String,
    /// Metres of it that are closed.
    pub metres: f64,
    /// What follows.
    pub effect: Effect,
}

/// What follows where a street is closed.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Nobody comes through there, or it is not known.
    None,
    /// Who comes through goes so many metres farther.
    Detour(f64),
    /// There is another way, longer by more than so many metres: nobody looked farther.
    Beyond(f64),
    /// Places cannot be reached any more: how many of what.
    CutOff(Vec<(Text, usize)>),
}

/// A street that is closed to those who walk, for as long as the site is there.
pub(super) fn on_foot(rule: &WalkRule, closed: &Closed, site: &NewSite) -> Conflict {
    let metres = |metres: f64| format!("{metres:.0}");
    let (severity, effect) = match &closed.effect {
        Effect::None => (rule.severity, Text::same("")),
        Effect::Detour(more) if *more < rule.detour_m.to_f64() => (
            rule.severity,
            Text::new(
                format!(", deviazione di {} m", metres(*more)),
                format!(", a way around of {} m more", metres(*more)),
            ),
        ),
        Effect::Detour(more) => (
            rule.detour,
            Text::new(
                format!(", deviazione di {} m", metres(*more)),
                format!(", a way around of {} m more", metres(*more)),
            ),
        ),
        Effect::Beyond(most) => (
            rule.detour,
            Text::new(
                format!(", deviazione di oltre {} m", metres(*most)),
                format!(", a way around of more than {} m", metres(*most)),
            ),
        ),
        Effect::CutOff(places) => {
            let list = |title: fn(&Text) -> &str| {
                let each: Vec<String> = places.iter().map(|(of, count)| format!("; {}: {count}", title(of))).collect();
                each.concat()
            };
            let it = format!(", isola ciò che sta oltre{}", list(|of| &of.it));
            (rule.cut_off, Text::new(it, format!(", cuts off what lies behind{}", list(|of| &of.en))))
        }
    };
    let span = Span { from: Some(site.from), to: Some(site.to) };
    let length = metres(closed.metres.max(1.0));
    Conflict {
        role: "walk".to_owned(),
        title: rule.title.clone(),
        feature: closed.feature.clone(),
        name: closed.name.clone(),
        severity,
        distance_m: "0.0".to_owned(),
        dates: Dates::Known { from: span.from, to: span.to },
        common_days: span.days(),
        reason: Text::new(
            format!("{}, chiusa per {length} m{}", rule.title.it, effect.it),
            format!("{}, closed for {length} m{}", rule.title.en, effect.en),
        ),
    }
}
