//! What stands around each page: the head, the navigation, what is to be heeded, and what forms have to bring.

use hyper::Method;

use super::cookies::Jar;
use super::form::Form;
use super::session::{IDLE_MINUTES, Signed, csrf_of};
use super::views::{Frame, Warning};
use super::{Trouble, Ui, Visit};
use crate::http::assets;
use crate::secret::random_text;

impl Ui {
    /// What a page of somebody who is signed in has around it.
    pub(super) async fn frame(
        &self,
        visit: &Visit<'_>,
        signed: &Signed,
        nav: &'static str,
        title: &str,
    ) -> Result<Frame, Trouble> {
        let mut frame = self.bare(visit, title);
        frame.nav = nav;
        frame.who = Some(signed.who.name().to_owned());
        frame.csrf = signed.csrf(&self.directory.key);
        if signed.who.admin().is_none() {
            frame.own = "/me";
        }
        frame.manages = signed.who.manages();
        if frame.manages {
            frame.warnings.extend(self.warnings().await?);
        }
        Ok(frame)
    }

    /// What a page of nobody has around it.
    pub(super) fn bare(&self, visit: &Visit<'_>, title: &str) -> Frame {
        let mut warnings = Vec::new();
        if !visit.secure {
            warnings.push(Warning {
                text: "This page is not encrypted. That is all right on the machine that the server runs on, and nowhere else.".to_owned(),
                link: None,
            });
        }
        Frame {
            title: title.to_owned(),
            nav: "",
            who: None,
            own: "/account",
            manages: false,
            here: match (visit.method, visit.query) {
                (&Method::GET, query) if !query.is_empty() => format!("{}?{query}", visit.path),
                _ => visit.path.to_owned(),
            },
            csrf: String::new(),
            css: assets::path("app.css"),
            js: assets::path("app.js"),
            icon: assets::path("icon.svg"),
            warnings,
            idle_minutes: IDLE_MINUTES,
        }
    }

    /// The same with a form, and the cookie that belongs to it if the browser has none.
    pub(super) fn for_visitor(&self, visit: &Visit<'_>, title: &str) -> Result<(Frame, Option<String>), Trouble> {
        let mut frame = self.bare(visit, title);
        let (cookie, set) = match Jar::Visit.find(visit.headers, visit.secure) {
            Some(cookie) => (cookie, None),
            None => {
                let cookie = random_text(43).map_err(|_| Trouble::broken())?;
                let set = Jar::Visit.set(&cookie, visit.secure);
                (cookie, Some(set))
            }
        };
        frame.csrf = csrf_of(&self.directory.key, &cookie);
        Ok((frame, set))
    }

    /// Did the form of a visitor come from the page that this browser was shown?
    pub(super) fn is_from_visitor(&self, visit: &Visit<'_>, form: &Form) -> bool {
        Jar::Visit
            .find(visit.headers, visit.secure)
            .is_some_and(|cookie| form.is_from(&csrf_of(&self.directory.key, &cookie)))
    }
}
