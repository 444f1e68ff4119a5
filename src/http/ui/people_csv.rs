//! `/people/import`: people from a CSV file, looked at before anything is changed.

mod export;

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use askama::Template;
use hyper::body::Incoming;
use hyper::header;
use hyper::{Method, StatusCode};
use tokio::time::{sleep, timeout};

use super::form::Form;
use super::lists::{address, encoded, pager};
use super::multipart::{self, Sent};
use super::proof::Asked;
use super::session::{Signed, is_open, is_own};
use super::state::counted;
use super::uploads::{NoPlace, Owner, Stage, Upload, Uploads, WAIT};
use super::views::{Confirm, Count, Frame, Pager};
use super::{Outcome, Trouble, Ui, Visit, html, page_for, redirect, with_cookie};
use crate::directory::people_csv::{self as sheet, Plan, View};
use crate::directory::who::still;
use crate::directory::{Caller, Directory, Pending, Refusal, StoreError, Weight};
use crate::http::problem::Problem;
use crate::http::wire::{BodyLimits, Room, read};

/// People whose changes a preview shows.
const SHOWN: usize = 100;
/// For how long a page waits for what will soon be done.
const SOON: Duration = Duration::from_secs(2);
/// How long a file may take to arrive.
const SLOW: Duration = Duration::from_secs(600);
/// Why a form imports nothing.
const OTHER: &str = "The import would come to something else than the page showed that you had. Nothing was imported. Look at it once more.";
/// The page of the file.
const PAGE: &str = "/people/import";

/// A file is to be chosen.
#[derive(Template)]
#[template(path = "import.html", config = "assets/askama.toml")]
struct Choose {
    frame: Frame,
    form: Form,
    most: String,
    rows: Count,
}

/// What it would come to.
#[derive(Template)]
#[template(path = "import-preview.html", config = "assets/askama.toml")]
struct Preview {
    frame: Frame,
    id: String,
    name: String,
    plan: Arc<Plan>,
    /// Stands for the plan.
    mark: String,
    notice: Option<String>,
    confirm: Confirm,
    /// Where there is more than one page of people.
    pager: Option<Pager>,
}

/// It is on its way, or there.
#[derive(Template)]
#[template(path = "import-progress.html", config = "assets/askama.toml")]
struct Progress {
    frame: Frame,
    name: String,
    seen: u64,
    rows: u64,
    /// None: it is over.
    what: Option<&'static str>,
    outcome: Option<Result<Arc<Plan>, String>>,
}

impl Ui {
    /// `/people/import`
    pub(super) async fn import(&self, visit: &Visit<'_>, signed: &Signed, status: StatusCode, form: Form) -> Outcome {
        let title = if form.is_good() { "Import people" } else { "Error: import people" };
        let bounds = self.uploads.bounds;
        let page = Choose {
            frame: self.frame(visit, signed, "people", title).await?,
            form,
            most: counted(bounds.bytes >> 20, "MiB", "MiB"),
            rows: Count(bounds.rows),
        };
        html(status, &page)
    }

