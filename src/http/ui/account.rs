//! `/account`: the own password, second factor, recovery codes and signed-in browsers.

use askama::Template;
use hyper::StatusCode;
use qrcode::{Color, EcLevel, QrCode};

use super::admins::{AdminView, admin_view};
use super::form::Form;
use super::proof::Asked;
use super::session::{SECOND_FACTOR, Signed};
use super::views::{Confirm, Frame, Moment};
use super::{Outcome, Trouble, Ui, Visit, html, page_for, redirect, with_cookie};
use crate::directory::admins::{change_password, change_recovery, change_second_factor};
use crate::directory::who::Who;
use crate::directory::{AdminRow, Refusal, SessionRow, StoreError};
use crate::secret::password::weakness;
use crate::secret::second_factor::{Totp, recovery_codes, recovery_digest};

/// What a secret is sealed for while its owner types the first code.
const OFFERED: &str = "offered second factor";
/// For how long, in microseconds, an offered secret can be taken.
const OFFER_LIFE: i64 = 30 * 60 * 1_000_000;

/// A browser that is signed in.
#[derive(Debug, Clone)]
pub struct SessionView {
    /// Stands for it in forms.
    pub id: String,
    /// Where it was opened from.
    pub address: String,
    /// By which browser.
    pub client: String,
    /// When it began.
    pub created: Moment,
    /// When it was last used.
    pub seen: Moment,
    /// It is this one.
    pub this: bool,
}

/// The own account.
#[derive(Template)]
#[template(path = "account.html", config = "assets/askama.toml")]
pub struct Account {
    /// Around it.
    pub frame: Frame,
    /// Who.
    pub admin: AdminView,
    /// Recovery codes that are left.
    pub recovery_left: usize,
    /// The second factor was sealed with another key file: it has to be set up again.
    pub sealed: bool,
    /// Signed-in browsers.
    pub sessions: Vec<SessionView>,
    /// What was typed: `password` (the present one), `new-password`.
    pub form: Form,
    /// What was done just now.
    pub done: Option<String>,
    /// Is it really you? For the forms about the second factor.
    pub confirm: Confirm,
}

/// A second factor is to be set up.
#[derive(Template)]
#[template(path = "second-factor.html", config = "assets/askama.toml")]
pub struct SecondFactor {
    /// Around it.
    pub frame: Frame,
    /// The picture for the app, as SVG of our own making.
    pub picture: String,
    /// The secret in groups of four.
    pub secret: String,
    /// The secret as the form carries it.
    pub sealed: String,
    /// What was typed: `code`.
    pub form: Form,
    /// Is it really you?
    pub confirm: Confirm,
}

/// Recovery codes, this once.
#[derive(Template)]
#[template(path = "recovery-codes.html", config = "assets/askama.toml")]
pub struct RecoveryCodes {
    /// Around it.
    pub frame: Frame,
    /// The codes.
    pub codes: Vec<String>,
    /// They are those of a second factor that was set up just now.
    pub new: bool,
}

impl Ui {
    /// `/account`
    pub(super) async fn account(
        &self,
        visit: &Visit<'_>,
        signed: &Signed,
        form: Form,
        answer: Option<(StatusCode, Option<String>, Option<Confirm>)>,
    ) -> Outcome {
        let id = signed.admin()?.id;
        let read =
            self.directory.store.read(move |reader| Ok::<_, StoreError>((reader.admin(id)?, reader.sessions_of(id)?)));
        let (admin, sessions) = read.await?;
        let admin = admin.ok_or_else(Trouble::not_found)?;
        let (status, done, confirm) = answer.unwrap_or((StatusCode::OK, None, None));
        let now = self.now();
        let open = sessions.iter().filter(|s| s.complete && s.expires > now);
        let page = Account {
            frame: self
                .frame(visit, signed, "account", if form.is_good() { "Your account" } else { "Error: your account" })
                .await?,
            sealed: admin.totp.is_some() && self.totp(&admin).is_none(),
            admin: admin_view(&admin, Some(id)),
            recovery_left: admin.recovery_left,
            sessions: open.map(|s| view(s, &signed.session)).collect(),
            form,
            done,
            confirm: confirm.unwrap_or_else(|| signed.confirm(now)),
        };
        page_for(visit, signed, status, &page)
    }

