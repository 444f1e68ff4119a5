//! `/sso/test` and `/sso/tested`: what would become of somebody who signs in, and why.

use askama::Template;
use hyper::StatusCode;

use super::flows::{Purpose, Shown};
use super::session::Signed;
use super::sso_words::settings_link;
use super::views::{Frame, Link};
use super::{Outcome, Trouble, Ui, Visit, html, redirect};
use crate::directory::StoreError;
use crate::directory::sso::{Attribute, Kind, Settings, state};
use crate::sso::Fresh;

/// What a test has shown.
#[derive(Template)]
#[template(path = "sso-tested.html", config = "assets/askama.toml")]
struct TestedPage {
    frame: Frame,
    shown: Shown,
    /// The person, and the role.
    person: Option<Link>,
    role: Option<super::people::RoleOf>,
    /// What is probably the matter.
    advice: Option<&'static str>,
    on: bool,
}

impl Ui {
    /// `/sso/test`: signs in as anybody would, to see what comes of it.
    pub(super) async fn sso_test(&self, visit: &Visit<'_>, signed: &Signed) -> Outcome {
        if self.directory.store.read(state).await?.settings.is_none() {
            let text = "Single sign-on is not set up. Say first what your identity provider has shown.";
            let trouble = Trouble::new(StatusCode::CONFLICT, "There is nothing to test", text);
            return Err(Trouble { link: Some(settings_link()), ..trouble });
        }
        self.sso_go(visit, Purpose::Test(signed.session.digest.clone()), Fresh::No).await
    }

    /// `/sso/tested`: what came of it.
    pub(super) async fn sso_shown(&self, visit: &Visit<'_>, signed: &Signed) -> Outcome {
        let Some(shown) = self.flows.shown(&signed.session.digest, self.now()) else { return Ok(redirect("/sso")) };
        let (id, site) = (shown.person.as_ref().map(|(id, _)| id.clone()), self.directory.site.clone());
        let read = self.directory.store.read(move |reader| {
            let why = match &id {
                Some(id) => crate::directory::roles::why(reader, &site, id)?,
                None => None,
            };
            Ok::<_, StoreError>((why, reader.tokens()?, state(reader)?))
        });
        let (why, tokens, now) = read.await?;
        let title = if shown.good { "The test was good" } else { "Error: the test was not good" };
        let page = TestedPage {
            frame: self.frame(visit, signed, "provisioning", title).await?,
            person: shown.person.as_ref().map(|(id, name)| super::handovers::person(id, name)),
            role: why.map(|why| super::people::role_of(&why, &tokens)),
            advice: advice(&shown, now.settings.as_ref()),
            shown,
            on: now.is_on(),
        };
        html(StatusCode::OK, &page)
    }
}

/// What is probably the matter with a test that was not good. `sub` is another text for each application at Microsoft: no
/// provisioning ever sends it.
fn advice(shown: &Shown, settings: Option<&Settings>) -> Option<&'static str> {
    let settings = settings.filter(|s| !shown.good && s.kind == Kind::Entra)?;
    let of_sub = settings.rules.iter().any(|r| r.claim == "sub" && r.attribute == Attribute::ExternalId);
    (of_sub && shown.claims.iter().any(|(name, _)| name == "sub")).then_some(
        "The claim sub of Microsoft Entra ID is not the objectId that its provisioning sends as externalId, and fits nobody. Match by oid instead: oid externalId.",
    )
}
