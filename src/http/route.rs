//! Paths: which resource of the server a URL names, and which methods that has.

use std::sync::Arc;

use hyper::Method;
use percent_encoding::percent_decode_str;

use crate::directory::Reach;
use crate::scim::catalog::{Catalog, ResourceType};

/// The path of the SCIM endpoint. Okta's on-premises agent looks for `/v2` in it.
pub const BASE: &str = "/scim/v2";

/// The methods that any path has.
pub const METHODS: &[Method] =
    &[Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::OPTIONS];

/// What a path names.
#[derive(Debug, Clone)]
pub enum Route {
    /// `/healthz`
    Health,
    /// `/readyz`
    Ready,
    /// `*`, the server as a whole (RFC 9110 §9.3.7).
    Server,
    /// The endpoint itself: a query over all resource types.
    Root,
    /// `/.search`
    SearchAll,
    /// `/Users`
    Collection(Arc<ResourceType>),
    /// `/Users/.search`
    Search(Arc<ResourceType>),
    /// `/Users/{id}`
    Resource(Arc<ResourceType>, String),
    /// `/ServiceProviderConfig`
    ServiceProviderConfig,
    /// `/ResourceTypes`, `/ResourceTypes/{id}`
    ResourceTypes(Option<String>),
    /// `/Schemas`, `/Schemas/{id}`
    Schemas(Option<String>),
    /// `/Bulk`
    Bulk,
    /// `/Me`: the user whom the token is bound to.
    Me,
}

impl Route {
    /// Finds what a path names. Segments count in their letter case; one slash at the end is passed over.
    pub fn find(path: &str, catalog: &Catalog) -> Option<Route> {
        match path {
            "/healthz" => return Some(Route::Health),
            "/readyz" => return Some(Route::Ready),
            "*" => return Some(Route::Server),
            _ => {}
        }
        let rest = path.strip_prefix(BASE)?;
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        if rest.is_empty() {
            return Some(Route::Root);
        }
        let mut segments = rest.strip_prefix('/')?.split('/').map(decoded);
        let (first, second) = (segments.next()??, segments.next());
        if segments.next().is_some() {
            return None;
        }
        let second = match second {
            Some(segment) => Some(segment.filter(|s| !s.is_empty())?),
            None => None,
        };
        Some(match (first.as_str(), second) {
            (".search", None) => Route::SearchAll,
            ("ServiceProviderConfig", None) => Route::ServiceProviderConfig,
            ("ResourceTypes", id) => Route::ResourceTypes(id),
            ("Schemas", id) => Route::Schemas(id),
            ("Bulk", None) => Route::Bulk,
            ("Me", None) => Route::Me,
            (endpoint, second) => {
                let of = catalog.at_endpoint(endpoint)?.clone();
                match second {
                    None => Route::Collection(of),
                    Some(id) if id == ".search" => Route::Search(of),
                    Some(id) => Route::Resource(of, id),
                }
            }
        })
    }

    /// How far a request for it reaches.
    pub fn reach(&self) -> Reach {
        match self {
            Route::Me | Route::ServiceProviderConfig | Route::ResourceTypes(_) | Route::Schemas(_) => Reach::Own,
            _ => Reach::All,
        }
    }

    /// The methods that it has.
    pub fn methods(&self) -> &'static [Method] {
        match self {
            Route::Server => METHODS,
            Route::Health
            | Route::Ready
            | Route::Root
            | Route::ServiceProviderConfig
            | Route::ResourceTypes(_)
            | Route::Schemas(_) => &[Method::GET, Method::HEAD, Method::OPTIONS],
            Route::SearchAll | Route::Search(_) | Route::Bulk => &[Method::POST, Method::OPTIONS],
            Route::Collection(_) => &[Method::GET, Method::HEAD, Method::POST, Method::OPTIONS],
            Route::Resource(..) => {
                &[Method::GET, Method::HEAD, Method::PUT, Method::PATCH, Method::DELETE, Method::OPTIONS]
            }
            Route::Me => METHODS,
        }
    }
}

/// Is every percent sign followed by two hexadecimal digits (RFC 3986 §2.1)?
pub fn is_well_escaped(text: &str) -> bool {
    text.split('%').skip(1).all(|rest| {
        let mut digits = rest.bytes().take(2);
        digits.len() == 2 && digits.all(|b| b.is_ascii_hexdigit())
    })
}

/// A path segment without its percent-encoding; `None` when that does not give UTF-8.
fn decoded(segment: &str) -> Option<String> {
    percent_decode_str(segment).decode_utf8().ok().map(|s| s.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(path: &str) -> Option<String> {
        let catalog = Catalog::built_in().unwrap();
        Route::find(path, &catalog).map(|r| match r {
            Route::Collection(of) => format!("all {}", of.name),
            Route::Search(of) => format!("search {}", of.name),
            Route::Resource(of, id) => format!("{} {id}", of.name),
            other => format!("{other:?}"),
        })
    }

    #[test]
    fn paths_of_the_rfc() {
        for (path, route) in [
            ("/scim/v2", "Root"),
            ("/scim/v2/", "Root"),
            ("/scim/v2/.search", "SearchAll"),
            ("/scim/v2/Users", "all User"),
            ("/scim/v2/Users/", "all User"),
            ("/scim/v2/Users/.search", "search User"),
            ("/scim/v2/Users/a%40b", "User a@b"),
            ("/scim/v2/Groups/x/", "Group x"),
            ("/scim/v2/Schemas/urn:a%3Ab", "Schemas(Some(\"urn:a:b\"))"),
            ("/healthz", "Health"),
        ] {
            assert_eq!(find(path).as_deref(), Some(route), "{path}");
        }
    }

    #[test]
    fn everything_else_is_nowhere() {
        for path in [
            "",
            "/",
            "/scim",
            "/scim/v22",
            "/scim/v2x",
            "/scim//v2/Users",
            "//scim/v2/Users",
            "/scim%2Fv2/Users",
            "/SCIM/v2/Users",
            "/scim/v2/users",
            "/scim/v2//Users",
            "/scim/v2/Users//x",
            "/scim/v2/Users/x/y",
            "/scim/v2/%ff",
            "/scim/v2/Users/%ff",
            "/scim/v2/../v2/Users",
            "/scim/v2;a=b/Users",
        ] {
            assert_eq!(find(path), None, "{path}");
        }
    }
}
