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
    /// A browser that is on its way to the identity provider. It comes back from another site, so this one alone is sent
    /// with a link of another site too; all that it opens is the way that it has begun.
    Flow,
    /// Somebody who looks at the sign-in page, so that its form can be told from one of another site.
    Visit,
}

/// Seconds for which a browser is known.
const YEAR: u32 = 365 * 24 * 3600;

/// Seconds for which a browser may be on its way.
const FLOW: u32 = 600;

impl Jar {
    /// Its name. With the prefix `__Host-` a browser takes it from nobody but this host, over TLS; on plain HTTP, which
    /// there is on loopback only, browsers would refuse that.
    fn name(self, secure: bool) -> &'static str {
        match (self, secure) {
            (Jar::Session, true) => "__Host-scim-appliance",
            (Jar::Device, true) => "__Host-scim-appliance-device",
            (Jar::Visit, true) => "__Host-scim-appliance-visit",
            (Jar::Flow, true) => "__Host-scim-appliance-sso",
            (Jar::Session, false) => "scim-appliance",
            (Jar::Device, false) => "scim-appliance-device",
            (Jar::Visit, false) => "scim-appliance-visit",
            (Jar::Flow, false) => "scim-appliance-sso",
        }
    }

    /// What a browser has sent. The same name twice is a trick of a neighbour: then there is none.
    pub fn find(self, headers: &HeaderMap, secure: bool) -> Option<String> {
        let name = self.name(secure);
        let lines = headers.get_all(COOKIE).iter().filter_map(|v| v.to_str().ok());
        let mut found =
            lines.flat_map(|l| l.split(';')).filter_map(|c| c.trim().split_once('=')).filter(|(n, _)| *n == name);
        let (first, second) = (found.next(), found.next());
        first.filter(|_| second.is_none()).map(|(_, value)| value.to_owned()).filter(|v| !v.is_empty() && v.len() < 200)
    }

    /// The header that sets it.
    pub fn set(self, value: &str, secure: bool) -> String {
        let life = match self {
            Jar::Device => format!("; Max-Age={YEAR}"),
            Jar::Flow => format!("; Max-Age={FLOW}"),
            Jar::Session | Jar::Visit => String::new(),
        };
        self.line(value, &life, secure)
    }

    /// The header that takes it away.
    pub fn clear(self, secure: bool) -> String {
        self.line("", "; Max-Age=0", secure)
    }

    fn line(self, value: &str, life: &str, secure: bool) -> String {
        let guard = if secure { "; Secure" } else { "" };
        let site = if self == Jar::Flow { "Lax" } else { "Strict" };
        format!("{}={value}; Path=/; HttpOnly; SameSite={site}{guard}{life}", self.name(secure))
    }
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
        assert!(Jar::Flow.set("v", true).ends_with("=v; Path=/; HttpOnly; SameSite=Lax; Secure; Max-Age=600"));
        assert!(Jar::Visit.clear(true).contains("=; ") && Jar::Visit.clear(true).ends_with("Max-Age=0"));
    }
}
