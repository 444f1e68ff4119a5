//! Switching provisioning on and off (decision P2), with single sign-on before it (P14).

use super::Refusal;
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
}

/// How provisioning stands.
pub fn status(reader: &Reader<'_>) -> Result<Status, StoreError> {
    Ok(Status { state: reader.control()?.provisioning, acknowledged_no_sso: reader.setting(ACKNOWLEDGED)? })
}

/// Switches provisioning. Switching it on needs single sign-on, or the word that it is to go without; the word is kept.
pub fn switch(writer: &mut Writer<'_>, state: Provisioning, acknowledge: bool, actor: &str) -> Result<(), Refusal> {
    let before = status(writer)?;
    if state != Provisioning::Off && state != Provisioning::Paused && before.acknowledged_no_sso.is_none() {
        if !acknowledge {
            return Err(Refusal::Denied(
                "single sign-on is not set up; to let an identity provider in without it, add --acknowledge-no-sso"
                    .to_owned(),
            ));
        }
        let word = format!("{actor} {}", writer.now());
        writer.set_setting(ACKNOWLEDGED, &word)?;
    }
    writer.set_provisioning(state)?;
    let text = |p: Provisioning| Some(format!("{{\"provisioning\":\"{}\"}}", p.name()));
    writer.record(&Change {
        actor,
        op: "provisioning",
        before: text(before.state),
        after: text(state),
        ..Change::default()
    })?;
    Ok(())
}
