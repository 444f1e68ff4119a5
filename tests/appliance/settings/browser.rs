//! As much of a browser as the pages need: cookies, forms, and the tags of a page.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::support::Answer;
use crate::support::http::Connection;

/// The name of the session cookie on plain HTTP.
pub const SESSION: &str = "scim-appliance";
pub const DEVICE: &str = "scim-appliance-device";

/// A browser with its cookies.
#[derive(Debug, Clone)]
pub struct Browser {
    pub port: u16,
    pub cookies: BTreeMap<String, String>,
    /// Its address, as the proxy gives it.
    pub address: String,
    /// The value that the forms of the last page carried.
    pub csrf: String,
}

impl Browser {
    pub fn new(port: u16) -> Browser {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let n = NEXT.fetch_add(1, Ordering::Relaxed);
        let address = format!("198.{}.{}.{}", 18 + (n >> 16) % 2, (n >> 8) & 255, n & 255);
        Browser { port, cookies: BTreeMap::new(), address, csrf: String::new() }
    }

    /// What it sends with everything.
    pub fn headers(&self) -> Vec<(String, String)> {
        let mut headers = vec![
            ("User-Agent".to_owned(), "Browser of the tests".to_owned()),
            ("Accept".to_owned(), "text/html".to_owned()),
            ("X-Forwarded-For".to_owned(), self.address.clone()),
        ];
        let cookies: Vec<String> = self.cookies.iter().map(|(n, v)| format!("{n}={v}")).collect();
        if !cookies.is_empty() {
            headers.push(("Cookie".to_owned(), cookies.join("; ")));
        }
        headers
    }

    /// Sends what it sends with everything, and these; keeps the cookies and the value of the forms.
    pub fn send(&mut self, method: &str, path: &str, more: &[(&str, &str)], body: Option<&str>) -> Answer {
        let own = self.headers();
        let mut headers: Vec<(&str, &str)> = own.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        headers.extend(more);
        let bytes = crate::support::http::request(method, path, "close", &headers, body.map(str::as_bytes));
        let answer =
            Connection::open(self.port).and_then(|mut c| c.raw(&bytes)).unwrap_or_else(|e| panic!("{path}: {e}"));
        self.keep(&answer);
        answer
    }

    pub fn keep(&mut self, answer: &Answer) {
        for (name, value) in set(answer) {
            match value.is_empty() {
                true => self.cookies.remove(&name),
                false => self.cookies.insert(name, value),
            };
        }
        if let Some(csrf) = hidden(&answer.body, "csrf") {
            self.csrf = csrf;
        }
    }

    pub fn get(&mut self, path: &str) -> Answer {
        self.send("GET", path, &[], None)
    }

    /// A page that has to be there.
    pub fn page(&mut self, path: &str) -> String {
        let answer = self.get(path);
        assert_eq!(answer.status, 200, "{path}: {} {:?}", answer.status, answer.header("location"));
        answer.body
    }

    /// Sends a form as a page of ours does, with the value of the last page.
    pub fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let csrf = self.csrf.clone();
        let all: Vec<(&str, &str)> = [("csrf", csrf.as_str())].iter().chain(fields).copied().collect();
        self.send("POST", path, &OWN, Some(&encoded(&all)))
    }

    /// The same after a look at a page, as people do it.
    pub fn fill(&mut self, page: &str, action: &str, fields: &[(&str, &str)]) -> Answer {
        self.page(page);
        self.post(action, fields)
    }

    pub fn sign_in(&mut self, name: &str, password: &str) -> Answer {
        self.fill("/sign-in", "/sign-in", &[("name", name), ("password", password)])
    }

    pub fn session(&self) -> String {
        self.cookies.get(SESSION).cloned().unwrap_or_default()
    }

    /// Is somebody signed in here?
    pub fn is_in(&mut self) -> bool {
        let answer = self.get("/account");
        let redirected = answer.status == 303 && answer.header("location").unwrap().starts_with("/sign-in");
        assert!(redirected || answer.status == 200, "{} {:?}", answer.status, answer.header("location"));
        !redirected
    }

    /// The same browser with another cookie for the session.
    pub fn with_session(&self, cookie: &str) -> Browser {
        let mut other = self.clone();
        other.cookies.insert(SESSION.to_owned(), cookie.to_owned());
        other
    }
}

