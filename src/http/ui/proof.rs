//! Whoever does something grave proves first who that is: with the password and the second factor, or at the identity
//! provider.

use hyper::StatusCode;

use super::cookies::Jar;
use super::drafts::Kept;
use super::form::Form;
use super::gate::Try;
use super::session::{SECOND_FACTOR, Signed, is_device_of};
use super::views::Confirm;
use super::{Trouble, Ui, Visit};
use crate::directory::AdminRow;
use crate::directory::admins::Proof;
use crate::secret::second_factor::{Totp, recovery_digest};

/// A [`Proof`] on its way to the writer.
#[derive(Debug, Clone)]
pub enum OwnedProof {
    /// A step of the second factor.
    Step(i64),
    /// The digest of a recovery code.
    Recovery(String),
}

impl OwnedProof {
    /// A recovery code, as it was typed.
    pub fn recovery(code: &str) -> OwnedProof {
        OwnedProof::Recovery(recovery_digest(code))
    }

    /// As the directory looks at it.
    pub fn borrowed(&self) -> Proof<'_> {
        match self {
            OwnedProof::Step(step) => Proof::Step(*step),
            OwnedProof::Recovery(digest) => Proof::Recovery(digest),
        }
    }
}

/// What becomes of something grave.
pub enum Grave {
    /// It is done, in this session.
    Now(Signed),
    /// It is asked about first: with this status.
    Ask(Signed, Confirm, StatusCode),
}

/// Why somebody may not go on.
pub enum Asked {
    /// The form is shown once more.
    Again(Confirm),
    /// Something broke.
    Trouble(Trouble),
}

impl From<Trouble> for Asked {
    fn from(trouble: Trouble) -> Asked {
        Asked::Trouble(trouble)
    }
}

impl Ui {
    /// What a try of this browser counts against.
    pub fn counted(&self, visit: &Visit<'_>, admin: Option<&AdminRow>, name: &str) -> Try {
        let Some(admin) = admin else {
            let name = format!("none {}", crate::scim::name::fold(name.trim()));
            return Try { name, address: Some(visit.address) };
        };
        let known = Jar::Device.find(visit.headers, visit.secure);
        let known = known.filter(|device| is_device_of(&self.directory.key, admin, device));
        let address = known.is_none().then_some(visit.address);
        Try { name: format!("{} {} {}", admin.id, admin.changed, known.unwrap_or_default()), address }
    }

    /// The second factor of somebody. `None`: there is none, or another key file has sealed it.
    pub fn totp(&self, admin: &AdminRow) -> Option<Totp> {
        self.directory.key.open(SECOND_FACTOR, admin.totp.as_deref()?).map(Totp::of)
    }

    /// Asks who is about to do something grave for the password, and the second factor, unless that was given within the
    /// last minutes. Gives the session to go on with.
    ///
    /// Errors: [`Asked::Again`] when the form has to be shown once more, with what it says.
    pub async fn confirmed(&self, visit: &Visit<'_>, signed: Signed, form: &Form) -> Result<Signed, Asked> {
        if signed.is_fresh(self.now()) {
            return Ok(signed);
        }
        let again =
            |why: &str| Err(Asked::Again(Confirm { needed: true, error: Some(why.to_owned()), ..signed.confirm(0) }));
        // People have no password here: it is for the provider to say that it is really them.
        let Some(admin) = signed.who.admin() else {
            return again(match visit.sent.map(|sent| self.drafts.keep(visit, &signed, sent, self.now())) {
                Some(Kept::Yes) => {
                    "It is a while since you signed in. Confirm that it is you: what you typed is kept, and you go on with it."
                }
                Some(Kept::TooLong) => {
                    "It is a while since you signed in. Confirm that it is you, and send this once more then: it is too long to be kept."
                }
                Some(Kept::Nothing) | None => {
                    "It is a while since you signed in. Confirm that it is you, and press the button again."
                }
            });
        };
        if !form.has("confirm-password") {
            return again("It is a while since you signed in. Enter your password to go on.");
        }
        let tried = self.counted(visit, Some(admin), &admin.name);
        if let Err(seconds) = self.gate.admit(&tried) {
            return again(&format!("There were too many wrong tries. Try again in {seconds} seconds."));
        }
        if !self.verify(form.get("confirm-password"), &admin.password).await? {
            return again("This is not your password.");
        }
        let proof = match &admin.totp {
            None => None,
            Some(_) => match self.proof(admin, form.get("confirm-code")) {
                Some(proof) => Some(proof),
                None => return again("This code is not good. Enter the one that your app shows now."),
            },
        };
        let codes = proof.is_some();
        match self.renew(visit, &signed, proof).await? {
            Some(renewed) => {
                self.gate.passed(&tried);
                Ok(renewed)
            }
            None if codes => again("This code was used already. Wait for the next one."),
            // The same form was sent twice, and the other one was first.
            None => Err(Trouble::foreign().into()),
        }
    }

    /// What becomes of a page that asks before it does something grave, and of the form that it sends.
    pub async fn grave(&self, visit: &Visit<'_>, signed: Signed, form: Option<Form>) -> Result<Grave, Trouble> {
        let Some(form) = form else {
            let confirm = signed.confirm(self.now());
            return Ok(Grave::Ask(signed, confirm, StatusCode::OK));
        };
        match self.confirmed(visit, signed.clone(), &form).await {
            Ok(signed) => Ok(Grave::Now(signed)),
            Err(Asked::Again(confirm)) => Ok(Grave::Ask(signed, confirm, StatusCode::FORBIDDEN)),
            Err(Asked::Trouble(trouble)) => Err(trouble),
        }
    }

    /// What somebody typed as a code of the app, if it can be good.
    pub fn proof(&self, admin: &AdminRow, code: &str) -> Option<OwnedProof> {
        self.totp(admin)?.step(code, self.now()).map(OwnedProof::Step)
    }
}
