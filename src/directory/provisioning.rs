//! Switching provisioning on and off (decision P2), with single sign-on before it (P14).

use serde_json::json;

use super::{Refusal, sso};
use crate::store::{Change, Reader, StoreError, Writer};

pub use crate::store::Provisioning;

/// Who acknowledged provisioning without single sign-on, and when.
const ACKNOWLEDGED: &str = "acknowledged_no_sso";

/// How provisioning stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// Its state.
    pub state: Provisioning,
    /// `command:NAME microseconds` of the acknowledgement, if there was one.
    pub acknowledged_no_sso: Option<String>,
    /// How single sign-on stands.
    pub sso: sso::State,
}

/// What has to come before provisioning, as the configuration says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Precondition {
    /// Single sign-on, or the word of an administrator that it is to go without.
    #[default]
    Acknowledge,
    /// Single sign-on.
    Required,
}

/// What is missing before an identity provider may be let in. `word`: somebody has said that it is to go without single
/// sign-on.
pub fn missing(sso: &sso::State, word: bool, precondition: Precondition) -> Option<Missing> {
    match precondition {
        _ if sso.is_ready() => None,
        Precondition::Required => Some(Missing::Sso),
        Precondition::Acknowledge => (!word).then_some(Missing::Word),
    }
}

/// What is missing before an identity provider may be let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    /// Single sign-on; no word will do.
    Sso,
    /// Single sign-on, or the word that it is to go without.
    Word,
}

impl Status {
    /// Who acknowledged that there is no single sign-on, as change rows name it, and when in microseconds since 1970.
    pub fn acknowledged(&self) -> Option<(String, i64)> {
        let (who, at) = self.acknowledged_no_sso.as_deref()?.rsplit_once(' ')?;
        Some((who.to_owned(), at.parse().ok()?))
    }
}

/// What is missing although an identity provider is let in, in a sentence: what has to come first may have been another
/// thing when provisioning was switched on.
pub fn unmet(state: Provisioning, sso: &sso::State, word: bool, precondition: Precondition) -> Option<String> {
    let why = match missing(sso, word, precondition).filter(|_| lets_in(state))? {
        Missing::Sso => "sso.precondition is \"required\"",
        // Nobody goes without it.
        Missing::Word if sso.is_on() => return None,
        Missing::Word => "nobody has said that it is to go without",
    };
    let how = match sso.is_on() {
        true => "the last test of single sign-on was not good".to_owned(),
        false => format!("single sign-on is {}", sso.name()),
    };
    Some(format!("Provisioning is {} although {how} and {why}.", state.name()))
}

/// May an identity provider look, at least?
fn lets_in(state: Provisioning) -> bool {
    matches!(state, Provisioning::On | Provisioning::ReadOnly)
}

/// How provisioning stands.
pub fn status(reader: &Reader<'_>) -> Result<Status, StoreError> {
    Ok(Status {
        state: reader.control()?.provisioning,
        acknowledged_no_sso: reader.setting(ACKNOWLEDGED)?,
        sso: sso::state(reader)?,
    })
}

/// Switches provisioning. Letting an identity provider in needs single sign-on, or the word that it is to go without if
/// the configuration takes one; the word is kept.
pub fn switch(
    writer: &mut Writer<'_>,
    state: Provisioning,
    acknowledge: bool,
    precondition: Precondition,
    actor: &str,
) -> Result<(), Refusal> {
    let before = status(writer)?;
    let word = before.acknowledged_no_sso.is_some();
    let mut acknowledged = false;
    match missing(&before.sso, word, precondition).filter(|_| lets_in(state)) {
        None => {}
        Some(Missing::Sso) => {
            return Err(Refusal::Denied(format!(
                "single sign-on is {} and sso.precondition is \"required\": set it up and test it on the settings page, under Single sign-on",
                before.sso.name()
            )));
        }
        Some(Missing::Word) if acknowledge => {
            let word = format!("{actor} {}", writer.now());
            writer.set_setting(ACKNOWLEDGED, &word)?;
            acknowledged = true;
        }
        Some(Missing::Word) => {
            return Err(Refusal::Denied(format!(
                "single sign-on is {}; to let an identity provider in without it, add --acknowledge-no-sso",
                before.sso.name()
            )));
        }
    }
    writer.set_provisioning(state)?;
    let text = |p: Provisioning, word: bool| {
        let text = match word {
            true => json!({ "provisioning": p.name(), "acknowledgedNoSso": true }),
            false => json!({ "provisioning": p.name() }),
        };
        Some(text.to_string())
    };
    writer.record(&Change {
        actor,
        op: "provisioning",
        before: text(before.state, false),
        after: text(state, acknowledged),
        ..Change::default()
    })?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directory::sso::{Settings, State, Tested};

    #[test]
    fn it_is_told_what_is_missing_while_somebody_is_let_in() {
        let sso = |good: Option<bool>, on: bool| {
            let tested = good.map(|good| Tested { at: 0, by: String::new(), good, result: String::new() });
            let settings = Some(Settings { tested, ..Settings::default() });
            State { settings, since: on.then_some(1), unreadable: false }
        };
        let nothing = State::default();
        use Precondition::{Acknowledge, Required};
        use Provisioning::{Off, On, Paused, ReadOnly};
        for (state, sso, word, precondition, words) in [
            (On, nothing.clone(), true, Required, "on although single sign-on is not set up and sso.precondition"),
            (ReadOnly, sso(None, false), true, Required, "read-only although single sign-on is not tested"),
            (On, sso(Some(false), true), true, Required, "although the last test of single sign-on was not good and"),
            (On, nothing.clone(), false, Acknowledge, "nobody has said that it is to go without"),
        ] {
            let told = unmet(state, &sso, word, precondition).unwrap();
            assert!(told.contains(words), "{told}");
        }
        for (state, sso, word, precondition) in [
            (Off, nothing.clone(), false, Required),
            (Paused, nothing.clone(), false, Required),
            (On, sso(Some(true), false), false, Required),
            (On, sso(Some(true), true), false, Required),
            (On, nothing, true, Acknowledge),
            (On, sso(Some(false), true), false, Acknowledge),
        ] {
            assert_eq!(unmet(state, &sso, word, precondition), None);
        }
    }
}
