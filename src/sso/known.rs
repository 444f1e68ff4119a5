//! What is known of providers: metadata and keys, read when they are needed and kept for a while.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use hyper::Request;
use hyper::header::ACCEPT;

use crate::outbound::Outbound;

use super::SsoError;
use super::keys::Keys;
use super::metadata::{self, Metadata};

/// How long metadata and keys are good. A key that the provider withdraws is trusted no longer than that.
const GOOD: Duration = Duration::from_secs(3600);
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

/// What was read of one provider.
#[derive(Default)]
struct Read {
    facts: Option<(Instant, Facts)>,
    failed: Option<(Instant, SsoError)>,
    /// When an unknown key was the reason to ask, the last time.
    again: Option<Instant>,
}

/// Everything that was read, by issuer. Only one asks a provider at a time; the others wait for what it learns.
#[derive(Default)]
pub(super) struct Known {
    read: Mutex<HashMap<String, Arc<tokio::sync::Mutex<Read>>>>,
    #[cfg(test)]
    pub(super) hurry: std::sync::atomic::AtomicBool,
}

impl Known {
    fn of(&self, issuer: &str) -> Arc<tokio::sync::Mutex<Read>> {
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if read.len() >= MOST && !read.contains_key(issuer) {
            read.clear();
        }
        read.entry(issuer.to_owned()).or_default().clone()
    }

    /// A while, which tests have no time for.
    fn over(&self, at: Instant, while_: Duration) -> bool {
        #[cfg(test)]
        if self.hurry.load(std::sync::atomic::Ordering::SeqCst) {
            return true;
        }
        at.elapsed() >= while_
    }

    /// What is known, or read now.
    pub(super) async fn facts(&self, outbound: &Outbound, typed: &str) -> Result<Facts, SsoError> {
        let issuer = metadata::typed(typed, outbound)?;
        let read = self.of(&issuer);
        let mut read = read.lock().await;
        if let Some((at, facts)) = &read.facts
            && !self.over(*at, GOOD)
        {
            return Ok(facts.clone());
        }
        if let Some((at, why)) = &read.failed
            && !self.over(*at, FAILED)
        {
            return Err(why.clone());
        }
        read.anew(outbound, &issuer).await
    }

    /// Reads it now, whatever is known.
    pub(super) async fn look(&self, outbound: &Outbound, typed: &str) -> Result<Facts, SsoError> {
        let issuer = metadata::typed(typed, outbound)?;
        let read = self.of(&issuer);
        let mut read = read.lock().await;
        read.anew(outbound, &issuer).await
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
        let read = self.of(&issuer);
        let mut read = read.lock().await;
        // Somebody else may have asked while this one waited.
        if let Some((_, facts)) = &read.facts
            && !Arc::ptr_eq(&facts.keys, &seen.keys)
        {
            return Ok(Some(facts.clone()));
        }
        if read.again.is_some_and(|at| !self.over(at, AGAIN)) {
            return Ok(None);
        }
        read.again = Some(Instant::now());
        read.anew(outbound, &issuer).await.map(Some)
    }
}

impl Read {
    async fn anew(&mut self, outbound: &Outbound, issuer: &str) -> Result<Facts, SsoError> {
        match ask(outbound, issuer).await {
            Ok(facts) => {
                self.facts = Some((Instant::now(), facts.clone()));
                self.failed = None;
                Ok(facts)
            }
            // What was known before stays good for its hour.
            Err(why) => {
                self.failed = Some((Instant::now(), why.clone()));
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
