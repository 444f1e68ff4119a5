//! Sign-ins by single sign-on that come to nothing: what the person is told, what is kept for administrators, and what stands
//! in the log.

use hyper::StatusCode;

use super::super::lines;
use super::sso_words::{Failed, capital, cut, settings_link, trouble};
use super::{Trouble, Ui, Visit};
use crate::directory::RefusedSignIn;
use crate::sso::SsoError;

impl Ui {
    /// Somebody is not let in: said to the person, kept for the administrators, and written into the log.
    pub(super) fn refused(&self, visit: &Visit<'_>, text: &str, name: Option<String>, why: &str) -> Trouble {
        if lines::may_write() {
            tracing::warn!(request = visit.id, address = %visit.address, person = ?name, why, "a sign-in by single sign-on was refused");
        }
        let name = name.map(|name| cut(&name));
        let one = RefusedSignIn { at: self.now(), address: visit.address, name, why: why.to_owned(), times: 1 };
        self.directory.store.activity(|a| a.sign_in_refused(one));
        trouble(StatusCode::FORBIDDEN, "You are not signed in", text)
    }

    /// Somebody came back, and nobody knows who. What only the browser says anybody could have made up: of that no word is
    /// shown but those of the protocol; the log has all of it.
    pub(super) fn came_back(&self, visit: &Visit<'_>, failed: &Failed) -> Trouble {
        let Failed::Said { sentence, whole, .. } = failed else {
            return self.in_vain(visit, failed.for_person(), &failed.whole());
        };
        if lines::may_write() {
            tracing::warn!(request = visit.id, address = %visit.address, browser_says = whole, "a sign-in by single sign-on came back without a good answer");
        }
        let why = sentence.clone();
        let one = RefusedSignIn { at: self.now(), address: visit.address, name: None, why, times: 1 };
        self.directory.store.activity(|a| a.sign_in_came_back(one));
        trouble(StatusCode::FORBIDDEN, "You are not signed in", failed.for_person())
    }

    /// A sign-in came to nothing before anybody knew whose it is. Whoever causes very many of these hides nobody who was
    /// refused.
    pub(super) fn in_vain(&self, visit: &Visit<'_>, text: &str, why: &str) -> Trouble {
        if lines::may_write() {
            tracing::warn!(request = visit.id, address = %visit.address, why, "a sign-in by single sign-on failed");
        }
        let one = RefusedSignIn { at: self.now(), address: visit.address, name: None, why: why.to_owned(), times: 1 };
        self.directory.store.activity(|a| a.sign_in_failed(one));
        trouble(StatusCode::FORBIDDEN, "You are not signed in", text)
    }

    /// The identity provider could not be asked.
    pub(super) fn unanswered(&self, visit: &Visit<'_>, error: &SsoError, is_test: bool) -> Trouble {
        let sentence = error.to_string();
        let text =
            "The identity provider cannot be asked at the moment. Try again later; your administrator can see why.";
        let refused = self.in_vain(visit, text, &sentence);
        match is_test {
            true => Trouble {
                link: Some(settings_link()),
                ..Trouble::new(StatusCode::BAD_GATEWAY, "The identity provider cannot be asked", capital(&sentence))
            },
            false => Trouble { status: StatusCode::BAD_GATEWAY, ..refused },
        }
    }

    pub(super) fn unsealed(&self, visit: &Visit<'_>, is_test: bool) -> Trouble {
        let why = "The client secret was sealed with another key file or for another provider. Enter it again in the settings of single sign-on.";
        let text = "Single sign-on does not work at the moment. Your administrator can see why.";
        let refused = self.in_vain(visit, text, why);
        match is_test {
            true => Trouble {
                link: Some(settings_link()),
                ..Trouble::new(StatusCode::CONFLICT, "Enter the client secret again", why)
            },
            false => Trouble { status: StatusCode::SERVICE_UNAVAILABLE, ..refused },
        }
    }

    /// A browser comes back with what it has not begun, or with what is over.
    pub(super) fn lost(&self, is_over: bool) -> Trouble {
        let base = &self.settings.pages_url;
        let text = match is_over {
            false => format!(
                "This browser has not begun to sign in here, or has done so already. If you opened these pages under another name, open them as {base}; if your browser refuses cookies, allow them for this site."
            ),
            true => "This sign-in was used already, or it took longer than ten minutes. Sign in once more.".to_owned(),
        };
        trouble(StatusCode::BAD_REQUEST, "This sign-in is over", text)
    }
}