    /// The own password: the present one is always asked for.
    pub(super) async fn password(&self, visit: &Visit<'_>, signed: Signed, mut form: Form) -> Outcome {
        let admin = signed.admin()?.clone();
        if form.get("password").is_empty() {
            form.refuse("password", "Enter the password that you have now.");
        }
        if let Some(weak) = weakness(form.get("new-password"), &admin.name) {
            form.refuse("new-password", weak.sentence());
        }
        let counted = self.counted(visit, Some(&admin), &admin.name);
        if form.is_good() {
            if let Err(seconds) = self.gate.admit(&counted) {
                form.refuse("password", format!("There were too many wrong tries. Try again in {seconds} seconds."));
            } else if !self.verify(form.get("password"), &admin.password).await? {
                form.refuse("password", "This is not your password.");
            }
        }
        if !form.is_good() {
            return self.account(visit, &signed, form, Some((StatusCode::UNPROCESSABLE_ENTITY, None, None))).await;
        }
        self.gate.passed(&counted);
        let hash = self.hash(form.get("new-password")).await?;
        let (by, digest) = (signed.by(), signed.session.digest.clone());
        let write = self.change(&signed, move |writer| {
            Ok::<_, Refusal>(change_password(writer, &admin, &hash, Some(&digest), &by)?)
        });
        write.await?.ok_or_else(Trouble::foreign)?;
        let signed = self.renewed(visit, signed).await?;
        let done = "Your password is changed. All other browsers are signed out.".to_owned();
        self.account(visit, &signed, Form::default(), Some((StatusCode::OK, Some(done), None))).await
    }

    /// A new session after what protects the account has changed.
    async fn renewed(&self, visit: &Visit<'_>, mut signed: Signed) -> Result<Signed, Trouble> {
        let id = signed.admin()?.id;
        let admin = self.directory.store.read(move |reader| reader.admin(id)).await?;
        signed.who = Who::Admin(admin.ok_or_else(Trouble::not_found)?);
        self.renew(visit, &signed, None).await?.ok_or_else(Trouble::foreign)
    }

    /// `/account/second-factor`
    pub(super) async fn second_factor(&self, visit: &Visit<'_>, signed: Signed, form: Option<Form>) -> Outcome {
        let Some(mut form) = form else {
            let totp = Totp::generate().map_err(|_| Trouble::broken())?;
            let confirm = signed.confirm(self.now());
            return self.offer(visit, &signed, StatusCode::OK, totp, Form::default(), confirm).await;
        };
        let Some(totp) = self.offered(signed.admin()?, form.get("sealed")) else {
            // Offered to somebody else, too long ago, or before the key file changed.
            return Ok(redirect("/account/second-factor"));
        };
        let Some(step) = totp.step(form.get("code"), self.now()) else {
            form.refuse(
                "code",
                "This is not the code that the app shows for this key. Check the clock of the telephone.",
            );
            let confirm = signed.confirm(self.now());
            return self.offer(visit, &signed, StatusCode::UNPROCESSABLE_ENTITY, totp, form, confirm).await;
        };
        let signed = match self.confirmed(visit, signed.clone(), &form).await {
            Ok(signed) => signed,
            Err(Asked::Trouble(trouble)) => return Err(trouble),
            Err(Asked::Again(confirm)) => {
                return self.offer(visit, &signed, StatusCode::FORBIDDEN, totp, form, confirm).await;
            }
        };
        let sealed = self.directory.key.seal(SECOND_FACTOR, totp.reveal()).map_err(|_| Trouble::broken())?;
        let codes = recovery_codes().map_err(|_| Trouble::broken())?;
        let digests: Vec<String> = codes.iter().map(|c| recovery_digest(c)).collect();
        let (admin, by, session) = (signed.admin()?.clone(), signed.by(), signed.session.digest.clone());
        let write = self.change(&signed, move |writer| {
            change_second_factor(writer, &admin, Some((&sealed, &digests)), &session, &by)?;
            // The code that was just typed is used up.
            writer.use_step(admin.id, step)?;
            Ok::<_, Refusal>(())
        });
        write.await?.ok_or_else(Trouble::foreign)?;
        let signed = self.renewed(visit, signed).await?;
        self.show_codes(visit, &signed, codes, true).await
    }

