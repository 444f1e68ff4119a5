//! `/`: how it all stands, on one page.

use askama::Template;
use hyper::StatusCode;

use super::guides::Step;
use super::session::Signed;
use super::state::{Certificate, DAY, SOON, State, counted, days_until};
use super::views::{Count, Frame, Link, Moment, Warning};
use super::{Outcome, Ui, Visit, html};
use crate::clock::date_time;
use crate::directory::overview::{Standing, standing};
use crate::directory::provisioning::{Provisioning, unmet};
use crate::directory::sso::open_secret;
use crate::directory::{AdminRow, Scope, StoreError, Tally, TokenRow, TokenStatus};

const HOUR: i64 = 3600 * 1_000_000;
const DAYS: i64 = 7;
/// Hours of one bar.
const HOURS: i64 = 6;
/// Height of the highest bar above the line, and below it.
const ABOVE: u64 = 100;
const BELOW: u64 = 28;

/// A bar of the chart: x, and top and height of both parts, in the units of its drawing.
#[derive(Debug, Clone)]
pub struct Bar {
    /// From the left.
    pub x: u32,
    /// Top of the requests that were answered.
    pub top: u32,
    /// Height of those.
    pub height: u32,
    /// Height of those that were refused, below the line.
    pub refused: u32,
}

/// A day of the chart.
#[derive(Debug, Clone)]
pub struct Day {
    /// `Mon 23`
    pub short: String,
    /// `2026-11-23`
    pub date: String,
    /// Requests that were answered.
    pub answered: Count,
    /// And refused.
    pub refused: Count,
}

/// Requests of the last seven days. The drawing is 672 wide and 136 high; the line is at 105.
#[derive(Debug, Clone)]
pub struct Chart {
    /// Six hours each, the earliest first.
    pub bars: Vec<Bar>,
    /// The days, the earliest first.
    pub days: Vec<Day>,
    /// All that were answered.
    pub answered: Count,
    /// And refused.
    pub refused: Count,
}

/// How it all stands.
#[derive(Template)]
#[template(path = "overview.html", config = "assets/askama.toml")]
pub struct Overview {
    /// Around it.
    pub frame: Frame,
    /// How provisioning stands.
    pub state: State,
    /// How many there are.
    pub standing: Standing,
    /// What needs attention.
    pub attention: Vec<Warning>,
    /// What was asked in the last days; nothing yet: there is none.
    pub chart: Option<Chart>,
    /// What to do next, until the first request has come.
    pub steps: Vec<Step>,
    /// The certificate, if the server has one.
    pub certificate: Option<Certificate>,
    /// The database file.
    pub database: String,
    /// Its size, for people.
    pub size: String,
    /// Since when the server runs.
    pub since: Moment,
}

impl Ui {
    /// `/`
    pub(super) async fn overview(&self, visit: &Visit<'_>, signed: &Signed) -> Outcome {
        let read = self
            .directory
            .store
            .read(|reader| Ok::<_, StoreError>((standing(reader)?, reader.tokens()?, reader.admins()?)));
        let (standing, tokens, admins) = read.await?;
        let now = self.now();
        let state = self.state(&standing, &tokens);
        let hours = self.directory.store.activity(|a| a.hours_since(now - (DAYS + 1) * DAY));
        // The latest changes stand in the log beside it.
        let mut log = self.settings.database.clone().into_os_string();
        log.push("-wal");
        let size = [self.settings.database.as_os_str(), &log]
            .iter()
            .filter_map(|f| std::fs::metadata(f).ok())
            .map(|m| m.len())
            .sum();
        let title = match standing.state {
            Provisioning::On => "Overview: provisioning is on",
            Provisioning::Off => "Overview: provisioning is off",
            Provisioning::Paused => "Overview: provisioning is paused",
            Provisioning::ReadOnly => "Overview: provisioning is read-only",
        };
        let mut attention = self.attention(&state, &standing, &tokens, &admins, now);
        attention.splice(0..0, self.idle_warning().await?);
        let page = Overview {
            frame: self.frame(visit, signed, "overview", title).await?,
            attention,
            chart: (!hours.is_empty()).then(|| chart(&hours, now)),
            steps: if state.last.is_none() { self.next_steps(&standing, &tokens, &admins) } else { Vec::new() },
            certificate: self.certificate(),
            database: self.settings.database.display().to_string(),
            size: bytes(size),
            since: Moment(self.started),
            state,
            standing,
        };
        html(StatusCode::OK, &page)
    }