    /// The same with a file. Who sends it is known before any of it is read.
    pub(super) async fn import_file(
        &self,
        visit: &Visit<'_>,
        signed: &Signed,
        body: &mut Incoming,
        (limits, room): (BodyLimits, &Room),
    ) -> Outcome {
        let kind = visit.headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
        let bounds = self.uploads.bounds;
        // An administrator may have a slow line and a large file; without a byte nobody waits longer than ever.
        let limits = BodyLimits {
            bytes: bounds.bytes.saturating_add(multipart::BESIDE),
            total: limits.total.max(SLOW),
            ..limits
        };
        let bytes = read(body, visit.headers, limits, room).await;
        let bytes = bytes.map_err(|problem| Trouble::of(&problem, "This file cannot be read"))?;
        let (mut form, sent) = multipart::read(kind, bytes, "file").await.ok_or_else(broken_form)?;
        if !form.is_from(&signed.csrf(&self.directory.key)) {
            return Err(Trouble::foreign());
        }
        let Some(Sent { name, bytes }) = sent.filter(|sent| !sent.bytes.is_empty()) else {
            form.refuse("file", "Choose a file that is not empty.");
            return self.import(visit, signed, StatusCode::UNPROCESSABLE_ENTITY, form).await;
        };
        let (text, catalog) = (bytes.clone(), self.directory.catalog().clone());
        let inspected = tokio::task::spawn_blocking(move || {
            let of = catalog.resource_type("User")?;
            Some(sheet::inspect(&text, bounds, of))
        });
        let inspected = inspected.await.map_err(|_| Trouble::broken())?.ok_or_else(Trouble::broken)?;
        let rows = match inspected {
            Ok(rows) => rows,
            Err(unreadable) => {
                form.refuse("file", unreadable.to_string());
                return self.import(visit, signed, StatusCode::UNPROCESSABLE_ENTITY, form).await;
            }
        };
        let name: String = name.chars().take(100).collect();
        let owner = Owner::of(signed);
        let keep = || self.uploads.keep(owner.clone(), name.clone(), bytes.clone(), rows, self.now());
        let mut kept = keep();
        if matches!(kept, Err(NoPlace::Crowded)) {
            self.forget_ended().await?;
            kept = keep();
        }
        let id = match kept {
            Ok(id) => id,
            Err(NoPlace::NoRandomness) => return Err(Trouble::broken()),
            Err(NoPlace::Crowded) => {
                let why = "Other files wait to be imported. Try again when they are done, or in 15 minutes.";
                return Err(Trouble::new(StatusCode::SERVICE_UNAVAILABLE, "Not at the moment", why));
            }
        };
        let looked = tokio::spawn(look(self.uploads.clone(), self.directory.clone(), owner, id.clone(), None));
        let _ = timeout(SOON, looked).await;
        Ok(redirect(&format!("{PAGE}/{id}")))
    }

    /// Lets the files of sessions go that have ended: nobody can see them any more.
    async fn forget_ended(&self) -> Result<(), Trouble> {
        let owners = self.uploads.owners();
        let ended = self.directory.store.read(move |reader| {
            let mut ended = Vec::new();
            for owner in owners {
                let all = reader.sessions_whose(owner.whose())?;
                if !all.iter().any(|s| s.created == owner.since() && is_open(s, reader.now())) {
                    ended.push(owner);
                }
            }
            Ok::<_, StoreError>(ended)
        });
        ended.await?.into_iter().for_each(|owner| self.uploads.forget(&owner));
        Ok(())
    }

    /// `/people/import/{id}`
    pub(super) async fn import_of(&self, visit: &Visit<'_>, signed: Signed, id: &str, form: Option<Form>) -> Outcome {
        let owner = Owner::of(&signed);
        let Some(upload) = self.uploads.find(&owner, id, self.now()) else {
            return Err(Trouble::new(
                StatusCode::NOT_FOUND,
                "This file is no longer here",
                "A file waits for 15 minutes, in the session that sent it, and not over a restart of the server. What was not imported by then was not imported at all. Choose the file once more.",
            ));
        };
        let here = format!("{PAGE}/{id}");
        if form.as_ref().is_some_and(|form| form.has("nobody")) {
            let to = if self.uploads.free(&owner, id) { "/people" } else { &here };
            return Ok(redirect(to));
        }
        let (Some(form), Stage::Ready(plan, _)) = (form, &upload.stage) else {
            let confirm = signed.confirm(self.now());
            let Some(upload) = self.turned(upload, visit.offset()).await? else {
                look(self.uploads.clone(), self.directory.clone(), owner, id.to_owned(), Some(OTHER.to_owned())).await;
                return Ok(redirect(&here));
            };
            return self.import_page(visit, &signed, (StatusCode::OK, confirm), id, upload).await;
        };
        if plan.error_count > 0 || plan.touched() == 0 {
            return Ok(redirect(&here));
        }
        // The form of a page that showed something else, in another tab or before the last click, imports nothing.
        if form.get("plan") != self.mark(plan) {
            let (confirm, mut upload) = (signed.confirm(self.now()), upload.clone());
            if let Stage::Ready(_, notice) = &mut upload.stage {
                notice.get_or_insert_with(|| OTHER.to_owned());
            }
            return self.import_page(visit, &signed, (StatusCode::CONFLICT, confirm), id, upload).await;
        }
        let digest = plan.digest.clone();
        let signed = match self.confirmed(visit, signed.clone(), &form).await {
            Ok(signed) => signed,
            Err(Asked::Trouble(trouble)) => return Err(trouble),
            Err(Asked::Again(confirm)) => {
                return self.import_page(visit, &signed, (StatusCode::FORBIDDEN, confirm), id, upload).await;
            }
        };
        if let Some((upload, plan)) = self.uploads.start(&owner, id, &digest) {
            let done = self.carry_out(visit, &signed, id, upload, plan);
            let _ = timeout(SOON, done).await;
        }
        // What was looked at cannot be done any more: the answer shows what could be.
        if let Some(upload) = self.uploads.find(&owner, id, self.now())
            && let Stage::Ready(_, Some(_)) = upload.stage
        {
            let confirm = signed.confirm(self.now());
            return self.import_page(visit, &signed, (StatusCode::CONFLICT, confirm), id, upload).await;
        }
        Ok(with_cookie(visit, &signed, redirect(&here)))
    }

