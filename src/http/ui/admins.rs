//! `/admins`: who may open these pages.

use askama::Template;
use hyper::StatusCode;

use super::form::Form;
use super::proof::{Asked, Grave};
use super::session::Signed;
use super::views::{Confirm, Frame, Moment};
use super::{Outcome, Trouble, Ui, Visit, page_for, redirect, with_cookie};
use crate::directory::admins::{admin_name, create_admin, remove_admin};
use crate::directory::{AdminRow, Refusal};
use crate::secret::password::weakness;

/// An administrator in the table.
#[derive(Debug, Clone)]
pub struct AdminView {
    /// The key.
    pub id: i64,
    /// The name.
    pub name: String,
    /// It is the one who looks.
    pub you: bool,
    /// There is a second factor.
    pub second_factor: bool,
    /// The last sign-in.
    pub last: Option<Moment>,
    /// When it was made.
    pub created: Moment,
}

/// Administrators.
#[derive(Template)]
#[template(path = "admins.html", config = "assets/askama.toml")]
pub struct Admins {
    /// Around it.
    pub frame: Frame,
    /// All of them.
    pub admins: Vec<AdminView>,
    /// What was typed: `name`, `new-password`.
    pub form: Form,
    /// Is it really you?
    pub confirm: Confirm,
}

/// An administrator is to go.
#[derive(Template)]
#[template(path = "admin-remove.html", config = "assets/askama.toml")]
pub struct AdminRemove {
    /// Around it.
    pub frame: Frame,
    /// Which one.
    pub admin: AdminView,
    /// How many are left then.
    pub left: usize,
    /// Why it cannot go.
    pub problem: Option<String>,
    /// Is it really you?
    pub confirm: Confirm,
}

/// An administrator as the pages show it to another one.
pub fn admin_view(admin: &AdminRow, you: Option<i64>) -> AdminView {
    AdminView {
        id: admin.id,
        name: admin.name.clone(),
        you: Some(admin.id) == you,
        second_factor: admin.totp.is_some(),
        last: admin.last_sign_in.map(Moment),
        created: Moment(admin.created),
    }
}

impl Ui {
    /// `/admins`
    pub(super) async fn admins(&self, visit: &Visit<'_>, signed: Signed, form: Option<Form>) -> Outcome {
        let Some(mut form) = form else {
            let confirm = signed.confirm(self.now());
            return self.admins_page(visit, &signed, StatusCode::OK, Form::default(), confirm).await;
        };
        let name = admin_name(form.get("name"));
        if let Err(why) = name {
            form.refuse("name", why);
        }
        if let Some(weak) = weakness(form.get("new-password"), form.get("name")) {
            form.refuse("new-password", weak.sentence());
        }
        let (Ok(name), true) = (name, form.is_good()) else {
            let confirm = signed.confirm(self.now());
            return self.admins_page(visit, &signed, StatusCode::UNPROCESSABLE_ENTITY, form, confirm).await;
        };
        let signed = match self.confirmed(visit, signed.clone(), &form).await {
            Ok(signed) => signed,
            Err(Asked::Trouble(trouble)) => return Err(trouble),
            Err(Asked::Again(confirm)) => {
                return self.admins_page(visit, &signed, StatusCode::FORBIDDEN, form, confirm).await;
            }
        };
        let (hash, by) = (self.hash(form.get("new-password")).await?, signed.by());
        let made = self.change(&signed, move |writer| create_admin(writer, &name, &hash, &by)).await;
        match made {
            Ok(Some(_)) => Ok(with_cookie(visit, &signed, redirect("/admins"))),
            Ok(None) => Err(Trouble::foreign()),
            Err(Refusal::Conflict(why)) => {
                form.refuse("name", why);
                let confirm = signed.confirm(self.now());
                self.admins_page(visit, &signed, StatusCode::CONFLICT, form, confirm).await
            }
            Err(other) => Err(other.into()),
        }
    }

    async fn admins_page(
        &self,
        visit: &Visit<'_>,
        signed: &Signed,
        status: StatusCode,
        form: Form,
        confirm: Confirm,
    ) -> Outcome {
        let all = self.directory.store.read(|reader| reader.admins()).await?;
        let you = signed.who.admin().map(|a| a.id);
        let title = if form.is_good() { "Admins" } else { "Error: admins" };
        let page = Admins {
            frame: self.frame(visit, signed, "admins", title).await?,
            admins: all.iter().map(|a| admin_view(a, you)).collect(),
            form,
            confirm,
        };
        page_for(visit, signed, status, &page)
    }

    /// `/admins/{id}/remove`
    pub(super) async fn admin_remove(
        &self,
        visit: &Visit<'_>,
        signed: Signed,
        id: &str,
        form: Option<Form>,
    ) -> Outcome {
        let id: i64 = id.parse().map_err(|_| Trouble::not_found())?;
        let all = self.directory.store.read(|reader| reader.admins()).await?;
        let admin = all.iter().find(|a| a.id == id).ok_or_else(Trouble::not_found)?;
        let mut problem = (all.len() == 1).then(|| "This is the last administrator. Add another one first.".to_owned());
        let (signed, confirm, status) = match self.grave(visit, signed, form).await? {
            Grave::Ask(signed, confirm, status) => (signed, confirm, status),
            Grave::Now(signed) => {
                let by = signed.by();
                let gone = self.change(&signed, move |writer| remove_admin(writer, id, &by)).await;
                match gone {
                    // Whoever removed themselves is signed out with it.
                    Ok(Some(_)) => return Ok(with_cookie(visit, &signed, redirect("/admins"))),
                    Ok(None) => return Err(Trouble::foreign()),
                    Err(Refusal::Denied(why)) => problem = Some(why),
                    Err(other) => return Err(other.into()),
                }
                let confirm = signed.confirm(self.now());
                (signed, confirm, StatusCode::CONFLICT)
            }
        };
        let page = AdminRemove {
            frame: self.frame(visit, &signed, "admins", &format!("Remove {}", admin.name)).await?,
            admin: admin_view(admin, signed.who.admin().map(|a| a.id)),
            left: all.len().saturating_sub(1),
            problem,
            confirm,
        };
        page_for(visit, &signed, status, &page)
    }
}
