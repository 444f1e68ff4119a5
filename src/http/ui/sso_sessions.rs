//! Where a person is signed in by single sign-on, and signing that person out.

use super::lists::encoded;
use super::person_edit::decoded;
use super::session::{Signed, is_open};
use super::views::Moment;
use super::{Outcome, Trouble, Ui, redirect};
use crate::directory::sso::sign_out_id;
use crate::directory::{Owner, StoreError};

/// A browser in which somebody is signed in.
pub struct SignedIn {
    /// Since when.
    pub since: Moment,
    /// When it was last used.
    pub used: Moment,
    /// From where.
    pub address: String,
    /// The User-Agent.
    pub client: String,
}

impl Ui {
    /// Where a person is signed in, the latest first.
    pub(super) async fn signed_in_where(&self, id: &str) -> Result<Vec<SignedIn>, Trouble> {
        let owner = Owner::Person(id.to_owned());
        let read = self.directory.store.read(move |reader| {
            let all = reader.sessions_whose(&owner)?;
            let now = reader.now();
            Ok::<_, StoreError>(all.into_iter().filter(|session| is_open(session, now)).collect::<Vec<_>>())
        });
        let shown = |session: crate::directory::SessionRow| SignedIn {
            since: Moment(session.created),
            used: Moment(session.seen),
            address: session.address,
            client: session.client,
        };
        Ok(read.await?.into_iter().map(shown).collect())
    }

    /// `/people/{id}/sign-out`
    pub(super) async fn person_sign_out(&self, signed: &Signed, id: &str) -> Outcome {
        let (id, by) = (decoded(id), signed.by());
        let here = format!("/people/{}", encoded(&id));
        let write = self.change(signed, move |writer| sign_out_id(writer, &by, &id));
        write.await?.ok_or_else(Trouble::foreign)?;
        Ok(redirect(&here))
    }
}