    /// The secret that a form carries, if it was offered to this administrator a short time ago.
    fn offered(&self, admin: &AdminRow, sealed: &str) -> Option<Totp> {
        let bytes = data_encoding::HEXLOWER.decode(sealed.as_bytes()).ok()?;
        let text = String::from_utf8(self.directory.key.open(OFFERED, &bytes)?).ok()?;
        let mut parts = text.split(' ');
        let (id, until, secret) = (parts.next()?, parts.next()?.parse::<i64>().ok()?, parts.next()?);
        (id == admin.id.to_string() && until > self.now()).then(|| Totp::parse(secret))?
    }

    async fn offer(
        &self,
        visit: &Visit<'_>,
        signed: &Signed,
        status: StatusCode,
        totp: Totp,
        form: Form,
        confirm: Confirm,
    ) -> Outcome {
        let admin = signed.admin()?;
        let text = format!("{} {} {}", admin.id, self.now() + OFFER_LIFE, totp.text());
        let sealed = self.directory.key.seal(OFFERED, text.as_bytes()).map_err(|_| Trouble::broken())?;
        let uri = totp.uri("scim-appliance", &admin.name);
        let code = QrCode::with_error_correction_level(uri.as_bytes(), EcLevel::M).map_err(|_| Trouble::broken())?;
        let secret: Vec<char> = totp.text().chars().collect();
        let title = if form.is_good() { "Set up a second factor" } else { "Error: set up a second factor" };
        let page = SecondFactor {
            frame: self.frame(visit, signed, "account", title).await?,
            picture: picture(&code),
            secret: secret.chunks(4).map(|c| c.iter().collect::<String>()).collect::<Vec<_>>().join(" "),
            sealed: data_encoding::HEXLOWER.encode(&sealed),
            form,
            confirm,
        };
        page_for(visit, signed, status, &page)
    }

    async fn show_codes(&self, visit: &Visit<'_>, signed: &Signed, codes: Vec<String>, new: bool) -> Outcome {
        let frame = self.frame(visit, signed, "account", "Recovery codes").await?;
        let answer = html(StatusCode::OK, &RecoveryCodes { frame, codes, new })?;
        Ok(with_cookie(visit, signed, answer))
    }

    /// Asks whether it is really them; an answer when that is not clear.
    async fn sure(
        &self,
        visit: &Visit<'_>,
        signed: Signed,
        form: Form,
    ) -> Result<Result<Signed, super::Answer>, Trouble> {
        match self.confirmed(visit, signed.clone(), &form).await {
            Ok(signed) => Ok(Ok(signed)),
            Err(Asked::Trouble(trouble)) => Err(trouble),
            Err(Asked::Again(confirm)) => {
                let again = Some((StatusCode::FORBIDDEN, None, Some(confirm)));
                Ok(Err(self.account(visit, &signed, Form::default(), again).await?))
            }
        }
    }

    /// Takes the second factor away.
    pub(super) async fn no_second_factor(&self, visit: &Visit<'_>, signed: Signed, form: Form) -> Outcome {
        let signed = match self.sure(visit, signed, form).await? {
            Ok(signed) => signed,
            Err(answer) => return Ok(answer),
        };
        let (admin, by, digest) = (signed.admin()?.clone(), signed.by(), signed.session.digest.clone());
        let write = self
            .change(&signed, move |writer| Ok::<_, Refusal>(change_second_factor(writer, &admin, None, &digest, &by)?));
        write.await?.ok_or_else(Trouble::foreign)?;
        let signed = self.renewed(visit, signed).await?;
        let done = "The second factor is off. All other browsers are signed out.".to_owned();
        self.account(visit, &signed, Form::default(), Some((StatusCode::OK, Some(done), None))).await
    }

