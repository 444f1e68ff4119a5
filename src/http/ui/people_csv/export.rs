//! `/people/export.csv`: everybody as a file, as long as somebody waits for it.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use hyper::{StatusCode, header};

use super::super::{Outcome, Trouble, Ui};
use crate::clock::date_time;
use crate::directory::people_csv::{self as sheet, Exported, Manner};
use crate::http::wire::{Answer, Media};

impl Ui {
    /// `/people/export.csv`
    pub(in crate::http::ui) async fn export(&self) -> Outcome {
        let _turn = self.uploads.turn.acquire().await.map_err(|_| Trouble::broken())?;
        let (site, most) = (self.directory.site.clone(), self.uploads.bounds.bytes.saturating_mul(4));
        let waiting = Waiting::default();
        let is_over = waiting.0.clone();
        let written = self.directory.store.read(move |reader| {
            let mut file = Bounded { bytes: Vec::new(), most };
            let (progress, is_over) = (&AtomicU64::new(0), &*is_over);
            sheet::export(reader, &site, &mut file, Manner { mark: true, is_partial: false, progress, is_over })?;
            Ok::<_, Exported>(file.bytes)
        });
        let written = written.await;
        drop(waiting);
        let why = match written {
            Ok(bytes) => return Ok(self.sheet(bytes)),
            Err(Exported::Unread(error)) => return Err(error.into()),
            Err(Exported::Over) => return Err(Trouble::broken()),
            Err(Exported::Unwritten(_)) => format!(
                "The file would be larger than {} MiB. The command scim-appliance person export writes one of any size.",
                most >> 20
            ),
            Err(Exported::TooWide(name)) => format!(
                "People have values of so many types that a file of {} columns cannot hold all of them: {name} would be left out. The command scim-appliance person export writes what fits.",
                sheet::MOST_COLUMNS
            ),
        };
        Err(Trouble::new(StatusCode::INSUFFICIENT_STORAGE, "This cannot be done", why))
    }

    /// A file to keep.
    fn sheet(&self, bytes: Vec<u8>) -> Answer {
        let day: String = date_time(self.now()).chars().take(10).collect();
        let answer = Answer { media: Media::Csv, ..Answer::json(StatusCode::OK, bytes) };
        answer.with(header::CONTENT_DISPOSITION, &format!("attachment; filename=\"people-{day}.csv\""))
    }
}

/// Somebody who waits for a file. A browser that has gone takes it along, and the file is not written to its end.
#[derive(Default)]
struct Waiting(Arc<AtomicBool>);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
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
