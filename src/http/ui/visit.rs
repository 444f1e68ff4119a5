//! A request for a page.

use std::net::IpAddr;

use hyper::Method;
use hyper::header::HeaderMap;

use super::form::Form;

/// A request for a page.
#[derive(Clone, Copy)]
pub struct Visit<'a> {
    /// Its id.
    pub id: &'a str,
    /// The method.
    pub method: &'a Method,
    /// The path.
    pub path: &'a str,
    /// The query.
    pub query: &'a str,
    /// The headers.
    pub headers: &'a HeaderMap,
    /// The name of the server as the client gave it: that of the target, which HTTP/2 always has, or else `Host`.
    pub host: Option<&'a str>,
    /// Where it comes from.
    pub address: IpAddr,
    /// Over TLS, up to this server or up to a proxy that it trusts.
    pub secure: bool,
    /// The User-Agent.
    pub client: &'a str,
    /// The form as it was sent, where it may have to be kept until somebody has proved who that is.
    pub sent: Option<&'a Form>,
}

impl Visit<'_> {
    /// A parameter of the query.
    pub fn parameter(&self, name: &str) -> Option<String> {
        self.all(name).next()
    }

    /// All parameters of this name.
    pub(super) fn all<'v>(&'v self, name: &'v str) -> impl Iterator<Item = String> + 'v {
        form_urlencoded::parse(self.query.as_bytes()).filter(move |(n, _)| n == name).map(|(_, v)| v.into_owned())
    }

    /// A parameter that stands once.
    pub(super) fn once(&self, name: &str) -> Option<String> {
        let mut all = self.all(name);
        all.next().filter(|_| all.next().is_none())
    }

    /// The code that somebody brings from the identity provider: no error stands beside it.
    pub(super) fn code(&self) -> Option<String> {
        self.once("code").filter(|_| self.all("error").next().is_none())
    }
}
