//! Who is signed in, and whether a form came from a page of ours.

use hyper::header::{HeaderMap, ORIGIN};
use hyper::http::HeaderName;

use super::cookies::Jar;
use super::proof::OwnedProof;
use super::views::Confirm;
use super::{Trouble, Ui, Visit};
use crate::directory::admins;
use crate::directory::who::{Who, still, whose};
use crate::directory::{AdminRow, Refusal, SessionRow, StoreError, Weight, Writer};
use crate::secret::{Key, digest_of, password, random_text};

/// Microseconds.
const MINUTE: i64 = 60 * 1_000_000;
/// Minutes without a request after which a session ends.
pub const IDLE_MINUTES: i64 = 15;
/// Minutes after which it ends in any case.
const LIFE_MINUTES: i64 = 8 * 60;
/// Minutes for the second factor.
const CODE_MINUTES: i64 = 5;
/// Minutes for which a password is as good as given just now.
const FRESH_MINUTES: i64 = 5;
/// Characters of a cookie: 256 bits and more.
const COOKIE: usize = 43;
/// What a sealed secret of a second factor is sealed for.
pub const SECOND_FACTOR: &str = "second factor";

/// Somebody who is signed in.
#[derive(Clone)]
pub struct Signed {
    /// Who.
    pub who: Who,
    /// In which browser.
    pub session: SessionRow,
    /// The value of the cookie.
    cookie: String,
    /// The browser does not have the cookie yet.
    pub is_new: bool,
}

impl Signed {
    /// What the forms of this session carry.
    pub fn csrf(&self, key: &Key) -> String {
        csrf_of(key, &self.cookie)
    }

    /// The header that gives the browser the cookie.
    pub fn cookie(&self, secure: bool) -> String {
        Jar::Session.set(&self.cookie, secure)
    }

    /// How change rows name whoever this is.
    pub fn by(&self) -> String {
        self.who.by()
    }

    /// The account, for what only administrators of the settings page have.
    pub fn admin(&self) -> Result<&AdminRow, Trouble> {
        self.who.admin().ok_or_else(Trouble::not_found)
    }

    /// Has somebody proved who they are within the last minutes?
    pub fn is_fresh(&self, now: i64) -> bool {
        now < self.session.authenticated.saturating_add(FRESH_MINUTES * MINUTE)
    }

    /// What a form about something grave has to ask for.
    pub fn confirm(&self, now: i64) -> Confirm {
        let admin = self.who.admin();
        Confirm {
            needed: !self.is_fresh(now),
            code: admin.is_some_and(|a| a.totp.is_some()),
            elsewhere: admin.is_none(),
            error: None,
        }
    }
}

/// The value that the forms of a session, or of a visit, carry. Without the key nobody can make it.
pub fn csrf_of(key: &Key, cookie: &str) -> String {
    key.sign("csrf", cookie.as_bytes()).iter().map(|b| format!("{b:02x}")).collect()
}

/// A browser that somebody has signed in with before carries this.
pub fn device_of(key: &Key, admin: &AdminRow) -> Option<String> {
    let nonce = random_text(16).ok()?;
    let signed = format!("{}.{nonce}", admin.id);
    let mark: String = key.sign("device", signed.as_bytes()).iter().map(|b| format!("{b:02x}")).collect();
    Some(format!("{signed}.{mark}"))
}

/// Was this made by [`device_of`] for this account?
pub fn is_device_of(key: &Key, admin: &AdminRow, cookie: &str) -> bool {
    let Some((signed, mark)) = cookie.rsplit_once('.') else { return false };
    let expected: String = key.sign("device", signed.as_bytes()).iter().map(|b| format!("{b:02x}")).collect();
    crate::secret::same_digest(expected.as_bytes(), mark.as_bytes())
        && signed.split_once('.').is_some_and(|(id, _)| id == admin.id.to_string())
}

/// Did a page of ours cause this request? Browsers say so in `Sec-Fetch-Site`, or else in `Origin`; who says nothing is
/// not believed. The name of the host counts as the browser gave it: a page under another name has none of our cookies.
pub fn is_own(headers: &HeaderMap, host: Option<&str>) -> bool {
    const SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
    let text = |name: &HeaderName| {
        let mut all = headers.get_all(name).iter();
        (all.next().and_then(|v| v.to_str().ok()), all.next().is_some())
    };
    let (site, twice) = text(&SITE);
    let (origin, origins) = text(&ORIGIN);
    if twice || origins || site.is_some_and(|site| site != "same-origin") {
        return false;
    }
    let same = |origin: &str| {
        let origin = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://"));
        origin.is_some_and(|o| host.is_some_and(|h| h.eq_ignore_ascii_case(o)))
    };
    match origin {
        // What browsers write for a form of a page that says no-referrer (Fetch, "append a request Origin header").
        None | Some("null") => site.is_some(),
        Some(origin) => same(origin),
    }
}

