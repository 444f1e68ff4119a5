//! Files that wait in memory to be imported. Each belongs to one session, stays a quarter of an hour, and is gone with the
//! process.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::sync::Semaphore;

use super::session::Signed;
use crate::directory;
use crate::directory::people_csv::{Bounds, Plan};
use crate::secret::{NoRandomness, random_text};

/// For how long a file waits, in microseconds.
pub const WAIT: i64 = 15 * 60 * 1_000_000;
/// Files that wait at the same time, at most.
const MOST: usize = 8;

/// Whose it is: an account, and when it signed in. A session that is confirmed gets another cookie and stays the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner(directory::Owner, i64);

impl Owner {
    /// Whoever is signed in.
    pub fn of(signed: &Signed) -> Owner {
        Owner(signed.who.owner(), signed.session.created)
    }

    /// The account.
    pub fn whose(&self) -> &directory::Owner {
        &self.0
    }

    /// When it signed in.
    pub fn since(&self) -> i64 {
        self.1
    }
}

/// What became of a file so far.
#[derive(Debug, Clone)]
pub enum Stage {
    /// It is looked through.
    Looking,
    /// This is what it would come to; and why that is shown once more.
    Ready(Arc<Plan>, Option<String>),
    /// It is imported.
    Running,
    /// It was imported, or not: why.
    Done(Result<Arc<Plan>, String>),
}

/// A file.
#[derive(Debug, Clone)]
pub struct Upload {
    /// What the browser calls it.
    pub name: String,
    /// What is in it; nothing, when it is done with.
    pub bytes: Bytes,
    /// Its rows.
    pub rows: u64,
    /// Rows that were gone through in this stage.
    pub progress: Arc<AtomicU64>,
    /// Where it stands.
    pub stage: Stage,
}

impl Upload {
    /// Rows that were gone through, out of all.
    pub fn seen(&self) -> u64 {
        self.progress.load(Ordering::Relaxed).min(self.rows)
    }
}

struct Slot {
    id: String,
    owner: Owner,
    since: i64,
    upload: Upload,
}

impl Slot {
    fn is_busy(&self) -> bool {
        matches!(self.upload.stage, Stage::Looking | Stage::Running)
    }

    /// Nothing comes of it any more, whatever somebody does.
    fn is_finished(&self) -> bool {
        match &self.upload.stage {
            Stage::Done(_) => true,
            Stage::Ready(plan, _) => plan.error_count > 0 || plan.touched() == 0,
            Stage::Looking | Stage::Running => false,
        }
    }
}

/// All of them.
pub struct Uploads {
    /// The bounds of each.
    pub bounds: Bounds,
    /// One file is looked through, or written, at a time: that keeps a thread busy that others read with.
    pub turn: Semaphore,
    slots: Mutex<Vec<Slot>>,
}

/// Why a file cannot wait.
pub enum NoPlace {
    /// Too many wait already.
    Crowded,
    /// The system gave no random bytes.
    NoRandomness,
}

impl From<NoRandomness> for NoPlace {
    fn from(_: NoRandomness) -> NoPlace {
        NoPlace::NoRandomness
    }
}

impl Uploads {
    /// None yet.
    pub fn new(bounds: Bounds) -> Uploads {
        Uploads { bounds, turn: Semaphore::new(1), slots: Mutex::default() }
    }

    fn slots(&self) -> MutexGuard<'_, Vec<Slot>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps a file to be looked through, in the place of one that this session has left waiting, and if there is no other
    /// place, of one that nothing comes of. Gives its id.
    pub fn keep(&self, owner: Owner, name: String, bytes: Bytes, rows: u64, now: i64) -> Result<String, NoPlace> {
        let id = random_text(22)?;
        let mut slots = self.slots();
        slots.retain(|slot| slot.is_busy() || (slot.owner != owner && now < slot.since.saturating_add(WAIT)));
        let is_full = |slots: &[Slot]| {
            let held: u64 = slots.iter().map(|slot| slot.upload.bytes.len() as u64).sum();
            slots.len() >= MOST || held + bytes.len() as u64 > self.bounds.bytes.saturating_mul(2)
        };
        while is_full(&slots) {
            let finished = slots.iter().position(Slot::is_finished).ok_or(NoPlace::Crowded)?;
            slots.remove(finished);
        }
        let upload = Upload { name, bytes, rows, progress: Arc::default(), stage: Stage::Looking };
        slots.push(Slot { id: id.clone(), owner, since: now, upload });
        Ok(id)
    }

    /// A file of somebody. `None`: there is none of this id, any longer or for this session.
    pub fn find(&self, owner: &Owner, id: &str, now: i64) -> Option<Upload> {
        self.sweep(now);
        let slots = self.slots();
        slots.iter().find(|slot| slot.id == id && slot.owner == *owner).map(|slot| slot.upload.clone())
    }

    /// Whose files wait.
    pub fn owners(&self) -> Vec<Owner> {
        self.slots().iter().map(|slot| slot.owner.clone()).collect()
    }

    /// Lets those of somebody go, but for what goes on.
    pub fn forget(&self, owner: &Owner) {
        self.slots().retain(|slot| slot.owner != *owner || slot.is_busy());
    }

    /// Lets one go that nobody wants imported. False: it goes on.
    pub fn free(&self, owner: &Owner, id: &str) -> bool {
        let mut slots = self.slots();
        slots.retain(|slot| slot.owner != *owner || slot.id != id || slot.is_busy());
        slots.iter().all(|slot| slot.id != id)
    }

