//! Signing in with name and password, then with the second factor; and out.
//!
//! A name that nobody has and a wrong password are answered alike, and take the same time.

use askama::Template;
use hyper::StatusCode;
use hyper::header::{HeaderName, RETRY_AFTER, SET_COOKIE};

use super::super::lines;
use super::form::Form;
use super::proof::OwnedProof;
use super::session::{Signed, device_of};
use super::views::Frame;
use super::{Answer, Jar, Outcome, Trouble, Ui, Visit, html, listed, redirect, with_cookie};
use crate::directory::admins::find_admin;
use crate::directory::sso::state;
use crate::directory::{AdminRow, Refusal, Weight};
use crate::secret::password;

/// What a browser throws away when somebody signs out.
const CLEAR: HeaderName = HeaderName::from_static("clear-site-data");
const WRONG: &str = "The name or the password is wrong.";

/// Name and password.
#[derive(Template)]
#[template(path = "sign-in.html", config = "assets/askama.toml")]
pub struct SignIn {
    /// Around it.
    pub frame: Frame,
    /// What was typed: `name`. `to` is kept in a hidden field.
    pub form: Form,
    /// Why it did not work.
    pub problem: Option<String>,
    /// Whom the button for single sign-on names; none: it is off.
    pub sso: Option<&'static str>,
    /// Name and password are behind a line.
    pub folded: bool,
}

/// The second factor.
#[derive(Template)]
#[template(path = "sign-in-code.html", config = "assets/askama.toml")]
pub struct SignInCode {
    /// Around it.
    pub frame: Frame,
    /// What was typed: `code` or `recovery`. `to` is kept in a hidden field.
    pub form: Form,
    /// A recovery code is asked for, not a code of the app.
    pub recovery: bool,
    /// Why it did not work.
    pub problem: Option<String>,
}

impl Ui {
    /// `/sign-in`
    pub(super) async fn sign_in(&self, visit: &Visit<'_>, form: Option<Form>) -> Outcome {
        let Some(mut form) = form else {
            let mut form = Form::default();
            form.set("to", listed(&visit.parameter("to").unwrap_or_default()));
            return self.sign_in_page(visit, StatusCode::OK, form, None).await;
        };
        if !self.is_from_visitor(visit, &form) {
            return Err(Trouble::foreign());
        }
        let to = listed(form.get("to"));
        form.set("to", to);
        for (field, why) in [("name", "Enter your name."), ("password", "Enter your password.")] {
            if form.get(field).trim().is_empty() {
                form.refuse(field, why);
            }
        }
        if !form.is_good() {
            return self.sign_in_page(visit, StatusCode::UNPROCESSABLE_ENTITY, form, None).await;
        }
        let name = form.get("name").to_owned();
        let found = self.directory.store.read(move |reader| find_admin(reader, &name)).await?;
        let counted = self.counted(visit, found.as_ref(), form.get("name"));
        let count = match self.gate.admit(&counted) {
            Ok(count) => count,
            Err(seconds) => {
                let problem = format!("There were too many wrong tries. Try again in {seconds} seconds.");
                let answer = self.sign_in_page(visit, StatusCode::TOO_MANY_REQUESTS, form, Some(problem)).await?;
                return Ok(answer.with(RETRY_AFTER, &seconds.to_string()));
            }
        };
        let stored = found.as_ref().map_or_else(|| password::nobody().to_owned(), |admin| admin.password.clone());
        let right = self.verify(form.get("password"), &stored).await?;
        let (Some(admin), true) = (found, right) else {
            if lines::may_write() {
                tracing::warn!(request = visit.id, address = %visit.address, "somebody could not sign in");
            }
            return self.sign_in_page(visit, StatusCode::FORBIDDEN, form, Some(WRONG.to_owned())).await;
        };
        if password::is_outdated(&admin.password) {
            self.upgrade(&admin, form.get("password")).await?;
        }
        // With a second factor the wrong tries go on counting until that was right as well.
        match admin.totp {
            None => self.gate.passed(&counted),
            Some(_) => self.gate.returned(&counted, count),
        }
        match self.open(visit, &admin, admin.totp.is_none()).await? {
            None => self.sign_in_page(visit, StatusCode::FORBIDDEN, form, Some(WRONG.to_owned())).await,
            Some(signed) if signed.session.complete => Ok(self.welcome(visit, &signed, to)),
            Some(signed) => Ok(with_cookie(visit, &signed, redirect(&format!("/sign-in/code?to={to}")))),
        }
    }

    /// Hashes a password that is right with the parameters of today.
    async fn upgrade(&self, admin: &AdminRow, given: &str) -> Result<(), Trouble> {
        let (id, old, new) = (admin.id, admin.password.clone(), self.hash(given).await?);
        let write = self
            .directory
            .store
            .write(Weight::Light, move |writer| Ok::<_, Refusal>(writer.upgrade_password(id, &old, &new)?));
        Ok(write.await?)
    }

