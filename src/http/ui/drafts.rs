//! What somebody typed who has to prove first who that is, at the identity provider: kept in memory meanwhile, for the
//! session that comes out of it. It goes into no page, so neither does a secret in it.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use askama::Template;
use hyper::StatusCode;

use super::form::Form;
use super::session::Signed;
use super::views::{Frame, Link};
use super::{Outcome, Trouble, Ui, Visit, html, redirect};
use crate::secret::{random_text, same_digest};

/// Where one goes on with it.
pub const CONFIRMED: &str = "/confirmed";
/// For how long it is kept, in microseconds.
const WAIT: i64 = 10 * 60 * 1_000_000;
/// Forms that are kept, at most, and bytes of each.
const MOST: usize = 64;
const LONGEST: usize = 64 << 10;

/// A form that waits.
#[derive(Clone)]
pub struct Draft {
    session: Vec<u8>,
    number: String,
    path: String,
    query: String,
    form: Form,
    at: i64,
}

/// What became of a form that was to be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// It waits.
    Yes,
    /// There is nothing in it: its page, which says what the button does, is as good.
    Nothing,
    /// It is too long.
    TooLong,
}

/// All of them; one for each session.
#[derive(Default)]
pub struct Drafts(Mutex<VecDeque<Draft>>);

/// Somebody has proved who that is, and may go on.
#[derive(Template)]
#[template(path = "confirmed.html", config = "assets/askama.toml")]
struct Confirmed {
    frame: Frame,
    number: String,
    /// The page on which it was typed.
    path: String,
}

impl Drafts {
    fn held(&self) -> MutexGuard<'_, VecDeque<Draft>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps a form for whoever sent it.
    pub fn keep(&self, visit: &Visit<'_>, signed: &Signed, form: &Form, now: i64) -> Kept {
        let Ok(number) = random_text(20) else { return Kept::Nothing };
        self.put(Draft {
            session: signed.session.digest.clone(),
            number,
            path: visit.path.to_owned(),
            query: visit.query.to_owned(),
            form: form.clone(),
            at: now,
        })
    }

    fn put(&self, draft: Draft) -> Kept {
        let mut all = self.held();
        all.retain(|d| d.session != draft.session && is_alive(d, draft.at));
        if draft.form.is_empty() {
            return Kept::Nothing;
        }
        if draft.form.length() + draft.path.len() + draft.query.len() > LONGEST {
            return Kept::TooLong;
        }
        if all.len() >= MOST {
            all.pop_front();
        }
        all.push_back(draft);
        Kept::Yes
    }

    /// One session has taken the place of another: what was typed on this page is for the new one. False: nothing was.
    pub fn follow(&self, old: &[u8], new: &[u8], page: &str, now: i64) -> bool {
        let page = page.split('?').next().unwrap_or_default();
        let mut all = self.held();
        all.retain(|d| is_alive(d, now));
        match all.iter_mut().find(|d| d.session == old) {
            Some(draft) => {
                draft.session = new.to_owned();
                draft.path == page
            }
            None => false,
        }
    }

    /// What waits for this session.
    pub fn find(&self, session: &[u8], now: i64) -> Option<Draft> {
        self.held().iter().find(|d| d.session == session && is_alive(d, now)).cloned()
    }

    /// The same, used up, if it is the one of this number.
    pub fn take(&self, session: &[u8], number: &str, now: i64) -> Option<Draft> {
        let mut all = self.held();
        let is_it = |d: &Draft| d.session == session && same_digest(d.number.as_bytes(), number.as_bytes());
        let found = all.iter().position(|d| is_it(d) && is_alive(d, now))?;
        all.remove(found)
    }
}

fn is_alive(draft: &Draft, now: i64) -> bool {
    now < draft.at.saturating_add(WAIT)
}