    /// What a form says of the plan that it shows. The digest itself stays here: it stands for secrets as well, and whoever
    /// had it could try which.
    fn mark(&self, plan: &Plan) -> String {
        self.directory.key.sign("plan", plan.digest.as_bytes()).iter().map(|b| format!("{b:02x}")).collect()
    }

    /// The same file with the people behind so many. `None`: it would come to something else by now.
    async fn turned(&self, upload: Upload, offset: u64) -> Result<Option<Upload>, Trouble> {
        let plan = match &upload.stage {
            Stage::Ready(plan, _) if offset > 0 && plan.error_count == 0 => plan.clone(),
            _ => return Ok(Some(upload)),
        };
        let _turn = self.uploads.turn.acquire().await.map_err(|_| Trouble::broken())?;
        let (site, bounds, bytes) = (self.directory.site.clone(), self.uploads.bounds, upload.bytes.clone());
        let pending: Pending<Plan, Refusal> = self.directory.store.read(move |reader| {
            let file = sheet::File { bytes: &bytes, bounds, progress: &AtomicU64::new(0) };
            sheet::preview(reader, &site, file, View { from: offset, ..View::first(SHOWN) })
        });
        let turned = pending.await?;
        let is_same = turned.digest == plan.digest && turned.error_count == 0;
        Ok(is_same.then(|| Upload { stage: Stage::Ready(Arc::new(turned), None), ..upload }))
    }

    /// Queues an import, and sees to it that its end is noted whoever still waits.
    fn carry_out(
        &self,
        visit: &Visit<'_>,
        signed: &Signed,
        id: &str,
        upload: Upload,
        plan: Arc<Plan>,
    ) -> tokio::task::JoinHandle<()> {
        let (uploads, directory) = (self.uploads.clone(), self.directory.clone());
        let (who, session, site) = (signed.who.clone(), signed.session.digest.clone(), directory.site.clone());
        let caller = Caller::local(&signed.by(), visit.id);
        let bounds = uploads.bounds;
        let pending = directory.store.write(Weight::Heavy, move |writer| {
            if !still(writer, &site, &who, &session)? {
                return Ok(None);
            }
            let file = sheet::File { bytes: &upload.bytes, bounds, progress: &upload.progress };
            sheet::import(writer, (&site, &caller), file, &plan.digest).map(Some)
        });
        let (id, owner) = (id.to_owned(), Owner::of(signed));
        tokio::spawn(async move {
            let done: Result<Option<Plan>, Refusal> = pending.await;
            let outcome = match done {
                Ok(Some(done)) => Ok(Arc::new(done)),
                Ok(None) => Err("You were signed out before it began. Nothing was imported.".to_owned()),
                Err(Refusal::Conflict(why)) => return look(uploads, directory, owner, id, Some(why)).await,
                Err(other) => Err(said(other)),
            };
            uploads.settle(&id, Stage::Done(outcome), directory.store.now());
        })
    }

