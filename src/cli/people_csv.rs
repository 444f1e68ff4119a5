//! `person import` and `person export`: people as a CSV file.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, IsTerminal, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};

use super::table::table;
use super::{Opened, explained, remark, say};
use crate::directory::lifecycle::people;
use crate::directory::people_csv::{self as sheet, Bounds, Exported, Plan};
use crate::directory::{Caller, Pending, StoreError, Weight};

/// Changes that the table shows, at most.
const SHOWN: usize = 100;

/// Imports a file, or shows what that would come to.
pub fn import(opened: &Opened, file: &Path, dry_run: bool, as_json: bool) -> Result<()> {
    let limits = &opened.config.limits;
    let bounds = Bounds { bytes: limits.csv_bytes, rows: limits.csv_rows };
    let bytes: Arc<[u8]> = read(file, bounds.bytes)?.into();
    let (shared, looked) = (bytes.clone(), opened.store.as_ref().map(|store| store.catalog().clone()));
    let of = looked.as_ref().and_then(|catalog| catalog.resource_type("User")).context("no type is called User")?;
    let rows = sheet::inspect(&bytes, bounds, of).map_err(|unreadable| anyhow!("{}: {unreadable}", file.display()))?;
    let progress = Arc::new(AtomicU64::new(0));
    let (site, counted) = (opened.site.clone(), progress.clone());
    let shown = if as_json { usize::MAX } else { SHOWN };
    let pending = opened.look(move |reader| {
        let file = sheet::File { bytes: &shared, bounds, progress: &counted };
        sheet::preview(reader, &site, file, shown)
    })?;
    let plan = watched(pending, &progress, rows, "Looking through").map_err(explained)?;
    for error in &plan.errors {
        remark(error.to_string());
    }
    if plan.error_count > plan.errors.len() as u64 {
        remark(format!("These are the first {} errors of {}.", plan.errors.len(), plan.error_count));
    }
    let is_good = plan.error_count == 0;
    let done = match is_good && !dry_run && plan.touched() > 0 {
        true => Some(carried_out(opened, bytes, (bounds, rows), plan.digest.clone())),
        false => None,
    };
    let is_done = matches!(done, Some(Ok(_)));
    match as_json {
        true => say(serde_json::to_string_pretty(&told(&plan, dry_run, is_done))?)?,
        false => show(&plan, dry_run || !is_good)?,
    }
    done.transpose()?;
    if !is_good {
        bail!("{} in the file; nothing was imported", counted_as(plan.error_count, "error", "errors"));
    }
    Ok(())
}

fn carried_out(opened: &Opened, bytes: Arc<[u8]>, (bounds, rows): (Bounds, u64), digest: String) -> Result<Plan> {
    let progress = Arc::new(AtomicU64::new(0));
    let (site, counted) = (opened.site.clone(), progress.clone());
    let pending = opened.begin(Weight::Heavy, move |writer| {
        let caller = Caller::local("command:person import", "");
        let file = sheet::File { bytes: &bytes, bounds, progress: &counted };
        sheet::import(writer, (&site, &caller), file, &digest)
    })?;
    watched(pending, &progress, rows, "Importing").map_err(explained)
}

/// Reads a file that is not larger than it may be.
fn read(file: &Path, most: u64) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let source: Box<dyn Read> = match file.to_str() {
        Some("-") => Box::new(io::stdin().lock()),
        _ => Box::new(File::open(file).with_context(|| format!("{} cannot be read", file.display()))?),
    };
    let read = source.take(most.saturating_add(1)).read_to_end(&mut bytes);
    read.with_context(|| format!("{} cannot be read", file.display()))?;
    if bytes.len() as u64 > most {
        bail!("{} has more than the {most} bytes that limits.csv_bytes allows", file.display());
    }
    Ok(bytes)
}

