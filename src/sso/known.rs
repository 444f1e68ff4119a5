//! What is known of providers: metadata and keys, read when they are needed and kept for a while.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use hyper::Request;
use hyper::header::ACCEPT;

use crate::outbound::Outbound;

use super::SsoError;
use super::keys::Keys;
use super::metadata::{self, Metadata};

/// How long metadata and keys are good, counted from when they were asked for. A key that the provider withdraws is trusted no
/// longer than that.
const GOOD: Duration = Duration::from_secs(60 * 60);
/// From which age on they are read again while they are still good, so that nobody waits for it, and a provider that is
/// down for a while keeps nobody out.
const OLD: Duration = Duration::from_secs(45 * 60);
/// How long it is before they are read again when that has failed.
const LATER: Duration = Duration::from_secs(30);
/// How long it is before somebody's unknown key makes us ask again.
const AGAIN: Duration = Duration::from_secs(60);
/// How long a failure is good: whoever comes meanwhile need not wait for the same.
const FAILED: Duration = Duration::from_secs(5);
/// Providers that are remembered, at most: there is one, and those that were tried.
const MOST: usize = 16;
/// The bytes of a key set, at most. Providers put whole certificate chains beside their keys.
const KEYS: usize = 256 * 1024;

/// What a sign-in needs to know.
#[derive(Clone)]
pub(super) struct Facts {
    pub(super) metadata: Arc<Metadata>,
    pub(super) keys: Arc<Keys>,
}

/// What was read of one provider, and when.
#[derive(Default)]
struct Read {
    facts: Option<(Instant, Facts)>,
    failed: Option<(Instant, SsoError)>,
    /// When an unknown key was the reason to ask, the last time.
    again: Option<Instant>,
}

/// One provider.
#[derive(Default)]
struct Entry {
    /// Never held while anybody is asked: whoever can go by what is known waits for nobody.
    read: Mutex<Read>,
    /// Held by the one who asks.
    asking: Arc<tokio::sync::Mutex<()>>,
}

/// Everything that was read, by issuer. Only one asks a provider at a time; those who need what is not known yet wait for what
/// that one learns.
#[derive(Default)]
pub(super) struct Known {
    read: Mutex<HashMap<String, Arc<Entry>>>,
    clock: Clock,
}

/// What time it is. Tests, which have none, set it forward.
#[derive(Clone, Default)]
struct Clock {
    #[cfg(test)]
    later: Arc<std::sync::atomic::AtomicU64>,
}

impl Clock {
    fn now(&self) -> Instant {
        let now = Instant::now();
        #[cfg(test)]
        let now = now + Duration::from_secs(self.later.load(std::sync::atomic::Ordering::SeqCst));
        now
    }
}

impl Known {
    fn of(&self, issuer: &str) -> Arc<Entry> {
        let mut read = locked(&self.read);
        if read.len() >= MOST && !read.contains_key(issuer) {
            read.clear();
        }
        read.entry(issuer.to_owned()).or_default().clone()
    }

    /// From now on it is so many seconds later than it is.
    #[cfg(test)]
    pub(super) fn later(&self, seconds: u64) {
        self.clock.later.store(seconds, std::sync::atomic::Ordering::SeqCst);
    }

    /// Is something so old?
    fn over(&self, at: Instant, age: Duration) -> bool {
        self.clock.now().saturating_duration_since(at) >= age
    }

    /// What is known and good; or why not, when that was learned just now.
    fn at_hand(&self, entry: &Entry) -> Option<Result<Facts, SsoError>> {
        let read = locked(&entry.read);
        match (&read.facts, &read.failed) {
            (Some((at, facts)), _) if !self.over(*at, GOOD) => Some(Ok(facts.clone())),
            (_, Some((at, why))) if !self.over(*at, FAILED) => Some(Err(why.clone())),
            _ => None,
        }
    }

    /// Would [`Known::facts`] answer at once?
    pub(super) fn has(&self, outbound: &Outbound, typed: &str) -> bool {
        let Ok(issuer) = metadata::typed(typed, outbound) else { return true };
        self.at_hand(&self.of(&issuer)).is_some()
    }

    /// What was known the last time, however long ago that is. For what needs no trust.
    pub(super) fn last(&self, outbound: &Outbound, typed: &str) -> Option<Facts> {
        let issuer = metadata::typed(typed, outbound).ok()?;
        locked(&self.of(&issuer).read).facts.as_ref().map(|(_, facts)| facts.clone())
    }