impl Ui {
    /// `/confirmed`: it is you, and what you typed is still there. Sent, it is as if the form had been sent now.
    pub(super) async fn confirmed_page(&self, visit: &Visit<'_>, signed: &Signed) -> Outcome {
        let Some(draft) = self.drafts.find(&signed.session.digest, self.now()) else { return Err(gone()) };
        if signed.who.admin().is_none() && !signed.is_fresh(self.now()) {
            let back: String = form_urlencoded::byte_serialize(draft.path.as_bytes()).collect();
            return Ok(redirect(&format!("/sign-in/sso?again={back}")));
        }
        let page = Confirmed {
            frame: self.frame(visit, signed, "", "It is you").await?,
            number: draft.number,
            path: draft.path,
        };
        html(StatusCode::OK, &page)
    }

    /// Goes on with what was typed.
    pub(super) async fn go_on(&self, visit: &Visit<'_>, signed: Signed, form: &Form) -> Outcome {
        let Some(draft) = self.drafts.take(&signed.session.digest, form.get("number"), self.now()) else {
            return Err(gone());
        };
        let visit = Visit { path: &draft.path, query: &draft.query, sent: Some(&draft.form), ..*visit };
        let segments: Vec<&str> = draft.path.trim_start_matches('/').split('/').collect();
        Box::pin(self.routed(&visit, &segments, signed, Some(draft.form.clone()))).await
    }
}

fn gone() -> Trouble {
    let text = "What you typed is kept for ten minutes, and sent once. Nothing was changed if you did not send it already: look at the page, and type it again.";
    let link = Link { href: "/".to_owned(), words: "Go to the overview".to_owned() };
    Trouble { link: Some(link), ..Trouble::new(StatusCode::CONFLICT, "There is nothing to go on with", text) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draft(session: &str, number: &str, length: usize, at: i64) -> Draft {
        let form = Form::of([("x".to_owned(), "y".repeat(length))].into_iter());
        let (session, number) = (session.as_bytes().to_owned(), number.to_owned());
        Draft { session, number, path: "/admins".to_owned(), query: String::new(), form, at }
    }

    #[test]
    fn what_was_typed_is_its_sessions_and_sent_once_and_soon() {
        let drafts = Drafts::default();
        assert_eq!(
            (drafts.put(draft("ada", "1", 10, 0)), drafts.put(draft("bob", "2", 10, 0))),
            (Kept::Yes, Kept::Yes)
        );
        assert!(drafts.take(b"eve", "1", 1).is_none() && drafts.take(b"ada", "2", 1).is_none());
        assert!(drafts.follow(b"ada", b"ada2", "/admins?x", 1) && drafts.find(b"ada", 1).is_none());
        assert!(!drafts.follow(b"nobody", b"ada3", "/admins", 1) && !drafts.follow(b"bob", b"bob2", "/people", 1));
        assert!(drafts.find(b"ada2", 1).is_some() && drafts.take(b"ada2", "1", 1).is_some());
        assert!(drafts.take(b"ada2", "1", 1).is_none(), "once");
        assert!(drafts.find(b"bob2", WAIT).is_none() && drafts.take(b"bob2", "2", WAIT).is_none(), "soon");
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let drafts = Drafts::default();
        assert_eq!(drafts.put(draft("ada", "1", 10, 0)), Kept::Yes);
        assert_eq!(drafts.put(draft("ada", "2", LONGEST, 0)), Kept::TooLong);
        assert!(drafts.find(b"ada", 1).is_none(), "the one of before is not it");
        let mut empty = draft("ada", "3", 10, 0);
        empty.form = Form::of(["csrf", "confirm-password"].map(|n| (n.to_owned(), "x".to_owned())).into_iter());
        assert_eq!(drafts.put(empty), Kept::Nothing);
        for n in 0..3 * MOST {
            assert_eq!(drafts.put(draft(&n.to_string(), "1", 10, 0)), Kept::Yes);
        }
        assert_eq!(drafts.held().len(), MOST);
        assert_eq!(drafts.put(draft("ada", "1", 10, WAIT)), Kept::Yes);
        assert_eq!(drafts.held().len(), 1, "what is over is forgotten");
    }
}
