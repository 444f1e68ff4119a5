//! What is kept of an exchange with an identity provider: who asked for what, without any value of it.

use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::OnceLock;

use hyper::Method;

use super::route::Route;
use super::ui::{CHANGED, CONTACT, CREATED, GROUP, IMPORT, QUERY};
use crate::directory::{Exchanged, Store};
use crate::scim::name::is_attribute_name;

/// Characters of what was answered, at most.
const DETAIL: usize = 300;
/// The parameters of a query; what is called otherwise may be somebody's.
const PARAMETERS: [&str; 8] =
    ["filter", "startIndex", "count", "cursor", "sortBy", "sortOrder", "attributes", "excludedAttributes"];
/// Those whose values are nobody's.
const OPEN: [&str; 2] = ["startIndex", "count"];
const OPERATORS: [&str; 10] = ["eq", "ne", "co", "sw", "ew", "pr", "gt", "ge", "lt", "le"];

/// What is found out about a request on its way.
#[derive(Debug, Default)]
pub struct Seen {
    /// The public id of the token, once it was looked at.
    pub token: OnceLock<String>,
    /// What was asked for: only requests for which this is known are kept.
    pub asked: OnceLock<Asked>,
}

/// What was asked for.
#[derive(Debug)]
pub struct Asked {
    path: Cow<'static, str>,
    /// What it means if it is answered as asked.
    milestone: &'static str,
    /// The same, of a query for everybody.
    also: &'static str,
}

impl Asked {
    /// What a request asks for.
    pub fn of(method: &Method, route: Option<&Route>, query: &str) -> Asked {
        let mut asked = Asked { path: named(route), milestone: "", also: "" };
        match (route, method.as_str()) {
            (Some(Route::Collection(of)), "POST") if of.is_user() => asked.milestone = CREATED,
            (Some(Route::Collection(of)), "POST") if of.is_group() => asked.milestone = GROUP,
            (Some(Route::Collection(of)), "GET") if of.is_user() || of.is_group() => {
                asked.milestone = QUERY;
                if of.is_user() && !query.contains("filter") {
                    asked.also = IMPORT;
                }
            }
            (Some(Route::Resource(of, _)), "PUT" | "PATCH") if of.is_user() => asked.milestone = CHANGED,
            _ => {}
        }
        if !query.is_empty() {
            let mut path = String::with_capacity(asked.path.len() + query.len() + 4);
            path.push_str(&asked.path);
            without_values(query, &mut path);
            asked.path = Cow::Owned(path);
        }
        asked
    }
}

fn named(route: Option<&Route>) -> Cow<'static, str> {
    let fixed = match route {
        None => "(no such path)",
        Some(Route::Health) => "/healthz",
        Some(Route::Ready) => "/readyz",
        Some(Route::Server) => "*",
        Some(Route::Root) => "/",
        Some(Route::SearchAll) => "/.search",
        Some(Route::ServiceProviderConfig) => "/ServiceProviderConfig",
        Some(Route::ResourceTypes(None)) => "/ResourceTypes",
        Some(Route::ResourceTypes(Some(_))) => "/ResourceTypes/{id}",
        Some(Route::Schemas(None)) => "/Schemas",
        Some(Route::Schemas(Some(_))) => "/Schemas/{id}",
        Some(Route::Bulk) => "/Bulk",
        Some(Route::Me) => "/Me",
        Some(Route::Resource(of, _)) if of.endpoint == "/Users" => "/Users/{id}",
        Some(Route::Resource(of, _)) if of.endpoint == "/Groups" => "/Groups/{id}",
        Some(Route::Resource(of, _)) => return Cow::Owned(format!("{}/{{id}}", of.endpoint)),
        Some(Route::Collection(of)) if of.endpoint == "/Users" => "/Users",
        Some(Route::Collection(of)) => return Cow::Owned(of.endpoint.clone()),
        Some(Route::Search(of)) => return Cow::Owned(format!("{}/.search", of.endpoint)),
    };
    Cow::Borrowed(fixed)
}

/// Appends the parameters of a query; of a filter, which attribute is looked for and how.
fn without_values(query: &str, text: &mut String) {
    let mut between = '?';
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        text.push(between);
        between = '&';
        match PARAMETERS.iter().find(|p| p.eq_ignore_ascii_case(&name)) {
            None => text.push('…'),
            Some(name @ &"filter") => {
                text.push_str(name);
                let mut words = value.split_ascii_whitespace();
                let attribute = words.next().map(|w| w.split(['[', '(']).next().unwrap_or_default());
                let attribute = attribute.filter(|a| a.len() <= 60 && a.split('.').all(is_attribute_name));
                let operator = words.next().filter(|o| OPERATORS.iter().any(|known| known.eq_ignore_ascii_case(o)));
                match (attribute, operator) {
                    (Some(attribute), Some(operator)) => text.extend(["=", attribute, " ", operator, " …"]),
                    _ => text.push_str("=…"),
                }
            }
            Some(name) if OPEN.contains(name) && value.len() < 12 && value.bytes().all(|b| b.is_ascii_digit()) => {
                text.extend([name, "=", &value]);
            }
            Some(name) => text.extend([name, "=…"]),
        }
    }
}

