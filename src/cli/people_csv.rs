//! `person import` and `person export`: people as a CSV file.

mod export;

use std::fs::File;
use std::io::{self, IsTerminal, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};

pub use self::export::export;
use super::table::table;
use super::{Opened, explained, remark, say};
use crate::directory::people_csv::{self as sheet, Bounds, Plan, View};
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
    let view = match as_json {
        true => View { from: 0, count: usize::MAX, is_full: true },
        false => View::first(SHOWN),
    };
    let pending = opened.look(move |reader| {
        let file = sheet::File { bytes: &shared, bounds, progress: &counted };
        sheet::preview(reader, &site, file, view)
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
    // There may be nothing to do, which is done then as well.
    let is_done = is_good && !dry_run && !matches!(done, Some(Err(_)));
    match as_json {
        true => say(serde_json::to_string_pretty(&told(&plan, dry_run, done.as_ref()))?)?,
        false => show(&plan, !is_done)?,
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
    let told = [(plan.joins, "added to groups"), (plan.roles, "given another role")];
    let told: String = told.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!(", {n} {what}")).collect();
    say(format!(
        "{} {would}made, {} {would}changed{deactivated}{told}, {} unchanged.",
        counted_as(plan.creates, "person", "people"),
        plan.updates,
        plan.unchanged,
        would = if would { "would be " } else { "" },
    ))
}

/// The same for scripts: what would be done, and what was done.
fn told(plan: &Plan, dry_run: bool, done: Option<&Result<Plan>>) -> Value {
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
    let (is_done, error) = match done {
        Some(Ok(_)) => (true, None),
        Some(Err(error)) => (false, Some(format!("{error:#}"))),
        None => (false, None),
    };
    let done = |n: u64| if is_done { n } else { 0 };
    json!({
        "dryRun": dry_run, "imported": is_done, "error": error, "rows": plan.rows,
        "wouldCreate": plan.creates, "wouldUpdate": plan.updates, "wouldDeactivate": plan.deactivates,
        "wouldJoinGroups": plan.joins, "wouldChangeRole": plan.roles,
        "created": done(plan.creates), "updated": done(plan.updates), "deactivated": done(plan.deactivates),
        "unchanged": plan.unchanged, "errorCount": plan.error_count,
        "errors": errors.collect::<Vec<_>>(), "changes": changes.collect::<Vec<_>>(),
        "unread": unread.collect::<Vec<_>>(),
    })
}