    /// Lets those go that have waited too long.
    pub fn sweep(&self, now: i64) {
        self.slots().retain(|slot| slot.is_busy() || now < slot.since.saturating_add(WAIT));
    }

    /// Begins the import that this digest stands for. `None`: there is nothing to begin, it was begun already, or it would
    /// be another one.
    pub fn start(&self, owner: &Owner, id: &str, digest: &str) -> Option<(Upload, Arc<Plan>)> {
        let mut slots = self.slots();
        let slot = slots.iter_mut().find(|slot| slot.id == id && slot.owner == *owner)?;
        let Stage::Ready(plan, _) = slot.upload.stage.clone() else { return None };
        if slot.is_finished() || plan.digest != digest {
            return None;
        }
        slot.upload.progress = Arc::default();
        slot.upload.stage = Stage::Running;
        Some((slot.upload.clone(), plan))
    }

    /// Says what became of one.
    pub fn settle(&self, id: &str, stage: Stage, now: i64) {
        if let Some(slot) = self.slots().iter_mut().find(|slot| slot.id == id) {
            if matches!(stage, Stage::Done(_)) {
                slot.upload.bytes = Bytes::new();
            }
            slot.since = now;
            slot.upload.stage = stage;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADA: Owner = Owner(directory::Owner::Admin(1), 10);
    const EVE: Owner = Owner(directory::Owner::Admin(2), 10);

    fn kept(uploads: &Uploads, owner: Owner, size: usize, now: i64) -> Option<String> {
        uploads.keep(owner, "x.csv".into(), vec![b'x'; size].into(), 1, now).ok()
    }

    fn ready(uploads: &Uploads, id: &str, now: i64) {
        let plan = Plan { creates: 1, digest: "d".to_owned(), ..Plan::default() };
        uploads.settle(id, Stage::Ready(Arc::new(plan), None), now);
    }

    #[test]
    fn a_file_belongs_to_one_session_and_does_not_stay() {
        let uploads = Uploads::new(Bounds { bytes: 100, rows: 10 });
        let first = kept(&uploads, ADA, 10, 0).unwrap();
        ready(&uploads, &first, 0);
        assert!(uploads.find(&ADA, &first, 1).is_some() && uploads.find(&EVE, &first, 1).is_none());
        assert!(
            uploads.find(&Owner(directory::Owner::Admin(1), 11), &first, 1).is_none()
                && uploads.start(&EVE, &first, "d").is_none()
        );
        let second = kept(&uploads, ADA, 10, 2).unwrap();
        assert!(uploads.find(&ADA, &first, 3).is_none(), "a second file takes the place of the first");
        ready(&uploads, &second, 3);
        assert!(uploads.find(&ADA, &second, 2 + WAIT).is_some() && uploads.find(&ADA, &second, 3 + WAIT).is_none());
    }

    #[test]
    fn an_import_is_begun_once_and_is_not_swept_away() {
        let uploads = Uploads::new(Bounds { bytes: 100, rows: 10 });
        let id = kept(&uploads, ADA, 10, 0).unwrap();
        assert!(uploads.start(&ADA, &id, "d").is_none(), "nobody has looked at it");
        ready(&uploads, &id, 0);
        assert!(uploads.start(&ADA, &id, "other").is_none(), "nobody has seen that");
        assert!(uploads.start(&ADA, &id, "d").is_some() && uploads.start(&ADA, &id, "d").is_none());
        assert!(uploads.find(&ADA, &id, 10 * WAIT).is_some());
        uploads.settle(&id, Stage::Done(Err("no".into())), 5);
        let done = uploads.find(&ADA, &id, 6).unwrap();
        assert!(done.bytes.is_empty() && matches!(done.stage, Stage::Done(Err(_))));
    }

    #[test]
    fn what_waits_is_bounded() {
        let uploads = Uploads::new(Bounds { bytes: 100, rows: 10 });
        let owner = |n: i64| Owner(directory::Owner::Admin(n), 0);
        assert!(kept(&uploads, owner(1), 100, 0).is_some() && kept(&uploads, owner(2), 90, 0).is_some());
        assert!(kept(&uploads, owner(3), 11, 0).is_none(), "twice a file, at most");
        for n in 3..9 {
            assert!(kept(&uploads, owner(n), 1, 0).is_some());
        }
        assert!(kept(&uploads, owner(9), 1, 0).is_none(), "eight, at most");
        // What is over makes room, the first of them first; what goes on does not.
        let ninth = |n| kept(&uploads, owner(n), 1, 0).is_some();
        let id = |n: i64| uploads.slots().iter().find(|s| s.owner == owner(n)).map(|s| s.id.clone());
        uploads.settle(&id(5).unwrap(), Stage::Done(Err("no".into())), 0);
        uploads.settle(&id(4).unwrap(), Stage::Ready(Arc::default(), None), 0);
        assert!(ninth(10) && id(4).is_none() && id(5).is_some() && ninth(11) && id(5).is_none() && !ninth(12));
        uploads.forget(&owner(6));
        assert!(id(6).is_some() && !uploads.free(&owner(6), &id(6).unwrap()), "it is looked through");
        ready(&uploads, &id(6).unwrap(), 0);
        ready(&uploads, &id(7).unwrap(), 0);
        assert!(!uploads.free(&owner(1), &id(6).unwrap()), "it is somebody else's");
        assert!(uploads.free(&owner(6), &id(6).unwrap()) && ninth(12) && !ninth(13));
        uploads.forget(&owner(7));
        assert!(ninth(13));
    }
}