/// What was answered, without the words of the client in it: they stand in quotes, and may be somebody's name or id. The
/// name of an attribute stays; without it nobody could mend the mapping.
fn without_quotations(detail: &str) -> String {
    let mut text = String::new();
    let mut rest = detail;
    while let Some((at, quote)) = rest.char_indices().find(|(_, c)| matches!(c, '\'' | '"')) {
        let (before, after) = rest.split_at_checked(at).unwrap_or((rest, ""));
        let after = after.get(1..).unwrap_or_default();
        text.push_str(before);
        // An apostrophe inside of a word begins nothing.
        if quote == '\'' && before.chars().next_back().is_some_and(char::is_alphanumeric) {
            text.push(quote);
            rest = after;
            continue;
        }
        let escaped = |at: usize| after.get(..at).is_some_and(|b| b.ends_with('\\') && !b.ends_with("\\\\"));
        let end = after.match_indices(quote).map(|(at, _)| at).find(|at| !escaped(*at));
        let (inside, left) = end.and_then(|at| after.split_at_checked(at)).unwrap_or((after, ""));
        let is_name = inside.len() <= 60 && inside.split('.').all(is_attribute_name);
        let kept = if is_name && before.ends_with("attribute is called ") { inside } else { "…" };
        text.push(quote);
        text.push_str(kept);
        text.push(quote);
        rest = left.strip_prefix(quote).unwrap_or_default();
    }
    text.push_str(rest);
    if text.len() <= DETAIL { text } else { text.chars().take(DETAIL).collect() }
}

/// How a request ended.
pub struct Ended<'a> {
    /// Its id.
    pub id: &'a str,
    /// The method.
    pub method: &'a Method,
    /// Its User-Agent.
    pub client: String,
    /// Where it came from.
    pub address: IpAddr,
    /// The status of the answer.
    pub status: u16,
    /// What was said beside it.
    pub detail: Option<String>,
    /// How long it took.
    pub milliseconds: f64,
}

/// Keeps an exchange.
pub fn keep(store: &Store, seen: Seen, ended: Ended<'_>) {
    const UNAUTHORIZED: u16 = 401;
    let Some(asked) = seen.asked.into_inner() else { return };
    let token = seen.token.into_inner().filter(|_| ended.status != UNAUTHORIZED);
    let method: Cow<'static, str> = match ended.method.as_str() {
        "GET" => "GET".into(),
        "POST" => "POST".into(),
        "PUT" => "PUT".into(),
        "PATCH" => "PATCH".into(),
        "DELETE" => "DELETE".into(),
        other => other.chars().take(20).collect::<String>().into(),
    };
    let now = store.now();
    let exchange = Exchanged {
        n: 0,
        at: now,
        milliseconds: ended.milliseconds,
        client: ended.client,
        address: ended.address,
        token,
        method,
        path: asked.path,
        status: ended.status,
        detail: ended.detail.map(|d| without_quotations(&d)),
        request: ended.id.to_owned(),
    };
    store.activity(|activity| {
        if let Some(token) = &exchange.token {
            let reached = [CONTACT, asked.milestone, asked.also];
            let of = if exchange.status < 400 { reached.len() } else { 1 };
            for name in reached.into_iter().take(of).filter(|n| !n.is_empty()) {
                activity.reached(name, now, &exchange.client, token);
            }
        }
        activity.exchanged(exchange);
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_value_of_a_query_is_kept() {
        for (query, kept) in [
            (
                "filter=userName%20eq%20%22ada%40x.io%22&startIndex=1&count=100",
                "filter=userName eq …&startIndex=1&count=100",
            ),
            ("filter=emails%5Btype+eq+%22work%22%5D.value+eq+%22a%22", "filter=emails eq …"),
            ("filter=(userName+eq+%22a%22)", "filter=…"),
            ("filter=ada%40x.io+eq+1", "filter=…"),
            ("filter=ada", "filter=…"),
            ("attributes=userName&sortBy=name", "attributes=…&sortBy=…"),
            ("count=ada&ada=1", "count=…&…"),
            ("Filter=userName+pr", "filter=userName pr …"),
        ] {
            let mut text = String::new();
            without_values(query, &mut text);
            assert_eq!(text, format!("?{kept}"), "{query}");
        }
    }

    #[test]
    fn nothing_that_a_client_wrote_is_kept_of_an_answer() {
        for (detail, kept) in [
            ("There is no User with the id 'ada'.", "There is no User with the id '…'."),
            ("no attribute is called 'favouriteColour'", "no attribute is called 'favouriteColour'"),
            ("no attribute is called 'ada@x.io'", "no attribute is called '…'"),
            ("'a' and 'b'", "'…' and '…'"),
            (r"not 'it\'s ada'; try again", "not '…'; try again"),
            (r"ends with 'a\\' here", "ends with '…' here"),
            ("the server's own 'ada'", "the server's own '…'"),
            ("cut off 'ada", "cut off '…'"),
            (r#"the name "ada" stands twice"#, r#"the name "…" stands twice"#),
            (r#"'a "b' and "it's" c"#, r#"'…' and "…" c"#),
            ("nothing", "nothing"),
        ] {
            assert_eq!(without_quotations(detail), kept, "{detail}");
        }
    }
}
