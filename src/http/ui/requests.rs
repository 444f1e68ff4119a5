//! `/requests`: the last exchanges with identity providers, and the same as JSON for scripts.

use askama::Template;
use hyper::StatusCode;

use super::lists::{pager, with_query};
use super::session::Signed;
use super::views::{Exact, Frame, Pager};
use super::{Outcome, Ui, Visit, html, redirect};
use crate::directory::{Exchanged, TokenRow};

/// Exchanges of one page.
const SIZE: u64 = 50;

/// One exchange.
#[derive(Debug, Clone)]
pub struct Exchange {
    /// When.
    pub at: Exact,
    /// The User-Agent.
    pub client: String,
    /// Where it came from.
    pub address: String,
    /// The name of the token; nothing: there was no good one.
    pub token: String,
    /// The method.
    pub method: String,
    /// The path without values.
    pub path: String,
    /// `ok`, `warn` or `bad`.
    pub kind: &'static str,
    /// `409 Conflict`
    pub status: String,
    /// For people.
    pub detail: String,
    /// The id of the request.
    pub request: String,
    /// How long it took: `1.4 ms`.
    pub took: String,
}

/// A choice of a list, and whether it is the present one.
#[derive(Debug, Clone)]
pub struct Choice {
    /// What is sent.
    pub value: String,
    /// What is shown.
    pub words: String,
    /// It is the present one.
    pub current: bool,
}

/// Requests.
#[derive(Template)]
#[template(path = "requests.html", config = "assets/askama.toml")]
pub struct Requests {
    /// Around it.
    pub frame: Frame,
    /// The client that is looked for.
    pub client: String,
    /// Methods to choose from.
    pub methods: Vec<Choice>,
    /// Kinds of status to choose from.
    pub statuses: Vec<Choice>,
    /// Tokens to choose from.
    pub tokens: Vec<Choice>,
    /// Those that were found.
    pub entries: Vec<Exchange>,
    /// Sign-ins by single sign-on were refused.
    pub sign_ins: bool,
    /// Something is looked for.
    pub filtered: bool,
    /// Where it goes on.
    pub pager: Pager,
}

const METHODS: [&str; 5] = ["GET", "POST", "PUT", "PATCH", "DELETE"];

/// What is looked for among the exchanges: everything that is not empty has to fit.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// A part of the User-Agent or the address, without letter case.
    pub client: String,
    /// The method.
    pub method: String,
    /// `answered`, `refused`, `2xx` to `5xx`, or a number.
    pub status: String,
    /// The public id of a token, or `none`: without a good one.
    pub token: String,
}

impl Wanted {
    /// What the parameters of a URL ask for.
    pub fn of(visit: &Visit<'_>) -> Wanted {
        let get = |name: &str| visit.parameter(name).unwrap_or_default().trim().to_owned();
        Wanted {
            client: get("client"),
            method: get("method").to_uppercase(),
            status: get("status"),
            token: get("token"),
        }
    }

    /// Is anything looked for?
    pub fn is_any(&self) -> bool {
        [&self.client, &self.method, &self.status, &self.token].iter().any(|w| !w.is_empty())
    }

    /// Does an exchange fit?
    pub fn fits(&self, e: &Exchanged) -> bool {
        let client = self.client.to_lowercase();
        let status = match self.status.as_str() {
            "" => true,
            "answered" => e.status < 400,
            "refused" => e.status >= 400 && e.token.is_some(),
            class if class.ends_with("xx") => class.starts_with(&(e.status / 100).to_string()),
            number => number == e.status.to_string(),
        };
        let token = match self.token.as_str() {
            "" => true,
            "none" => e.token.is_none(),
            id => e.token.as_deref() == Some(id),
        };
        status
            && token
            && (self.method.is_empty() || self.method == e.method)
            && (client.is_empty()
                || e.client.to_lowercase().contains(&client)
                || e.address.to_string().contains(&client))
    }
}

impl Ui {
    /// `/requests`
    pub(super) async fn requests(&self, visit: &Visit<'_>, signed: &Signed) -> Outcome {
        let wanted = Wanted::of(visit);
        let tokens = self.all_tokens().await?;
        let all = self.directory.store.activity(|a| a.exchanges());
        let found: Vec<&Exchanged> = all.iter().filter(|e| wanted.fits(e)).collect();
        let offset = visit.offset();
        let from = usize::try_from(offset).unwrap_or(usize::MAX);
        let size = usize::try_from(SIZE).unwrap_or(usize::MAX);
        let entries: Vec<Exchange> = found.iter().skip(from).take(size).map(|e| shown(e, &tokens)).collect();
        let here = |offset: u64| {
            let Wanted { client, method, status, token } = &wanted;
            let offset = if offset == 0 { String::new() } else { offset.to_string() };
            with_query(
                "/requests",
                &[("client", client), ("method", method), ("status", status), ("token", token), ("offset", &offset)],
            )
        };
        if entries.is_empty() && offset > 0 {
            return Ok(redirect(&here(0)));
        }
        let choice = |value: &str, words: &str, present: &str| Choice {
            value: value.to_owned(),
            words: words.to_owned(),
            current: value == present,
        };
        let mut statuses: Vec<Choice> = [
            ("", "Any"),
            ("answered", "Answered"),
            ("refused", "Refused, with a good token"),
            ("401", "Without a good token (401)"),
            ("4xx", "The request was wrong (4xx)"),
            ("5xx", "The server could not (5xx)"),
        ]
        .iter()
        .map(|(value, words)| choice(value, words, &wanted.status))
        .collect();
        if statuses.iter().all(|c| !c.current) {
            statuses.push(choice(&wanted.status, &wanted.status, &wanted.status));
        }
        let any = [choice("", "Any", &wanted.token), choice("none", "No good token", &wanted.token)];
        let page = Requests {
            frame: self.frame(visit, signed, "requests", "Requests").await?,
            methods: [("", "Any")]
                .into_iter()
                .chain(METHODS.map(|m| (m, m)))
                .map(|(value, words)| choice(value, words, &wanted.method))
                .collect(),
            statuses,
            tokens: any.into_iter().chain(tokens.iter().map(|t| choice(&t.id, &t.name, &wanted.token))).collect(),
            pager: pager(offset, entries.len() as u64, found.len() as u64, SIZE, here),
            sign_ins: !self.directory.store.activity(|a| a.refused_sign_ins()).is_empty(),
            filtered: wanted.is_any(),
            client: wanted.client.clone(),
            entries,
        };
        html(StatusCode::OK, &page)
    }
}

fn shown(e: &Exchanged, tokens: &[TokenRow]) -> Exchange {
    let token = e.token.as_deref().map_or("", |id| tokens.iter().find(|t| t.id == id).map_or(id, |t| t.name.as_str()));
    let reason = StatusCode::from_u16(e.status).ok().and_then(|s| s.canonical_reason()).unwrap_or("");
    Exchange {
        at: Exact(e.at),
        client: e.client.clone(),
        address: e.address.to_string(),
        token: token.to_owned(),
        method: e.method.clone().into_owned(),
        path: e.path.clone().into_owned(),
        kind: match e.status {
            500.. => "bad",
            400.. => "warn",
            _ => "ok",
        },
        status: format!("{} {reason}", e.status).trim_end().to_owned(),
        detail: e.detail.clone().unwrap_or_default(),
        request: e.request.clone(),
        took: format!("{:.1} ms", e.milliseconds),
    }
}
