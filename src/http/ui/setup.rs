//! The first run: whoever holds the claim code that the server printed makes the first administrator.

use askama::Template;
use hyper::StatusCode;
use hyper::header::{RETRY_AFTER, SET_COOKIE};

use super::super::lines;
use super::form::Form;
use super::gate::Try;
use super::session::device_of;
use super::views::Frame;
use super::{Jar, Outcome, Trouble, Ui, Visit, html, redirect, with_cookie};
use crate::directory::Weight;
use crate::directory::admins::{Claim, Claimed, admin_name, claim_with, is_claim};
use crate::secret::password::{self, weakness};
use crate::secret::second_factor::recovery_digest;

/// The first administrator is to be made.
#[derive(Template)]
#[template(path = "setup.html", config = "assets/askama.toml")]
pub struct Setup {
    /// Around it.
    pub frame: Frame,
    /// What was typed: `claim`, `name`, `password`.
    pub form: Form,
    /// The code is too old, or was guessed at too often.
    pub closed: bool,
}

impl Ui {
    /// `/setup`
    pub(super) async fn setup(&self, visit: &Visit<'_>, form: Option<Form>, state: Claim) -> Outcome {
        let Some(mut form) = form else {
            return self.setup_page(visit, StatusCode::OK, Form::default(), state);
        };
        if !self.is_from_visitor(visit, &form) {
            return Err(Trouble::foreign());
        }
        if state == Claim::Closed {
            return self.setup_page(visit, StatusCode::FORBIDDEN, form, state);
        }
        let name = admin_name(form.get("name"));
        if form.get("claim").trim().is_empty() {
            form.refuse("claim", "Enter the code that the server printed when it started.");
        }
        if let Err(why) = name {
            form.refuse("name", why);
        }
        if let Some(weak) = weakness(form.get("password"), form.get("name")) {
            form.refuse("password", weak.sentence());
        }
        let (Ok(name), true) = (name, form.is_good()) else {
            return self.setup_page(visit, StatusCode::UNPROCESSABLE_ENTITY, form, state);
        };
        // Codes are counted in the database; addresses here, so that nobody uses up the tries of others within a second.
        let tried = Try { name: format!("claim {}", visit.address), address: Some(visit.address) };
        if let Err(seconds) = self.gate.admit(&tried) {
            form.refuse("claim", format!("There were too many wrong tries. Try again in {seconds} seconds."));
            let answer = self.setup_page(visit, StatusCode::TOO_MANY_REQUESTS, form, state)?;
            return Ok(answer.with(RETRY_AFTER, &seconds.to_string()));
        }
        let digest = recovery_digest(form.get("claim"));
        let asked = digest.clone();
        let right = self.directory.store.read(move |reader| is_claim(reader, &asked)).await?;
        let hash = if right { self.hash(form.get("password")).await? } else { password::nobody().to_owned() };
        let claimed =
            self.directory.store.write(Weight::Light, move |writer| claim_with(writer, &digest, &name, &hash));
        match claimed.await? {
            Claimed::Yes(id) => {
                let found = self.directory.store.read(move |reader| reader.admin(id)).await?;
                let admin = found.ok_or_else(Trouble::broken)?;
                tracing::info!(request = visit.id, address = %visit.address, "the first administrator was made");
                let Some(signed) = self.open(visit, &admin, true).await? else { return Ok(redirect("/sign-in")) };
                let answer = with_cookie(visit, &signed, redirect("/provisioning"));
                Ok(match device_of(&self.directory.key, &admin) {
                    Some(device) => answer.with(SET_COOKIE, &Jar::Device.set(&device, visit.secure)),
                    None => answer,
                })
            }
            Claimed::WrongCode => {
                if lines::may_write() {
                    tracing::warn!(request = visit.id, address = %visit.address, "a wrong claim code was given");
                }
                form.refuse("claim", "This is not the code that the server printed when it started last.");
                self.setup_page(visit, StatusCode::FORBIDDEN, form, state)
            }
            Claimed::No(Claim::Over) => Err(Trouble::not_found()),
            Claimed::No(state) => self.setup_page(visit, StatusCode::FORBIDDEN, form, state),
        }
    }

    fn setup_page(&self, visit: &Visit<'_>, status: StatusCode, form: Form, state: Claim) -> Outcome {
        let closed = state == Claim::Closed;
        let title = match (closed, form.is_good()) {
            (true, _) => "The claim code is good no longer",
            (false, true) => "Set up this server",
            (false, false) => "Error: set up this server",
        };
        let (frame, cookie) = self.for_visitor(visit, title)?;
        let answer = html(status, &Setup { frame, form, closed })?;
        Ok(match cookie {
            Some(cookie) => answer.with(SET_COOKIE, &cookie),
            None => answer,
        })
    }
}
