//! `person export`: everybody into a file, which replaces nothing that it was not meant to replace.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, BufWriter, ErrorKind, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64};

use anyhow::{Context, Result, anyhow, bail};

use super::{counted_as, watched};
use crate::cli::{Opened, remark};
use crate::config::Config;
use crate::directory::Pending;
use crate::directory::lifecycle::people;
use crate::directory::people_csv::{self as sheet, Exported, MOST_COLUMNS, Manner, Written};
use crate::secret::random_text;

/// What the program keeps beside the database, and what SQLite does.
const BESIDE: [&str; 7] = ["", "-wal", "-shm", "-journal", ".key", ".lock", ".in-use"];
/// What a database of SQLite begins with.
const SQLITE: &[u8; 16] = b"SQLite format 3\0";

/// Writes everybody into a file, or to stdout.
pub fn export(opened: &Opened, config: &Path, file: Option<&Path>, (mark, force): (bool, bool)) -> Result<()> {
    let progress = Arc::new(AtomicU64::new(0));
    let (site, counted) = (opened.site.clone(), progress.clone());
    let write = move |reader: &crate::directory::Reader<'_>, out: &mut dyn Write| {
        let (progress, is_over) = (&*counted, &AtomicBool::new(false));
        sheet::export(reader, &site, out, Manner { mark, is_partial: true, progress, is_over })
    };
    let Some(file) = file.filter(|file| file.as_os_str() != "-") else {
        let pending = opened.look(move |reader| write(reader, &mut BufWriter::new(io::stdout().lock())))?;
        // A bar beside what is written to the same terminal would be in its way.
        return match pending.wait() {
            Ok(written) => {
                note(&written);
                Ok(())
            }
            // Whoever reads has had enough, as `head` has.
            Err(Exported::Unwritten(error)) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
            Err(failed) => Err(anyhow!("the people cannot be written: {failed}")),
        };
    };
    let total = opened.ask(|reader| Ok(reader.total(&*people(reader)?)?))?;
    let place = Place::of(file, (&opened.config, config), force)?;
    let beside = Beside::of(&place)?;
    let to = beside.file.try_clone().with_context(|| format!("{} cannot be written", file.display()))?;
    let pending: Pending<Written, Exported> = opened.look(move |reader| write(reader, &mut BufWriter::new(to)))?;
    let written = watched(pending, &progress, total, "Exporting");
    let written = written.map_err(|failed| anyhow!("{} cannot be written: {failed}", file.display()))?;
    beside.put()?;
    note(&written);
    remark(format!("{} in {}.", counted_as(written.people, "person", "people"), file.display()));
    Ok(())
}

/// Says what is not in the file.
fn note(written: &Written) {
    if let Some(name) = &written.left_out {
        remark(format!(
            "Not everything is in the file: it has {MOST_COLUMNS} columns, and people have values of more types. {name} at least is left out."
        ));
    }
}

/// Where the file is to be.
struct Place<'p> {
    /// As it was named.
    shown: &'p Path,
    /// With its folder resolved; a link at its end is not followed.
    path: PathBuf,
    /// It replaces what is there.
    force: bool,
}

impl<'p> Place<'p> {
    /// A place at which a file may be made.
    ///
    /// Errors: there is something that is not replaced, or that is replaced only if that is wished for.
    fn of(shown: &'p Path, (config, read): (&Config, &Path), force: bool) -> Result<Place<'p>> {
        let name = shown.file_name().with_context(|| format!("{} does not name a file", shown.display()))?;
        let folder = match shown.parent() {
            Some(folder) if folder.as_os_str().is_empty() => Path::new("."),
            Some(folder) => folder,
            None => Path::new("/"),
        };
        let folder = folder.canonicalize();
        let path = folder.with_context(|| format!("{} cannot be made", shown.display()))?.join(name);
        if let Some(what) = own(&path, config, read) {
            bail!("{} is {what} of this installation; name another file", shown.display());
        }
        match path.symlink_metadata() {
            Err(_) => {}
            Ok(found) if !found.is_file() => bail!("{} is there and is no file; name another one", shown.display()),
            Ok(_) if is_database(&path) => bail!("{} is a database; name another file", shown.display()),
            Ok(_) if !force => bail!("{}", there(shown)),
            Ok(_) => {}
        }
        Ok(Place { shown, path, force })
    }
}

fn there(shown: &Path) -> String {
    format!("{} is there already; --force replaces it", shown.display())
}

fn is_database(path: &Path) -> bool {
    let mut begin = [0; SQLITE.len()];
    File::open(path).and_then(|mut file| file.read_exact(&mut begin)).is_ok() && begin == *SQLITE
}

/// What a path is of this installation, by its name or by being the same file under another one.
fn own(path: &Path, config: &Config, read: &Path) -> Option<&'static str> {
    let found = path.metadata().ok();
    let is = |other: &Path| is_same(path, found.as_ref(), other);
    let database = |suffix: &&str| {
        let mut other = config.store.path.clone().into_os_string();
        other.push(suffix);
        is(Path::new(&other))
    };
    if BESIDE.iter().any(database) {
        return Some("a part of the database");
    }
    if is(read) {
        return Some("the configuration");
    }
    let tls = config.tls.iter().flat_map(|tls| [&tls.certificate, &tls.key]);
    let password = config.bootstrap.iter().map(|bootstrap| &bootstrap.admin_password_file);
    tls.chain(password).any(|file| is(file)).then_some("a certificate, key or password")
}

fn is_same(path: &Path, found: Option<&Metadata>, other: &Path) -> bool {
    let whole = other.parent().zip(other.file_name()).and_then(|(folder, name)| {
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        Some(folder.canonicalize().ok()?.join(name))
    });
    let by_path = whole.is_some_and(|whole| whole == path);
    let by_file = found.zip(other.metadata().ok()).is_some_and(|(a, b)| (a.dev(), a.ino()) == (b.dev(), b.ino()));
    by_path || by_file
}

/// A file on its way to its name: it is whole when it has it, and gone when it never gets there.
struct Beside<'p> {
    file: File,
    path: PathBuf,
    place: &'p Place<'p>,
    is_put: bool,
}

impl<'p> Beside<'p> {
    fn of(place: &'p Place<'p>) -> Result<Beside<'p>> {
        // Not longer than any name may be, whatever the name of the file is.
        let path = place.path.with_file_name(format!(".people-{}.draft", random_text(12)?));
        let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
        let file = made.with_context(|| format!("{} cannot be made", place.shown.display()))?;
        Ok(Beside { file, path, place, is_put: false })
    }

    fn put(mut self) -> Result<()> {
        let (shown, to) = (self.place.shown, &self.place.path);
        let written = self.file.flush().and_then(|()| self.file.sync_all());
        written.with_context(|| format!("{} cannot be written", shown.display()))?;
        // A second name, unlike a rename, replaces nothing that came there meanwhile. Some file systems have none.
        let linked =
            if self.place.force { Err(ErrorKind::Unsupported.into()) } else { std::fs::hard_link(&self.path, to) };
        match linked {
            Ok(()) => return Ok(()),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => bail!("{}", there(shown)),
            Err(_) if !self.place.force && to.symlink_metadata().is_ok() => bail!("{}", there(shown)),
            Err(_) => {}
        }
        std::fs::rename(&self.path, to).with_context(|| format!("{} cannot be written", shown.display()))?;
        self.is_put = true;
        Ok(())
    }
}

impl Drop for Beside<'_> {
    fn drop(&mut self) {
        if !self.is_put {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}