    fn attention(
        &self,
        state: &State,
        standing: &Standing,
        tokens: &[TokenRow],
        admins: &[AdminRow],
        now: i64,
    ) -> Vec<Warning> {
        let mut list = Vec::new();
        let mut say = |text: String, href: &str, words: &str| {
            list.push(Warning { text, link: Some(Link { href: href.to_owned(), words: words.to_owned() }) });
        };
        if standing.handovers > 0 {
            let have = counted(standing.handovers, "person has", "people have");
            say(format!("{have} left without a hand-over."), "/handovers", "Look at them");
        }
        let live = tokens.iter().filter(|t| t.status(now) == TokenStatus::Live);
        for (token, end) in live.filter_map(|t| Some((t, t.expires.filter(|end| *end <= now + SOON * DAY)?))) {
            let days = counted(u64::try_from(days_until(end, now)).unwrap_or(0), "day", "days");
            say(format!("The token {} expires in {days}.", token.name), "/provisioning#tokens", "Rotate it");
        }
        if state.errors > 0 {
            let were = counted(state.errors, "request was", "requests were");
            say(format!("{were} refused in the last 24 hours."), "/requests?status=refused", "Look at them");
        }
        let strangers = self.directory.store.activity(|a| a.strangers_since(now - DAY));
        if strangers > 0 {
            let came = match strangers {
                100.. => "100 requests or more".to_owned(),
                n => counted(n as u64, "request", "requests"),
            };
            say(
                format!("{came} without a good token came in the last 24 hours."),
                "/requests?status=401",
                "Look at them",
            );
        }
        let refused = self.directory.store.activity(|a| a.refused_sign_ins());
        let refused: u64 = refused.iter().filter(|r| r.at >= now - DAY).map(|r| r.times).sum();
        if refused > 0 {
            let were = counted(refused, "sign-in was", "sign-ins were");
            say(format!("{were} refused in the last 24 hours."), "/sso#refused", "See why");
        }
        let word = standing.acknowledged.is_some();
        let unmet = unmet(standing.state, &standing.sso, word, self.settings.precondition);
        if let Some(unmet) = &unmet {
            say(unmet.clone(), "/sso", "Set up single sign-on");
        }
        if standing.sso.unreadable {
            let text = "How single sign-on is set up cannot be read, so nobody can sign in by it.";
            say(text.to_owned(), "/sso", "Set it up again");
        }
        if let (true, Some(settings)) = (standing.sso.is_on(), &standing.sso.settings) {
            let sealed = settings.secret.is_some() && open_secret(&self.directory.key, settings).is_none();
            if sealed {
                let text = "Nobody can sign in by single sign-on: the key file is another one.";
                say(text.to_owned(), "/sso", "Enter the client secret again");
            } else if !settings.is_tested() && unmet.is_none() {
                let text = "The last test of single sign-on was not good.";
                say(text.to_owned(), "/sso", "Test it");
            }
        }
        if admins.len() < 2 {
            say("Only one administrator can sign in here; two are better.".to_owned(), "/admins", "Add one");
        }
        if admins.iter().all(|a| a.totp.is_none()) {
            say("No administrator has a second factor.".to_owned(), "/account/second-factor", "Set one up");
        }
        list
    }

    /// The way from a new appliance to the first request.
    fn next_steps(&self, standing: &Standing, tokens: &[TokenRow], admins: &[AdminRow]) -> Vec<Step> {
        let now = self.now();
        let has_token = tokens.iter().any(|t| t.scope == Scope::Scim.name() && t.status(now) == TokenStatus::Live);
        let guarded = admins.len() > 1 || admins.iter().any(|a| a.totp.is_some());
        let url = &self.settings.public_url;
        let steps = [
            (true, "Create the first administrator", "That is done: you are here.".to_owned(), None),
            (
                has_token,
                "Create a token",
                "Your identity provider shows it with every request.".to_owned(),
                Some(("/tokens/new", "Create a token")),
            ),
            (
                self.missing(standing).is_none(),
                "Set up single sign-on",
                "The identity provider signs people in, before it manages them. You can go on without.".to_owned(),
                Some(("/sso", "Set it up")),
            ),
            (
                standing.state == Provisioning::On,
                "Turn provisioning on",
                "Until then every request is refused.".to_owned(),
                Some(("/provisioning", "Go to provisioning")),
            ),
            (
                false,
                "Connect your identity provider",
                format!(
                    "Paste {url}{} and the token into Okta, Entra ID or another one. This page says when its first request has come.",
                    super::super::BASE
                ),
                Some(("/provisioning#connect", "See how")),
            ),
            (
                guarded,
                "Protect your sign-in",
                "Set up a second factor, or add a second administrator: then a lost password locks nobody out."
                    .to_owned(),
                Some(("/account/second-factor", "Set up a second factor")),
            ),
        ];
        let first = steps.iter().position(|(done, ..)| !done);
        let mut all = Vec::new();
        for (i, (done, title, text, link)) in steps.into_iter().enumerate() {
            all.push(Step {
                number: i + 1,
                title: title.to_owned(),
                text,
                values: Vec::new(),
                link: link
                    .filter(|_| !done)
                    .map(|(href, words)| Link { href: href.to_owned(), words: words.to_owned() }),
                kind: match (done, first == Some(i)) {
                    (true, _) => "done",
                    (false, true) => "now",
                    (false, false) => "",
                },
                seen: None,
                waits: false,
            });
        }
        all
    }
}

