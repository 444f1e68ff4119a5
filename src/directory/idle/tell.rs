//! Automatic deactivation in words and as JSON: what the API, the pages and the commands show alike.

use serde_json::{Value, json};

use super::due::Idle;
use super::{DAY, Phase, Preview, Status, obstacle};
use crate::clock::{date_time, day};

impl Phase {
    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Phase::Off => "off",
            Phase::Stopped => "stopped",
            Phase::Announced => "announced",
            Phase::Waits => "waiting",
            Phase::On => "on",
        }
    }
}

impl Preview {
    /// What is going to happen. `people` are those whom the next run would deactivate, in words: "12 people".
    pub fn sentence(&self, people: &str) -> String {
        let Preview { status, days, at, many, .. } = self;
        let silent = format!("without sign-in or contact for {days} days");
        let over = status.next.is_some_and(|next| next <= *at) && status.guarded;
        let text = match status.phase {
            Phase::Off => "Automatic deactivation is off.".to_owned(),
            Phase::Stopped => {
                let why = obstacle(status.sso, *days, *at).unwrap_or_default();
                format!("Automatic deactivation is stopped. {why}")
            }
            Phase::Waits => format!(
                "{people} {silent} wait to be deactivated: they are more than were announced, or very many at once. An administrator has to confirm it."
            ),
            Phase::Announced | Phase::On if over && self.total > 0 => {
                format!("{people} {silent} are not deactivated while the guard holds.")
            }
            Phase::Announced => {
                let many = if *many { " They are so many that an administrator has to confirm it then." } else { "" };
                format!("On {} {people} will be deactivated, {silent} by then.{many}", day(*at))
            }
            Phase::On => format!("Automatic deactivation is on: once a day it deactivates whoever is {silent}."),
        };
        let mut letters = text.chars();
        letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect()
    }
}

/// How it stands, and what the next run would do.
pub fn status_json(preview: &Preview, now: i64) -> Value {
    let Status { phase, rule, sso, next, guarded, exempt } = &preview.status;
    let time = |at: Option<i64>| at.map(date_time);
    let of = |at: fn(&super::IdleRule) -> Option<i64>| time(rule.as_ref().and_then(at));
    json!({
        "state": phase.name(),
        "days": rule.as_ref().map(|rule| rule.days),
        "obstacle": obstacle(*sso, preview.days, now),
        "singleSignOnSince": time(*sso),
        "announced": of(|rule| Some(rule.announced)),
        "announcedPeople": rule.as_ref().map(|rule| rule.shown),
        "nextRun": time(*next),
        "lastRun": of(|rule| rule.ran),
        "guard": guarded,
        "exempt": exempt,
        "preview": {
            "days": preview.days,
            "at": date_time(preview.at),
            "total": preview.total,
            "needsConfirmation": preview.many || *phase == Phase::Waits,
        },
    })
}

/// Somebody whom the next run would deactivate.
fn idle_json(idle: &Idle, at: i64) -> Value {
    json!({
        "id": idle.listed.id,
        "userName": idle.listed.name,
        "displayName": idle.listed.label,
        "lastContact": date_time(idle.last),
        "days": at.saturating_sub(idle.last).div_euclid(DAY),
        "provisioned": idle.provisioned,
    })
}

/// Those of the page, and who they are.
pub fn preview_json(preview: &Preview) -> Vec<Value> {
    preview.people.iter().map(|idle| idle_json(idle, preview.at)).collect()
}