    /// The answer to whoever has given everything: the cookies, and the page that was looked for.
    fn welcome(&self, visit: &Visit<'_>, signed: &Signed, to: &str) -> Answer {
        let answer = with_cookie(visit, signed, redirect(to));
        match signed.who.admin().and_then(|admin| device_of(&self.directory.key, admin)) {
            Some(device) => answer.with(SET_COOKIE, &Jar::Device.set(&device, visit.secure)),
            None => answer,
        }
    }

    async fn sign_in_page(
        &self,
        visit: &Visit<'_>,
        status: StatusCode,
        form: Form,
        problem: Option<String>,
    ) -> Outcome {
        let found = self.directory.store.read(state).await?;
        let settings = found.settings.as_ref().filter(|_| found.is_on());
        let untouched = problem.is_none() && form.is_good();
        let title = if problem.is_none() && form.is_good() { "Sign in" } else { "Error: sign in" };
        let (frame, cookie) = self.for_visitor(visit, title)?;
        let page = SignIn {
            frame,
            form,
            problem,
            sso: settings.map(|s| s.kind.button()),
            folded: settings.is_some_and(|s| s.break_glass) && untouched,
        };
        let answer = html(status, &page)?;
        Ok(match cookie {
            Some(cookie) => answer.with(SET_COOKIE, &cookie),
            None => answer,
        })
    }

    /// `/sign-in/code`
    pub(super) async fn code(&self, visit: &Visit<'_>, form: Option<Form>) -> Outcome {
        let Some(signed) = self.signed(visit, false).await? else { return Ok(redirect("/sign-in")) };
        let admin = signed.admin()?;
        let recovery = visit.query.split('&').any(|p| p == "recovery" || p.starts_with("recovery="));
        let Some(mut form) = form else {
            let mut form = Form::default();
            form.set("to", listed(&visit.parameter("to").unwrap_or_default()));
            let sealed = !recovery && self.totp(admin).is_none();
            let problem = sealed.then(|| {
                "The key file of the server is another one than when the app was set up. Use a recovery code, or run `admin reset` on the server.".to_owned()
            });
            return self.code_page(visit, &signed, StatusCode::OK, form, recovery, problem);
        };
        if !form.is_from(&signed.csrf(&self.directory.key)) {
            return Err(Trouble::foreign());
        }
        let to = listed(form.get("to"));
        form.set("to", to);
        let recovery = form.has("recovery");
        let field = if recovery { "recovery" } else { "code" };
        if form.get(field).trim().is_empty() {
            form.refuse(field, "Enter the code.");
            return self.code_page(visit, &signed, StatusCode::UNPROCESSABLE_ENTITY, form, recovery, None);
        }
        let counted = self.counted(visit, Some(admin), "");
        if let Err(seconds) = self.gate.admit(&counted) {
            let problem = format!("There were too many wrong tries. Try again in {seconds} seconds.");
            let answer =
                self.code_page(visit, &signed, StatusCode::TOO_MANY_REQUESTS, form, recovery, Some(problem))?;
            return Ok(answer.with(RETRY_AFTER, &seconds.to_string()));
        }
        let proof = match recovery {
            true => Some(OwnedProof::recovery(form.get("recovery"))),
            false => self.proof(admin, form.get("code")),
        };
        let renewed = match proof {
            Some(proof) => self.renew(visit, &signed, Some(proof)).await?,
            None => None,
        };
        match renewed {
            Some(complete) => {
                self.gate.passed(&counted);
                Ok(self.welcome(visit, &complete, if recovery { "/account" } else { to }))
            }
            None => {
                if lines::may_write() {
                    tracing::warn!(request = visit.id, address = %visit.address, "a second factor was not good");
                }
                let why = "This code is not good, or was used before. Codes change every 30 seconds.";
                let why = if recovery { "This is no recovery code that is left." } else { why };
                self.code_page(visit, &signed, StatusCode::FORBIDDEN, form, recovery, Some(why.to_owned()))
            }
        }
    }

    fn code_page(
        &self,
        visit: &Visit<'_>,
        signed: &Signed,
        status: StatusCode,
        form: Form,
        recovery: bool,
        problem: Option<String>,
    ) -> Outcome {
        let title = if recovery { "Use a recovery code" } else { "Enter your code" };
        let mut frame = self.bare(visit, title);
        frame.csrf = signed.csrf(&self.directory.key);
        html(status, &SignInCode { frame, form, recovery, problem })
    }

    /// Signs out: on the server, and in the browser.
    pub(super) async fn sign_out(&self, visit: &Visit<'_>, signed: &Signed) -> Outcome {
        let digest = signed.session.digest.clone();
        let write =
            self.directory.store.write(Weight::Light, move |writer| Ok::<_, Refusal>(writer.end_session(&digest)?));
        if let Err(error) = write.await {
            // Whoever wants out is let out, on a full disk too: this process forgets the session, and the file when it can.
            tracing::warn!(request = visit.id, ?error, "the end of a session could not be stored");
            self.directory.store.activity(|a| a.ended(&signed.session.digest));
        }
        let there = self.sign_out_there(visit, signed).await?.unwrap_or_else(|| redirect("/sign-in"));
        let answer = there.with(SET_COOKIE, &Jar::Session.clear(visit.secure));
        Ok(answer.with(CLEAR, "\"cache\", \"storage\""))
    }
}