/// What a form of our own page is sent with.
pub const OWN: [(&str, &str); 2] =
    [("Origin", "http://127.0.0.1"), ("Content-Type", "application/x-www-form-urlencoded")];

pub fn encoded(fields: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}

/// The cookies that an answer sets: names and values.
pub fn set(answer: &Answer) -> Vec<(String, String)> {
    let lines = answer.headers.iter().filter(|(n, _)| n.eq_ignore_ascii_case("set-cookie"));
    let pair = |(_, line): &(String, String)| {
        let (name, value) = line.split(';').next().unwrap().split_once('=').unwrap();
        (name.to_owned(), value.to_owned())
    };
    lines.map(pair).collect()
}

/// The value of a field of a page.
pub fn hidden(page: &str, name: &str) -> Option<String> {
    let tags = tags(page);
    let field = tags.iter().find(|t| t.name == "input" && t.get("name") == Some(name))?;
    field.get("value").map(str::to_owned)
}

/// A tag of a page.
#[derive(Debug, Clone, PartialEq)]
pub struct Tag {
    pub name: String,
    pub attributes: Vec<(String, String)>,
}

impl Tag {
    pub fn get(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }
}

/// The tags of a page, as a browser reads them: a `<` in front of a letter begins one, quotes hold values together.
pub fn tags(page: &str) -> Vec<Tag> {
    let mut found = Vec::new();
    let mut rest = page;
    while let Some(at) = rest.find('<') {
        rest = &rest[at + 1..];
        if rest.starts_with("!--") {
            rest = rest.split_once("-->").map_or("", |(_, r)| r);
            continue;
        }
        if !rest.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/' || c == '!') {
            continue;
        }
        let end = rest.find(|c: char| c.is_whitespace() || c == '>').unwrap_or(rest.len());
        let mut tag = Tag { name: rest[..end].trim_end_matches('/').to_owned(), attributes: Vec::new() };
        rest = &rest[end..];
        loop {
            rest = rest.trim_start_matches(|c: char| c.is_whitespace() || c == '/');
            if rest.is_empty() || rest.starts_with('>') {
                break;
            }
            let end = rest.find(|c: char| c.is_whitespace() || matches!(c, '=' | '>' | '/')).unwrap_or(rest.len());
            let name = rest[..end].to_owned();
            rest = &rest[end..];
            let mut value = String::new();
            if let Some(after) = rest.strip_prefix('=') {
                let quote = after.chars().next().filter(|c| matches!(c, '"' | '\''));
                let (text, left) = match quote {
                    Some(quote) => after[1..].split_once(quote).unwrap_or((&after[1..], "")),
                    None => after.split_at(after.find(|c: char| c.is_whitespace() || c == '>').unwrap_or(after.len())),
                };
                (value, rest) = (unescaped(text), left);
            }
            tag.attributes.push((name, value));
        }
        found.push(tag);
    }
    found
}

/// What askama has escaped.
pub fn unescaped(text: &str) -> String {
    let pairs = [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&#34;", "\""),
        ("&#x27;", "'"),
        ("&#39;", "'"),
        ("&#60;", "<"),
        ("&#62;", ">"),
        ("&#38;", "&"),
        ("&amp;", "&"),
    ];
    pairs.iter().fold(text.to_owned(), |text, (from, to)| text.replace(from, to))
}

/// The text of a page without its tags.
pub fn text(page: &str) -> String {
    let mut text = String::new();
    for part in page.split('<') {
        text.push_str(part.split_once('>').map_or("", |(_, t)| t));
        text.push(' ');
    }
    unescaped(&text)
}
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_read_as_browsers_read_them() {
        let page =
            "<!doctype html><p class=\"a > b\" hidden data-x='&quot;y'>1 < 2 &lt;b&gt;</p><img src=x onerror=alert(1)>";
        let found = tags(page);
        let names: Vec<&str> = found.iter().map(|t| t.name.as_str()).collect();
        assert_eq!(names, ["!doctype", "p", "/p", "img"]);
        assert_eq!(
            (found[1].get("class"), found[1].get("hidden"), found[1].get("data-x")),
            (Some("a > b"), Some(""), Some("\"y"))
        );
        assert_eq!(found[3].get("onerror"), Some("alert(1)"));
        assert!(text("<p>&lt;b&gt; <i>x</i></p>").contains("<b>"));
    }
}
