//! Cookies: the session, the browser that was here before, and the visitor who has not signed in yet. All of them are for
//! this host alone and for no script; and, but for the way to the identity provider and back, for no request that another
//! site has caused.

use hyper::HeaderMap;
use hyper::header::COOKIE;

/// What a cookie is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Jar {
    /// Who is signed in.
    Session,
    /// A browser in which somebody has signed in before: guesses of others do not lock it out.
    Device,
    /// Somebody who looks at the sign-in page, so that its form can be told from one of another site.
    Visit,
}

/// Seconds for which a browser is known.
const YEAR: u32 = 365 * 24 * 3600;

/// What the names of ways begin with, and characters of the rest, at most.
const WAY: &str = "scim-appliance-sso-";
const LONGEST_TAG: usize = 32;
/// Seconds for which a browser may be on its way.
const WAY_SECONDS: u32 = 600;

impl Jar {
    /// Its name. With the prefix `__Host-` a browser takes it from nobody but this host, over TLS; on plain HTTP, which
    /// there is on loopback only, browsers would refuse that.
    fn name(self, secure: bool) -> &'static str {
        match (self, secure) {
            (Jar::Session, true) => "__Host-scim-appliance",
            (Jar::Device, true) => "__Host-scim-appliance-device",
            (Jar::Visit, true) => "__Host-scim-appliance-visit",
            (Jar::Session, false) => "scim-appliance",
            (Jar::Device, false) => "scim-appliance-device",
            (Jar::Visit, false) => "scim-appliance-visit",
        }
    }

    /// What a browser has sent. The same name twice is a trick of a neighbour: then there is none.
    pub fn find(self, headers: &HeaderMap, secure: bool) -> Option<String> {
        let name = self.name(secure);
        let mut found = all(headers).filter(|(n, _)| *n == name);
        let (first, second) = (found.next(), found.next());
        first.filter(|_| second.is_none()).map(|(_, value)| value.to_owned()).filter(|v| !v.is_empty() && v.len() < 200)
    }

    /// The header that sets it.
    pub fn set(self, value: &str, secure: bool) -> String {
        let life = match self {
            Jar::Device => format!("; Max-Age={YEAR}"),
            Jar::Session | Jar::Visit => String::new(),
        };
        line(self.name(secure), value, "Strict", &life, secure)
    }

    /// The header that takes it away.
    pub fn clear(self, secure: bool) -> String {
        line(self.name(secure), "", "Strict", "; Max-Age=0", secure)
    }
}

/// A way to the identity provider that a browser has begun: one cookie for each, so that tabs do not disturb each other. The
/// browser comes back from another site, so these alone are sent with a link of another site too; all that one of them opens
/// is the way that it stands for.
pub struct Way {
    /// What its name ends with: made of the state.
    pub tag: String,
    /// What is sealed in it.
    pub value: String,
}

impl Way {
    fn name(tag: &str, secure: bool) -> String {
        let host = if secure { "__Host-" } else { "" };
        format!("{host}{WAY}{tag}")
    }

    /// Those that a browser has sent. The same name twice is a trick of a neighbour: then there is none of that name.
    pub fn find(headers: &HeaderMap, secure: bool) -> Vec<Way> {
        let prefix = Way::name("", secure);
        let mut found: Vec<Way> = Vec::new();
        let mut twice: Vec<String> = Vec::new();
        for (name, value) in all(headers) {
            let Some(tag) = name.strip_prefix(&prefix).filter(|t| t.len() <= LONGEST_TAG) else { continue };
            match found.iter().any(|way| way.tag == tag) {
                true => twice.push(tag.to_owned()),
                false => found.push(Way { tag: tag.to_owned(), value: value.to_owned() }),
            }
        }
        found.retain(|way| !twice.contains(&way.tag));
        found
    }

    /// The header that sets it.
    pub fn set(&self, secure: bool) -> String {
        line(&Way::name(&self.tag, secure), &self.value, "Lax", &format!("; Max-Age={WAY_SECONDS}"), secure)
    }

    /// The header that takes it away.
    pub fn clear(tag: &str, secure: bool) -> String {
        line(&Way::name(tag, secure), "", "Lax", "; Max-Age=0", secure)
    }
}

/// Names and values, as they were sent.
fn all(headers: &HeaderMap) -> impl Iterator<Item = (&str, &str)> {
    let lines = headers.get_all(COOKIE).iter().filter_map(|v| v.to_str().ok());
    lines.flat_map(|l| l.split(';')).filter_map(|c| c.trim().split_once('='))
}

fn line(name: &str, value: &str, site: &str, life: &str, secure: bool) -> String {
    let guard = if secure { "; Secure" } else { "" };
    format!("{name}={value}; Path=/; HttpOnly; SameSite={site}{guard}{life}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_is_found_by_its_whole_name_and_once() {
        let found = |lines: &[&str]| {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(COOKIE, line.parse().unwrap());
            }
            Jar::Session.find(&headers, true)
        };
        assert_eq!(found(&["a=b; __Host-scim-appliance=x"]).as_deref(), Some("x"));
        assert_eq!(found(&["__Host-scim-appliance-device=y", "__Host-scim-appliance=x"]).as_deref(), Some("x"));
        for none in [
            &["scim-appliance=x"][..],
            &["__Host-scim-appliance="],
            &["__Host-scim-appliance=a; __Host-scim-appliance=b"],
            &["__Host-scim-appliance=a", "__Host-scim-appliance=a"],
            &["x__Host-scim-appliance=a"],
        ] {
            assert_eq!(found(none), None, "{none:?}");
        }
    }

    #[test]
    fn cookies_are_for_this_host_and_no_script() {
        let line = Jar::Session.set("v", true);
        assert_eq!(line, "__Host-scim-appliance=v; Path=/; HttpOnly; SameSite=Strict; Secure");
        assert_eq!(Jar::Session.set("v", false), "scim-appliance=v; Path=/; HttpOnly; SameSite=Strict");
        assert!(Jar::Device.set("v", true).ends_with("; Secure; Max-Age=31536000"));
        let way = Way { tag: "ab".to_owned(), value: "v".to_owned() };
        let line = way.set(true);
        assert_eq!(line, "__Host-scim-appliance-sso-ab=v; Path=/; HttpOnly; SameSite=Lax; Secure; Max-Age=600");
        assert!(
            Way::clear("ab", false).starts_with("scim-appliance-sso-ab=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0")
        );
        assert!(Jar::Visit.clear(true).contains("=; ") && Jar::Visit.clear(true).ends_with("Max-Age=0"));
    }

    #[test]
    fn each_way_has_a_cookie_of_its_own() {
        let found = |lines: &[&str]| {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(COOKIE, line.parse().unwrap());
            }
            let all = Way::find(&headers, false).into_iter().map(|w| format!("{}={}", w.tag, w.value));
            all.collect::<Vec<_>>()
        };
        assert_eq!(found(&["scim-appliance-sso-a=1; scim-appliance=x; scim-appliance-sso-b=2"]), ["a=1", "b=2"]);
        assert_eq!(
            found(&[
                "scim-appliance-sso-a=1; scim-appliance-sso-b=2",
                "scim-appliance-sso-a=1; scim-appliance-sso-a=3"
            ]),
            ["b=2"]
        );
        let long = format!("scim-appliance-sso-{}=1", "a".repeat(33));
        assert!(found(&[&long, "__Host-scim-appliance-sso-a=1", "scim-appliance-sso=1"]).is_empty());
    }
}