/// Does somebody look at the answer, in a window of a browser? Old browsers do not say; who says that it is for a part of
/// another page, or for later, is believed.
pub fn is_looked_at(headers: &HeaderMap) -> bool {
    const DEST: HeaderName = HeaderName::from_static("sec-fetch-dest");
    let mut ahead = ["sec-purpose", "purpose"].into_iter().flat_map(|name| headers.get_all(name));
    headers.get_all(DEST).iter().all(|dest| dest == "document")
        && !ahead.any(|v| v.to_str().is_ok_and(|v| v.to_ascii_lowercase().contains("prefetch")))
}

/// Has a page of another site led here? Then no cookie has come along that is for our own pages only.
pub fn is_from_another_site(headers: &HeaderMap) -> bool {
    headers.get_all("sec-fetch-site").iter().any(|site| site == "cross-site")
}

/// Has a session not ended by itself?
fn is_live(session: &SessionRow, now: i64) -> bool {
    let idle = if session.complete { IDLE_MINUTES } else { CODE_MINUTES } * MINUTE;
    session.expires > now && session.seen.saturating_add(idle) > now
}

/// Is somebody signed in with it?
pub fn is_open(session: &SessionRow, now: i64) -> bool {
    session.complete && is_live(session, now)
}

impl Ui {
    /// Who sent this request; with `complete`, only who has given everything that was asked for.
    ///
    /// Unless it is the page refreshing itself, this counts as a sign of life.
    pub async fn signed(&self, visit: &Visit<'_>, complete: bool) -> Result<Option<Signed>, Trouble> {
        let Some(cookie) = Jar::Session.find(visit.headers, visit.secure) else { return Ok(None) };
        let digest = digest_of(&cookie);
        let (asked, site) = (digest.clone(), self.directory.site.clone());
        let found = self.directory.store.read(move |reader| {
            let found = whose(reader, &site, &asked)?;
            Ok::<_, StoreError>(found.map(|(session, who)| (session, who, reader.now())))
        });
        let Some((session, who, now)) = found.await? else { return Ok(None) };
        if session.complete != complete || !is_live(&session, now) {
            return Ok(None);
        }
        if complete && !visit.headers.contains_key("x-live") {
            self.directory.store.activity(|a| a.used(&digest, now));
        }
        Ok(Some(Signed { who, session, cookie, is_new: false }))
    }

    /// A session that is not stored yet.
    pub fn fresh_session(&self, visit: &Visit<'_>, who: Who, complete: bool) -> Result<Signed, Trouble> {
        let cookie = random_text(COOKIE).map_err(|_| Trouble::broken())?;
        let now = self.now();
        let life = if complete { LIFE_MINUTES } else { CODE_MINUTES } * MINUTE;
        let session = SessionRow {
            digest: digest_of(&cookie),
            owner: who.owner(),
            complete,
            created: now,
            authenticated: now,
            seen: now,
            expires: now.saturating_add(life),
            address: visit.address.to_string(),
            client: visit.client.to_owned(),
            id_token: None,
        };
        Ok(Signed { who, session, cookie, is_new: true })
    }

    /// Opens a session for somebody whose password was right; the one that this browser had before ends. `None`: the
    /// password was changed in the meantime.
    pub async fn open(&self, visit: &Visit<'_>, admin: &AdminRow, complete: bool) -> Result<Option<Signed>, Trouble> {
        let signed = self.fresh_session(visit, Who::Admin(admin.clone()), complete)?;
        let (admin, session) = (admin.clone(), signed.session.clone());
        let before = Jar::Session.find(visit.headers, visit.secure).map(|cookie| digest_of(&cookie));
        let opened = self.directory.store.write(Weight::Light, move |writer| {
            let opened = admins::open_session(writer, &admin, &session)?;
            if let (true, Some(before)) = (opened, before) {
                writer.end_session(&before)?;
            }
            Ok::<_, Refusal>(opened)
        });
        Ok(opened.await?.then_some(signed))
    }

    /// Puts a new session with the password just given in the place of this one. `proof`, if there is one, is used up.
    /// `None`: it is not good, or was used before.
    pub async fn renew(
        &self,
        visit: &Visit<'_>,
        old: &Signed,
        proof: Option<OwnedProof>,
    ) -> Result<Option<Signed>, Trouble> {
        let admin = old.admin()?.clone();
        let mut signed = self.fresh_session(visit, Who::Admin(admin.clone()), true)?;
        // Whoever confirms who they are gains no time.
        if old.session.complete {
            signed.session.expires = old.session.expires;
            signed.session.created = old.session.created;
        }
        let (session, digest) = (signed.session.clone(), old.session.digest.clone());
        let renewed = self.directory.store.write(Weight::Light, move |writer| {
            if let Some(proof) = &proof
                && !admins::use_proof(writer, &admin, proof.borrowed())?
            {
                return Ok(false);
            }
            Ok::<_, Refusal>(admins::exchange_session(writer, &digest, &admin, &session)?)
        });
        Ok(renewed.await?.then_some(signed))
    }