    async fn import_page(
        &self,
        visit: &Visit<'_>,
        signed: &Signed,
        (status, confirm): (StatusCode, Confirm),
        id: &str,
        upload: Upload,
    ) -> Outcome {
        let (seen, rows, name) = (upload.seen(), upload.rows, upload.name);
        let (title, what, outcome) = match upload.stage {
            Stage::Ready(plan, notice) => {
                let title = match plan.error_count > 0 {
                    true => "Error: check the import",
                    false => "Check the import",
                };
                let frame = self.frame(visit, signed, "people", title).await?;
                // The answer to a form shows the first ones.
                let offset = if *visit.method == Method::GET { visit.offset() } else { 0 };
                let path = format!("{PAGE}/{}", encoded(id));
                let at = |offset: u64| address(&path, "", "", offset);
                let pager = pager(offset, plan.shown.len() as u64, plan.touched(), SHOWN as u64, at);
                let pager = (plan.error_count == 0 && plan.touched() > SHOWN as u64).then_some(pager);
                let mark = self.mark(&plan);
                let page = Preview { frame, id: id.to_owned(), name, plan, mark, notice, confirm, pager };
                return page_for(visit, signed, status, &page);
            }
            Stage::Looking => ("Looking through the file", Some("Looking through the file"), None),
            Stage::Running => ("Importing people", Some("Importing people"), None),
            Stage::Done(outcome) => {
                let title = if outcome.is_ok() { "The people are imported" } else { "Error: nothing was imported" };
                (title, None, Some(outcome))
            }
        };
        let frame = self.frame(visit, signed, "people", title).await?;
        page_for(visit, signed, status, &Progress { frame, name, seen, rows, what, outcome })
    }

    /// Refuses a file before it is read: one that no page of ours sent, or that is none.
    pub(super) fn own_file(visit: &Visit<'_>) -> Result<(), Trouble> {
        let kind = visit.headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
        match (is_own(visit.headers, visit.host), multipart::is_such(kind)) {
            (false, _) => Err(Trouble::foreign()),
            (true, false) => Err(broken_form()),
            (true, true) => Ok(()),
        }
    }
}

fn broken_form() -> Trouble {
    let why = "The form with the file did not arrive as browsers send it, or not to its end. Nothing was changed. Choose the file once more.";
    Trouble::new(StatusCode::BAD_REQUEST, "This file cannot be read", why)
}

/// Looks through a file, when it is its turn.
async fn look(uploads: Arc<Uploads>, directory: Directory, owner: Owner, id: String, notice: Option<String>) {
    let Some(upload) = uploads.find(&owner, &id, directory.store.now()) else { return };
    let stage = match uploads.turn.acquire().await {
        Err(_) => Stage::Done(Err("The server is shutting down.".to_owned())),
        Ok(_turn) => {
            let (site, bounds) = (directory.site.clone(), uploads.bounds);
            let pending = directory.store.read(move |reader| {
                let file = sheet::File { bytes: &upload.bytes, bounds, progress: &upload.progress };
                sheet::preview(reader, &site, file, View::first(SHOWN))
            });
            match pending.await {
                Ok(plan) => Stage::Ready(Arc::new(plan), notice),
                Err(refusal) => Stage::Done(Err(said(refusal))),
            }
        }
    };
    uploads.settle(&id, stage, directory.store.now());
    // What nobody asks about any more is forgotten all the same.
    tokio::spawn(async move {
        sleep(Duration::from_micros(WAIT.unsigned_abs()) + SOON).await;
        uploads.sweep(directory.store.now());
    });
}

fn said(refusal: Refusal) -> String {
    if let Refusal::Broken(error) = &refusal {
        tracing::error!(%error, "people could not be imported");
    }
    Problem::from(refusal).detail().to_owned()
}
