//! Media types: what a client wants to read, and what it may send.

use hyper::StatusCode;
use hyper::header::{self, HeaderMap, HeaderName};

use super::problem::Problem;

/// What is read here, as 415 tells it (RFC 9110 §12.5.1).
const READ: &str = "application/scim+json, application/json";

/// True when a client would rather read `application/json` than SCIM's media type. It is the same text under another
/// name, so nobody is ever refused for what he accepts: 406 would help no client.
pub fn wants_plain_json(headers: &HeaderMap) -> bool {
    let accept = headers.get_all(header::ACCEPT).iter().filter_map(|v| v.to_str().ok());
    let (mut scim, mut json) = (Weight::default(), Weight::default());
    for range in accept.flat_map(|v| v.split(',')) {
        let mut parts = range.split(';').map(str::trim);
        let kind = parts.next().unwrap_or("");
        let weight =
            parts.find_map(|p| p.strip_prefix("q=").or_else(|| p.strip_prefix("Q="))).map_or(1000, thousandths);
        if kind.eq_ignore_ascii_case("application/scim+json") {
            scim.give(Weight(3, weight));
        } else if kind.eq_ignore_ascii_case("application/json") {
            json.give(Weight(3, weight));
        } else if kind.eq_ignore_ascii_case("application/*") {
            scim.give(Weight(2, weight));
            json.give(Weight(2, weight));
        } else if kind == "*/*" {
            scim.give(Weight(1, weight));
            json.give(Weight(1, weight));
        }
    }
    json.1 > scim.1
}

/// Does a client name HTML among what it wants to read? Browsers do, and programs do not.
pub fn prefers_html(headers: &HeaderMap) -> bool {
    let accept = headers.get_all(header::ACCEPT).iter().filter_map(|v| v.to_str().ok());
    accept.flat_map(|v| v.split(',')).any(|r| r.split(';').next().is_some_and(|k| k.trim() == "text/html"))
}

/// How exactly a media type was named, and what it weighs in thousandths.
#[derive(Default, Clone, Copy)]
struct Weight(u8, u16);

impl Weight {
    /// The more exact range counts; of two that are equal, the heavier one.
    fn give(&mut self, other: Weight) {
        if (other.0, other.1) > (self.0, self.1) {
            *self = other;
        }
    }
}

/// A weight (RFC 9110 §12.4.2); what is none weighs nothing.
fn thousandths(text: &str) -> u16 {
    let weight = text.parse::<f32>().ok().filter(|w| (0.0..=1.0).contains(w)).unwrap_or(0.0);
    (0..=1000u16).find(|n| f32::from(*n) >= weight * 1000.0).unwrap_or(0)
}