/// The requests of the last seven days, in bars of six hours.
fn chart(hours: &[(i64, Tally)], now: i64) -> Chart {
    let today = now.div_euclid(DAY);
    let sum = |from: i64, to: i64| {
        let within = hours.iter().filter(|(hour, _)| (from..to).contains(hour));
        within.fold((0, 0), |(a, r), (_, tally)| (a + tally.answered, r + tally.refused))
    };
    let per_day = 24 / HOURS;
    let first = (today - DAYS + 1) * 24;
    let sums: Vec<(u64, u64)> = (0..DAYS * per_day).map(|i| sum(first + i * HOURS, first + (i + 1) * HOURS)).collect();
    let most = sums.iter().map(|(a, _)| *a).max().unwrap_or(0).max(1);
    let most_refused = sums.iter().map(|(_, r)| *r).max().unwrap_or(0).max(1);
    // What is there is seen: at least two units high.
    let height = |n: u64, most: u64, all: u64| if n == 0 { 0 } else { (n * all / most).max(2) };
    let bar = |(i, (answered, refused)): (usize, &(u64, u64))| {
        let high = height(*answered, most, ABOVE);
        let small = |n: u64| u32::try_from(n).unwrap_or(0);
        Bar {
            x: small(i as u64) * 24 + 3,
            top: small(ABOVE + 4 - high),
            height: small(high),
            refused: small(height(*refused, most_refused, BELOW)),
        }
    };
    let day = |d: i64| {
        let start = (today - DAYS + 1 + d) * 24;
        let (answered, refused) = sum(start, start + 24);
        let date: String = date_time(start * HOUR).chars().take(10).collect();
        Day { short: short(&date), date, answered: Count(answered), refused: Count(refused) }
    };
    let days: Vec<Day> = (0..DAYS).map(day).collect();
    Chart {
        bars: sums.iter().enumerate().map(bar).collect(),
        answered: Count(days.iter().map(|d| d.answered.0).sum()),
        refused: Count(days.iter().map(|d| d.refused.0).sum()),
        days,
    }
}

/// `26 Nov` of `2026-11-26`: everybody reads that the same way.
fn short(date: &str) -> String {
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let mut parts = date.split('-').skip(1).map(|n| n.parse::<usize>().unwrap_or(0));
    let (month, day) = (parts.next().unwrap_or(0), parts.next().unwrap_or(0));
    format!("{day} {}", month.checked_sub(1).and_then(|m| MONTHS.get(m)).unwrap_or(&""))
}

/// A size for people.
fn bytes(n: u64) -> String {
    match n {
        0..10_000 => format!("{} bytes", Count(n)),
        10_000..1_000_000 => format!("{} kB", n / 1000),
        1_000_000..1_000_000_000 => format!("{}.{} MB", n / 1_000_000, n / 100_000 % 10),
        _ => format!("{}.{} GB", n / 1_000_000_000, n / 100_000_000 % 10),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_chart_holds_every_request_of_seven_days_once() {
        let now = 20_000 * DAY + 13 * HOUR;
        let hour = |back: i64| (now.div_euclid(HOUR) - back, Tally { answered: 10, refused: 1 });
        let hours: Vec<_> = [0, 1, 6, 24, 156].map(hour).into_iter().collect();
        let chart = chart(&hours, now);
        assert_eq!((chart.bars.len(), chart.days.len(), chart.answered.0, chart.refused.0), (28, 7, 50, 5));
        assert_eq!((chart.days[6].short.as_str(), chart.days[6].date.as_str()), ("4 Oct", "2024-10-04"));
        assert!(chart.bars.iter().all(|b| b.top + b.height <= 104 && b.refused <= 28));
        let early = [hour(170)];
        assert_eq!(super::chart(&early, now).answered.0, 0, "what is older is not in it");
    }

    #[test]
    fn sizes_are_for_people() {
        let shown = [0, 9_999, 18_400, 1_250_000, 2_340_000_000].map(bytes);
        assert_eq!(shown, ["0 bytes", "9,999 bytes", "18 kB", "1.2 MB", "2.3 GB"]);
    }
}