    /// Writes something on behalf of somebody who is signed in. `None`: the session has ended, or what protects the account
    /// has changed, since that was looked at; nothing was done.
    pub async fn change<T: Send + 'static>(
        &self,
        signed: &Signed,
        write: impl FnOnce(&mut Writer<'_>) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<Option<T>, Refusal> {
        self.change_weighing(Weight::Light, signed, write).await
    }

    /// The same for what may be heavy.
    pub async fn change_weighing<T: Send + 'static>(
        &self,
        weight: Weight,
        signed: &Signed,
        write: impl FnOnce(&mut Writer<'_>) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<Option<T>, Refusal> {
        let (who, digest, site) = (signed.who.clone(), signed.session.digest.clone(), self.directory.site.clone());
        let write = self.directory.store.write(weight, move |writer| match still(writer, &site, &who, &digest)? {
            true => write(writer).map(Some),
            false => Ok(None),
        });
        write.await
    }

    /// Is this the password behind a PHC string? Waits for its turn.
    pub async fn verify(&self, given: &str, stored: &str) -> Result<bool, Trouble> {
        let _place = self.gate.hashing.acquire().await.map_err(|_| Trouble::broken())?;
        let (given, stored) = (given.to_owned(), stored.to_owned());
        tokio::task::spawn_blocking(move || password::verify(&given, &stored)).await.map_err(|_| Trouble::broken())
    }

    /// The PHC string of a password. Waits for its turn.
    pub async fn hash(&self, given: &str) -> Result<String, Trouble> {
        let _place = self.gate.hashing.acquire().await.map_err(|_| Trouble::broken())?;
        let given = given.to_owned();
        let hash = tokio::task::spawn_blocking(move || password::hash(&given)).await;
        hash.map_err(|_| Trouble::broken())?.map_err(|_| Trouble::broken())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own(pairs: &[(&'static str, &'static str)]) -> bool {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, value.parse().unwrap());
        }
        let host = headers.remove("host");
        is_own(&headers, host.as_ref().and_then(|h| h.to_str().ok()))
    }

    #[test]
    fn only_our_own_pages_cause_changes() {
        assert!(own(&[("host", "a:1"), ("sec-fetch-site", "same-origin")]));
        assert!(own(&[("host", "a:1"), ("origin", "http://a:1")]));
        assert!(own(&[("host", "a:1"), ("origin", "https://A:1"), ("sec-fetch-site", "same-origin")]));
        assert!(own(&[("host", "a:1"), ("origin", "null"), ("sec-fetch-site", "same-origin")]));
        for foreign in [
            &[("host", "a:1")][..],
            &[("host", "a:1"), ("sec-fetch-site", "cross-site")],
            &[("host", "a:1"), ("sec-fetch-site", "same-site"), ("origin", "http://a:1")],
            &[("host", "a:1"), ("sec-fetch-site", "none")],
            &[("host", "a:1"), ("origin", "http://b:1")],
            &[("host", "a:1"), ("origin", "http://a:2")],
            &[("host", "a:1"), ("origin", "null")],
            &[("host", "a:1"), ("origin", "http://a:1"), ("origin", "http://b:1")],
            &[("host", "a:1"), ("origin", "http://b:1"), ("sec-fetch-site", "same-origin")],
            &[("origin", "http://a:1")],
        ] {
            assert!(!own(foreign), "{foreign:?}");
        }
    }

    #[test]
    fn what_somebody_looks_at_is_told_from_pictures_frames_and_looks_ahead() {
        let headers = |pairs: &[(&'static str, &'static str)]| {
            let all = pairs.iter().map(|(n, v)| (HeaderName::from_static(n), v.parse().unwrap()));
            all.collect::<HeaderMap>()
        };
        assert!(is_looked_at(&headers(&[])) && is_looked_at(&headers(&[("sec-fetch-dest", "document")])));
        for other in ["image", "iframe", "empty", "script", "embed", ""] {
            assert!(!is_looked_at(&headers(&[("sec-fetch-dest", other)])), "{other}");
        }
        for (name, value) in [("sec-purpose", "prefetch;prerender"), ("purpose", "Prefetch")] {
            assert!(!is_looked_at(&headers(&[("sec-fetch-dest", "document"), (name, value)])), "{name}");
        }
        assert!(is_from_another_site(&headers(&[("sec-fetch-site", "cross-site")])));
        for own in ["same-origin", "same-site", "none"] {
            assert!(!is_from_another_site(&headers(&[("sec-fetch-site", own)])), "{own}");
        }
    }
}