/// Refuses bodies in a form that is not read here.
pub fn acceptable(headers: &HeaderMap) -> Result<(), Problem> {
    let mut codings = headers.get_all(header::CONTENT_ENCODING).iter().map(|v| v.as_bytes().trim_ascii());
    if codings.any(|c| !c.is_empty() && !c.eq_ignore_ascii_case(b"identity")) {
        // RFC 9110 §12.5.3: the answer says which codings would have done.
        return refuse(
            "Compressed bodies are not read here; send the JSON as it is.",
            header::ACCEPT_ENCODING,
            "identity",
        );
    }
    let mut kinds = headers.get_all(header::CONTENT_TYPE).iter();
    let Some(kind) = kinds.next() else { return Ok(()) };
    let mut parts = kind.to_str().unwrap_or("?").split(';').map(|p| p.trim().to_ascii_lowercase());
    let kind = parts.next().unwrap_or_default();
    let is_json = matches!(kind.as_str(), "application/scim+json" | "application/json" | "text/json" | "")
        || kind
            .strip_prefix("application/")
            .and_then(|k| k.strip_suffix("+json"))
            .is_some_and(|k| k.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._+".contains(&b)));
    // text/plain and forms are what a page of a browser can send to any server without asking it (CORS), and a list of
    // types is none.
    if !is_json || kinds.next().is_some() {
        return refuse("The body's Content-Type is not JSON; send application/scim+json.", header::ACCEPT, READ);
    }
    // JSON is UTF-8 (RFC 8259 §8.1), and ASCII is a part of it.
    let charset = parts.find_map(|p| p.strip_prefix("charset=").map(|c| c.trim_matches('"').to_owned()));
    match charset.as_deref() {
        None | Some("utf-8" | "utf8" | "us-ascii" | "ascii" | "") => Ok(()),
        Some(_) => refuse(
            "The body is in another charset than UTF-8; send application/scim+json in UTF-8.",
            header::ACCEPT,
            READ,
        ),
    }
}

fn refuse(why: &str, name: HeaderName, value: &str) -> Result<(), Problem> {
    Err(Problem::plain(StatusCode::UNSUPPORTED_MEDIA_TYPE, why).with(name, value))
}

#[cfg(test)]
mod tests {
    use hyper::header::HeaderValue;

    use super::*;

    fn headers(name: HeaderName, values: &[&str]) -> HeaderMap {
        values.iter().map(|v| (name.clone(), HeaderValue::from_str(v).unwrap())).collect()
    }

    #[test]
    fn plain_json_for_those_who_would_rather_have_it() {
        let plain = |values: &[&str]| wants_plain_json(&headers(header::ACCEPT, values));
        for accept in [
            &["application/json"][..],
            &["Application/JSON; charset=utf-8"],
            &["text/html, application/json"],
            &["text/html", "application/json"],
            &["application/json, */*;q=0.5"],
            &["application/json, application/scim+json;q=0.9"],
            &["application/scim+json;q=0, */*"],
            &["application/*;q=0.2, application/json;q=0.3"],
            &["application/json;q=0.001"],
        ] {
            assert!(plain(accept), "{accept:?}");
        }
        for accept in [
            &[][..],
            &[""],
            &["*/*"],
            &["application/*"],
            &["application/scim+json"],
            &["application/scim+json, application/json"],
            &["application/json, text/plain, */*"],
            &["application/json;q=0.5, application/scim+json"],
            &["application/json;q=0"],
            &["application/json;q=0, text/html"],
            &["application/json;q=2"],
            &["application/scim+json;q=0"],
            &["text/html"],
            &["*/*;q=0"],
            &["garbage, ;;, application"],
        ] {
            assert!(!plain(accept), "{accept:?}");
        }
    }

    #[test]
    fn bodies_are_json_in_utf8_as_they_are() {
        for kind in [
            "application/scim+json",
            "application/json",
            "APPLICATION/SCIM+JSON; Charset=\"UTF-8\"",
            "application/json;charset=utf8; x=y",
            "application/json; charset=us-ascii",
            "application/json;",
            "text/json",
            "application/merge-patch+json",
            "",
        ] {
            assert!(acceptable(&headers(header::CONTENT_TYPE, &[kind])).is_ok(), "{kind}");
        }
        for kinds in [
            &["text/plain"][..],
            &["application/x-www-form-urlencoded"],
            &["multipart/form-data; boundary=json"],
            &["application/xml"],
            &["garbagejson"],
            &["text/html+json"],
            &["application/json, application/scim+json"],
            &["application/json", "text/plain"],
            &["application/json; charset=utf-16"],
            &["application/scim+json; charset=ISO-8859-1"],
        ] {
            assert!(acceptable(&headers(header::CONTENT_TYPE, kinds)).is_err(), "{kinds:?}");
        }
        assert!(acceptable(&HeaderMap::new()).is_ok());
        for (codings, good) in [
            (&["identity"][..], true),
            (&["Identity"], true),
            (&["gzip"], false),
            (&["identity", "gzip"], false),
            (&["identity, br"], false),
            (&["deflate"], false),
        ] {
            assert_eq!(acceptable(&headers(header::CONTENT_ENCODING, codings)).is_ok(), good, "{codings:?}");
        }
    }
}