    /// Makes other recovery codes.
    pub(super) async fn recovery_codes(&self, visit: &Visit<'_>, signed: Signed, form: Form) -> Outcome {
        let signed = match self.sure(visit, signed, form).await? {
            Ok(signed) => signed,
            Err(answer) => return Ok(answer),
        };
        if signed.admin()?.totp.is_none() {
            return Ok(with_cookie(visit, &signed, redirect("/account/second-factor")));
        }
        let codes = recovery_codes().map_err(|_| Trouble::broken())?;
        let digests: Vec<String> = codes.iter().map(|c| recovery_digest(c)).collect();
        let (admin, by) = (signed.admin()?.clone(), signed.by());
        let write = self.change(&signed, move |writer| Ok(change_recovery(writer, &admin, &digests, &by)?));
        write.await?.ok_or_else(Trouble::foreign)?;
        self.show_codes(visit, &signed, codes, false).await
    }

    /// Signs other browsers out: one, or all of them.
    pub(super) async fn end_sessions(&self, signed: &Signed, form: Form) -> Outcome {
        let (id, this) = (signed.admin()?.id, signed.session.digest.clone());
        let wanted = form.get("id").to_owned();
        let write = self.change(signed, move |writer| {
            if wanted == "others" {
                writer.end_sessions(id, Some(&this))?;
            } else {
                // Only one's own.
                for session in writer.sessions_of(id)?.iter().filter(|s| mark(s) == wanted) {
                    writer.end_session(&session.digest)?;
                }
            }
            Ok::<_, Refusal>(())
        });
        write.await?.ok_or_else(Trouble::foreign)?;
        Ok(redirect("/account"))
    }
}

/// A QR code as SVG: one line through each row, thick where it is dark. The four modules of air around it are there.
fn picture(code: &QrCode) -> String {
    let (colors, width) = (code.to_colors(), code.width());
    let mut path = String::new();
    for (y, row) in colors.chunks(width.max(1)).enumerate() {
        path.push_str(&format!("M4 {y}.5"));
        for run in row.chunk_by(|a, b| a == b) {
            match run.first() {
                Some(Color::Dark) => path.push_str(&format!("h{}", run.len())),
                _ => path.push_str(&format!("m{} 0", run.len())),
            }
        }
    }
    let size = width + 8;
    format!(r#"<svg viewBox="0 -4 {size} {size}" shape-rendering="crispEdges"><path d="{path}"/></svg>"#)
}

/// Stands for a session in forms: it opens nothing.
fn mark(session: &SessionRow) -> String {
    crate::secret::fingerprint_of(&session.digest).chars().take(16).collect()
}

fn view(session: &SessionRow, this: &SessionRow) -> SessionView {
    SessionView {
        id: mark(session),
        address: session.address.clone(),
        client: session.client.clone(),
        created: Moment(session.created),
        seen: Moment(session.seen),
        this: session.digest == this.digest,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_dark_module_is_in_the_picture() {
        let code = QrCode::with_error_correction_level("otpauth://totp/x?secret=ABC", EcLevel::M).unwrap();
        let picture = picture(&code);
        let path = picture.split('"').nth(5).unwrap();
        let mut drawn = Vec::new();
        for (y, row) in path.split('M').skip(1).enumerate() {
            let row = row.strip_prefix(&format!("4 {y}.5")).unwrap();
            for run in row.replace('h', " h").replace('m', " m").replace(" 0", "").split_whitespace() {
                let (kind, length) = run.split_at(1);
                let color = if kind == "h" { Color::Dark } else { Color::Light };
                drawn.extend(vec![color; length.parse().unwrap()]);
            }
        }
        assert_eq!(drawn, code.to_colors());
    }
}