/// Waits for something, with a bar on a terminal that says how far it is.
fn watched<T, E>(pending: Pending<T, E>, progress: &AtomicU64, total: u64, what: &'static str) -> Result<T, E>
where
    T: Send,
    E: From<StoreError> + Send,
{
    if !io::stderr().is_terminal() {
        return pending.wait();
    }
    let bar = ProgressBar::new(total);
    if let Ok(style) = ProgressStyle::with_template("{msg} [{bar:30}] {pos}/{len} {eta}") {
        bar.set_style(style.progress_chars("=> "));
    }
    bar.set_message(what);
    let is_over = std::sync::Mutex::new(false);
    let over = std::sync::Condvar::new();
    let done = std::thread::scope(|scope| {
        scope.spawn(|| {
            let held = is_over.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            let tick = |is_over: &mut bool| {
                bar.set_position(progress.load(Ordering::Relaxed));
                !*is_over
            };
            let mut held = held;
            while tick(&mut held) {
                held = match over.wait_timeout(held, Duration::from_millis(100)) {
                    Ok((held, _)) => held,
                    Err(poisoned) => poisoned.into_inner().0,
                };
            }
        });
        let done = pending.wait();
        *is_over.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = true;
        over.notify_all();
        done
    });
    bar.finish_and_clear();
    done
}

fn counted_as(n: u64, one: &str, many: &str) -> String {
    format!("{n} {}", if n == 1 { one } else { many })
}

/// The preview, or what was done, for people.
fn show(plan: &Plan, would: bool) -> Result<()> {
    let or_none = |text: &String| if text.is_empty() { "-".to_owned() } else { text.clone() };
    let rows = plan.shown.iter().flat_map(|shown| {
        let what = match (shown.is_new, shown.returns) {
            (true, true) => "comes back",
            (true, false) => "new",
            (false, _) => "changed",
        };
        shown.changes.iter().enumerate().map(move |(i, (column, before, after))| {
            // Who it is about stands in the first line.
            let first = |text: String| if i == 0 { text } else { String::new() };
            vec![
                first(shown.line.to_string()),
                first(shown.name.clone()),
                first(what.to_owned()),
                column.clone(),
                or_none(before),
                or_none(after),
            ]
        })
    });
    let rows: Vec<Vec<String>> = rows.collect();
    if !rows.is_empty() {
        say(table(&["LINE", "USER NAME", "", "COLUMN", "BEFORE", "AFTER"], &rows))?;
    }
    let more = plan.touched().saturating_sub(plan.shown.len() as u64);
    if more > 0 {
        say(format!("… and {more} more."))?;
    }
    for (column, why) in &plan.unread {
        remark(format!("The column {column} is not read: {why}."));
    }
    let deactivated = match plan.deactivates {
        0 => String::new(),
        n => format!(" ({n} of them deactivated)"),
    };
    say(format!(
        "{} {}made, {} changed{deactivated}, {} unchanged.",
        counted_as(plan.creates, "person", "people"),
        if would { "would be " } else { "" },
        plan.updates,
        plan.unchanged
    ))
}

/// The same for scripts.
fn told(plan: &Plan, dry_run: bool, is_done: bool) -> Value {
    let changes = plan.shown.iter().map(|shown| {
        let columns = shown
            .changes
            .iter()
            .map(|(column, before, after)| json!({"column": column, "before": before, "after": after}));
        json!({
            "line": shown.line, "userName": shown.name, "new": shown.is_new, "returns": shown.returns,
            "columns": columns.collect::<Vec<_>>(),
        })
    });
    let errors = plan.errors.iter().map(|e| json!({"line": e.line, "column": e.column, "why": e.why}));
    let unread = plan.unread.iter().map(|(column, why)| json!({"column": column, "why": why}));
    json!({
        "dryRun": dry_run, "imported": is_done, "rows": plan.rows, "created": plan.creates, "updated": plan.updates,
        "deactivated": plan.deactivates, "unchanged": plan.unchanged, "errorCount": plan.error_count,
        "errors": errors.collect::<Vec<_>>(), "changes": changes.collect::<Vec<_>>(),
        "unread": unread.collect::<Vec<_>>(),
    })
}

/// Writes everybody into a file, or to stdout.
pub fn export(opened: &Opened, file: Option<&Path>, mark: bool) -> Result<()> {
    let progress = Arc::new(AtomicU64::new(0));
    let total = opened.ask(|reader| Ok(reader.total(&*people(reader)?)?))?;
    let (site, counted) = (opened.site.clone(), progress.clone());
    let Some(file) = file else {
        let pending = opened
            .look(move |reader| sheet::export(reader, &site, BufWriter::new(io::stdout().lock()), (mark, &counted)))?;
        // A bar beside what is written to the same terminal would be in its way.
        pending.wait().map_err(|failed| anyhow!("the people cannot be written: {failed}"))?;
        return Ok(());
    };
    let beside = Beside::of(file)?;
    let to = beside.file.try_clone().with_context(|| format!("{} cannot be written", file.display()))?;
    let pending: Pending<u64, Exported> =
        opened.look(move |reader| sheet::export(reader, &site, BufWriter::new(to), (mark, &counted)))?;
    let written = watched(pending, &progress, total, "Exporting");
    let count = written.map_err(|failed| anyhow!("{} cannot be written: {failed}", file.display()))?;
    beside.put(file)?;
    remark(format!("{} in {}.", counted_as(count, "person", "people"), file.display()));
    Ok(())
}

/// A file on its way to its name: it is whole when it has it, and gone when it never gets there.
struct Beside {
    file: File,
    path: PathBuf,
    is_put: bool,
}

impl Beside {
    fn of(file: &Path) -> Result<Beside> {
        let name = file.file_name().with_context(|| format!("{} is no name of a file", file.display()))?;
        let path = file.with_file_name(format!(".{}.{}", name.to_string_lossy(), std::process::id()));
        let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
        let made = made.with_context(|| format!("{} cannot be made", path.display()))?;
        Ok(Beside { file: made, path, is_put: false })
    }

    fn put(mut self, to: &Path) -> Result<()> {
        self.file
            .flush()
            .and_then(|()| self.file.sync_all())
            .with_context(|| format!("{} cannot be written", to.display()))?;
        std::fs::rename(&self.path, to).with_context(|| format!("{} cannot be written", to.display()))?;
        self.is_put = true;
        Ok(())
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        if !self.is_put {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}