    /// What is known, or read now. What is good but old is read again behind the back of whoever asks.
    pub(super) async fn facts(&self, outbound: &Outbound, typed: &str) -> Result<Facts, SsoError> {
        let issuer = metadata::typed(typed, outbound)?;
        let entry = self.of(&issuer);
        let Some(known) = self.at_hand(&entry) else {
            let _asking = entry.asking.lock().await;
            // Somebody else may have asked while this one waited.
            return match self.at_hand(&entry) {
                Some(known) => known,
                None => entry.anew(outbound, &issuer, &self.clock).await,
            };
        };
        if self.is_old(&entry)
            && let Ok(asking) = entry.asking.clone().try_lock_owned()
        {
            let (outbound, clock) = (outbound.clone(), self.clock.clone());
            tokio::spawn(async move {
                let _asking = asking;
                if let Err(why) = entry.anew(&outbound, &issuer, &clock).await {
                    tracing::warn!(
                        "the metadata and keys of the identity provider are old and cannot be read anew: {why}"
                    );
                }
            });
        }
        known
    }

    fn is_old(&self, entry: &Entry) -> bool {
        let read = locked(&entry.read);
        read.facts.as_ref().is_some_and(|(at, _)| self.over(*at, OLD))
            && read.failed.as_ref().is_none_or(|(at, _)| self.over(*at, LATER))
    }

    /// Reads it now, whatever is known.
    pub(super) async fn look(&self, outbound: &Outbound, typed: &str) -> Result<Facts, SsoError> {
        let issuer = metadata::typed(typed, outbound)?;
        let entry = self.of(&issuer);
        let _asking = entry.asking.lock().await;
        entry.anew(outbound, &issuer, &self.clock).await
    }

    /// Reads it again since somebody came with a key that is not known. None: that was done within the last minute, and
    /// what was learned is what was seen already.
    pub(super) async fn again(
        &self,
        outbound: &Outbound,
        typed: &str,
        seen: &Facts,
    ) -> Result<Option<Facts>, SsoError> {
        let issuer = metadata::typed(typed, outbound)?;
        let entry = self.of(&issuer);
        let _asking = entry.asking.lock().await;
        {
            let mut read = locked(&entry.read);
            // Somebody else may have asked while this one waited.
            if let Some((_, facts)) = &read.facts
                && !Arc::ptr_eq(&facts.keys, &seen.keys)
            {
                return Ok(Some(facts.clone()));
            }
            if read.again.is_some_and(|at| !self.over(at, AGAIN)) {
                return Ok(None);
            }
            read.again = Some(self.clock.now());
        }
        entry.anew(outbound, &issuer, &self.clock).await.map(Some)
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Entry {
    /// Asks. Whoever does holds `asking`.
    async fn anew(&self, outbound: &Outbound, issuer: &str, clock: &Clock) -> Result<Facts, SsoError> {
        // What is withdrawn while this is on its way is trusted no longer for that.
        let at = clock.now();
        let asked = ask(outbound, issuer).await;
        let mut read = locked(&self.read);
        match asked {
            Ok(facts) => {
                read.facts = Some((at, facts.clone()));
                read.failed = None;
                Ok(facts)
            }
            // What was known before stays good for its hour.
            Err(why) => {
                read.failed = Some((clock.now(), why.clone()));
                Err(why)
            }
        }
    }
}

async fn ask(outbound: &Outbound, issuer: &str) -> Result<Facts, SsoError> {
    let get = |url: &str| Request::get(url).header(ACCEPT, "application/json").body(Bytes::new());
    let request = get(&metadata::place(issuer)).map_err(|_| SsoError::BadIssuer("it is not a URL".into()))?;
    let answer = outbound.send(request).await?;
    let status = answer.status().as_u16();
    if status != 200 {
        return Err(SsoError::NoMetadata { status, hint: metadata::hint(issuer) });
    }
    let metadata = Metadata::read(answer.body(), issuer, outbound)?;
    let request = get(&metadata.jwks_uri).map_err(|_| SsoError::BadMetadata("its jwks_uri is not a URL".into()))?;
    let answer = outbound.send_for(request, KEYS).await?;
    let status = answer.status().as_u16();
    if status != 200 {
        return Err(SsoError::BadKeys(format!("its jwks_uri is answered with status {status}")));
    }
    Ok(Facts { metadata: Arc::new(metadata), keys: Arc::new(Keys::read(answer.body())?) })
}
