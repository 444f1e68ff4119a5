//! The Authorization header: `Bearer TOKEN` in any letter case, `Basic` with the token as the password (Okta's
//! on-premises agent), or the token alone (an administrator who typed it into a field for a whole header).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hyper::HeaderMap;
use hyper::header::AUTHORIZATION;

use crate::directory::Unauthenticated;
use crate::secret::Token;

/// Bytes of the header, at most.
const MAX_LENGTH: usize = 1024;

/// The token that a request shows. One header only; never one in the URL.
pub fn token(headers: &HeaderMap) -> Result<Token, Unauthenticated> {
    let mut given = headers.get_all(AUTHORIZATION).iter();
    let (first, second) = (given.next().ok_or(Unauthenticated::Missing)?, given.next());
    let text = first.to_str().map_err(|_| Unauthenticated::Malformed)?.trim();
    if second.is_some() || text.len() > MAX_LENGTH {
        return Err(Unauthenticated::Malformed);
    }
    let parsed = match text.split_once(' ') {
        None => Token::parse(text),
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => Token::parse(token.trim()),
        Some((scheme, pair)) if scheme.eq_ignore_ascii_case("basic") => password(pair.trim()),
        Some(_) => None,
    };
    parsed.ok_or(Unauthenticated::Malformed)
}

fn password(pair: &str) -> Option<Token> {
    let pair = String::from_utf8(STANDARD.decode(pair).ok()?).ok()?;
    Token::parse(pair.split_once(':')?.1)
}
