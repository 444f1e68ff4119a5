//! `/people/import` and `/people/export.csv`: people as a CSV file, looked at before anything is changed.

use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use askama::Template;
use hyper::StatusCode;
use hyper::body::Incoming;
use hyper::header;
use tokio::time::{sleep, timeout};

use super::form::Form;
use super::multipart::{self, Sent};
use super::session::{Asked, Signed, is_own};
use super::state::counted;
use super::uploads::{NoPlace, Owner, Stage, Upload, Uploads, WAIT};
use super::views::{Confirm, Count, Frame};
use super::{Outcome, Trouble, Ui, Visit, html, page_for, redirect, with_cookie};
use crate::clock::date_time;
use crate::directory::people_csv::{self as sheet, Exported, Plan};
use crate::directory::who::still;
use crate::directory::{Caller, Directory, Refusal, Weight};
use crate::http::problem::Problem;
use crate::http::wire::{Answer, BodyLimits, Media, Room, read};

/// People whose changes a preview shows.
const SHOWN: usize = 100;
/// For how long a page waits for what will soon be done.
const SOON: Duration = Duration::from_secs(2);
/// How long a file may take to arrive.
const SLOW: Duration = Duration::from_secs(600);
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
    notice: Option<String>,
    confirm: Confirm,
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
        let (mut form, sent) = multipart::read(kind, bytes, "file").await.ok_or_else(Trouble::foreign)?;
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
        let id = match self.uploads.keep(Owner::of(signed), name, bytes, rows, self.now()) {
            Ok(id) => id,
            Err(NoPlace::NoRandomness) => return Err(Trouble::broken()),
            Err(NoPlace::Crowded) => {
                let why = "Other files wait to be imported. Try again when they are done, or in 15 minutes.";
                return Err(Trouble::new(StatusCode::SERVICE_UNAVAILABLE, "Not at the moment", why));
            }
        };
        let looked =
            tokio::spawn(look(self.uploads.clone(), self.directory.clone(), Owner::of(signed), id.clone(), None));
        let _ = timeout(SOON, looked).await;
        Ok(redirect(&format!("{PAGE}/{id}")))
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
        let (Some(form), Stage::Ready(plan, _)) = (form, &upload.stage) else {
            let confirm = signed.confirm(self.now());
            return self.import_page(visit, &signed, (StatusCode::OK, confirm), id, upload).await;
        };
        if plan.error_count > 0 || plan.touched() == 0 {
            return Ok(redirect(&here));
        }
        let signed = match self.confirmed(visit, signed.clone(), &form).await {
            Ok(signed) => signed,
            Err(Asked::Trouble(trouble)) => return Err(trouble),
            Err(Asked::Again(confirm)) => {
                return self.import_page(visit, &signed, (StatusCode::FORBIDDEN, confirm), id, upload).await;
            }
        };
        if let Some((upload, plan)) = self.uploads.start(&owner, id) {
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
                return page_for(
                    visit,
                    signed,
                    status,
                    &Preview { frame, id: id.to_owned(), name, plan, notice, confirm },
                );
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

    /// `/people/export.csv`
    pub(super) async fn export(&self) -> Outcome {
        let _turn = self.uploads.turn.acquire().await.map_err(|_| Trouble::broken())?;
        let (site, most) = (self.directory.site.clone(), self.uploads.bounds.bytes.saturating_mul(4));
        let written = self.directory.store.read(move |reader| {
            let mut file = Bounded { bytes: Vec::new(), most };
            sheet::export(reader, &site, &mut file, (true, &AtomicU64::new(0)))?;
            Ok::<_, Exported>(file.bytes)
        });
        let bytes = match written.await {
            Ok(bytes) => bytes,
            Err(Exported::Unread(error)) => return Err(error.into()),
            Err(Exported::Unwritten(_)) => {
                let why = format!(
                    "The file would be larger than {} MiB. The command scim-appliance person export writes one of any size.",
                    most >> 20
                );
                return Err(Trouble::new(StatusCode::INSUFFICIENT_STORAGE, "This cannot be done", why));
            }
        };
        let day: String = date_time(self.now()).chars().take(10).collect();
        let answer = Answer { media: Media::Csv, ..Answer::json(StatusCode::OK, bytes) };
        Ok(answer.with(header::CONTENT_DISPOSITION, &format!("attachment; filename=\"people-{day}.csv\"")))
    }

    /// Was the file sent by a page of ours?
    pub(super) fn is_own_file(visit: &Visit<'_>) -> bool {
        let kind = visit.headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default().trim();
        is_own(visit.headers, visit.host) && kind.eq_ignore_ascii_case("multipart/form-data")
    }
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
                sheet::preview(reader, &site, file, SHOWN)
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

/// A file in memory that does not grow without end.
struct Bounded {
    bytes: Vec<u8>,
    most: u64,
}

impl io::Write for Bounded {
    fn write(&mut self, more: &[u8]) -> io::Result<usize> {
        if (self.bytes.len() + more.len()) as u64 > self.most {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.bytes.extend_from_slice(more);
        Ok(more.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
