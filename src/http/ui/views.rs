//! What several pages show. What one page shows stands in its own file, as a struct with its template in `assets/templates`,
//! which escapes every text: what an identity provider has sent is text, whatever stands in it.

use std::fmt;

use askama::Template;
use askama::filters::HtmlSafe;

use crate::clock::date_time;

/// A point in time, in microseconds since 1970. Without JavaScript it reads as date and time in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment(pub i64);

impl Moment {
    /// `2026-11-23T17:00:00Z`
    fn machine(self) -> String {
        let mut text: String = date_time(self.0).chars().take(19).collect();
        text.push('Z');
        text
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let machine = self.machine();
        let (day, clock) = (machine.get(..10).unwrap_or(""), machine.get(11..16).unwrap_or(""));
        write!(f, "<time datetime=\"{machine}\">{day} {clock} UTC</time>")
    }
}

impl HtmlSafe for Moment {}

/// The same to the second, which stays a date when JavaScript makes others into "2 minutes ago".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exact(pub i64);

impl fmt::Display for Exact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let machine = Moment(self.0).machine();
        let (day, clock) = (machine.get(..10).unwrap_or(""), machine.get(11..19).unwrap_or(""));
        write!(f, "<time datetime=\"{machine}\" data-time=\"exact\">{day} {clock} UTC</time>")
    }
}

impl HtmlSafe for Exact {}

/// A number with its thousands apart: 1,284.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Count(pub u64);

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.0.to_string();
        for (i, digit) in digits.chars().enumerate() {
            if i > 0 && (digits.len() - i).is_multiple_of(3) {
                f.write_str(",")?;
            }
            write!(f, "{digit}")?;
        }
        Ok(())
    }
}

impl HtmlSafe for Count {}

/// A link beside a sentence.
#[derive(Debug, Clone)]
pub struct Link {
    /// Where it leads: a path of this server.
    pub href: String,
    /// What it says.
    pub words: String,
}

/// A sentence that somebody should read, with what to do about it.
#[derive(Debug, Clone)]
pub struct Warning {
    /// The sentence.
    pub text: String,
    /// What to do about it.
    pub link: Option<Link>,
}

/// What all pages have around them.
#[derive(Debug, Clone)]
pub struct Frame {
    /// The title of the page.
    pub title: String,
    /// The entry of the navigation that it belongs to: `overview`, `provisioning`, `people`, `groups`, `requests`,
    /// `admins`, `account` for what belongs to whoever looks, or nothing.
    pub nav: &'static str,
    /// Who is signed in; nobody: there is no navigation.
    pub who: Option<String>,
    /// Where whoever is signed in finds what belongs to him or her: `/account`, or `/me`.
    pub own: &'static str,
    /// Whoever is signed in may open the settings page.
    pub manages: bool,
    /// The page that this is, for those who come back to it.
    pub here: String,
    /// What every form carries.
    pub csrf: String,
    /// The paths of the stylesheet, the script and the icon.
    pub css: String,
    /// See `css`.
    pub js: String,
    /// See `css`.
    pub icon: String,
    /// What everybody who is signed in should know.
    pub warnings: Vec<Warning>,
    /// After so many minutes without a request the session ends.
    pub idle_minutes: i64,
}

impl Frame {
    /// The version of the program, for those who are signed in.
    pub fn version(&self) -> &'static str {
        env!("CARGO_PKG_VERSION")
    }

    /// Is this the entry of the navigation that the page belongs to?
    pub fn is_at(&self, nav: &str) -> bool {
        self.nav == nav
    }
}

/// What somebody who is about to do something grave is asked for, unless it was asked within the last minutes.
#[derive(Debug, Clone, Default)]
pub struct Confirm {
    /// It is asked for.
    pub needed: bool,
    /// A code of the second factor as well.
    pub code: bool,
    /// It is asked for at the identity provider: whoever looks has no password here.
    pub elsewhere: bool,
    /// What was wrong with what was given.
    pub error: Option<String>,
}

/// Where a list goes on.
#[derive(Debug, Clone)]
pub struct Pager {
    /// `1 to 25 of 1,345`
    pub text: String,
    /// The page before.
    pub previous: Option<String>,
    /// The page after.
    pub next: Option<String>,
}

/// Some attributes under a heading.
#[derive(Debug, Clone)]
pub struct Facts {
    /// The id of the heading.
    pub id: String,
    /// The heading.
    pub title: String,
    /// Name and value.
    pub rows: Vec<(String, Shown)>,
}

/// A value of an attribute.
#[derive(Debug, Clone)]
pub enum Shown {
    /// Text.
    Text(String),
    /// A URL that may be followed: http or https.
    Url(String),
    /// Somebody or something here.
    Here(Link),
}

/// Something did not work.
#[derive(Template)]
#[template(path = "failure.html", config = "assets/askama.toml")]
pub struct Failure {
    /// Around it.
    pub frame: Frame,
    /// What, as a heading.
    pub heading: String,
    /// What to do.
    pub text: String,
    /// A way out.
    pub link: Option<Link>,
    /// The id of the request, for the log.
    pub request: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_numbers_read_without_a_script() {
        let at = 1_795_453_200_000_001;
        assert_eq!(Moment(at).to_string(), "<time datetime=\"2026-11-23T17:00:00Z\">2026-11-23 17:00 UTC</time>");
        assert!(Exact(at).to_string().contains("data-time=\"exact\">2026-11-23 17:00:00 UTC<"));
        let shown = [0, 999, 1000, 1_234_567].map(|n| Count(n).to_string());
        assert_eq!(shown, ["0", "999", "1,000", "1,234,567"]);
    }
}
