//! Compression of pages and of what they load.

use std::io::Write;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use hyper::header::{self, HeaderMap};

use super::wire::{Answer, Media};

/// The bytes in gzip; none when that does not work, which it always does.
pub fn gzip(bytes: &[u8]) -> Option<Bytes> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(bytes.len() / 2), Compression::default());
    encoder.write_all(bytes).ok()?;
    encoder.finish().ok().map(Bytes::from)
}

/// Does the client say that it takes gzip (RFC 9110 §12.5.3)?
pub fn is_taken(headers: &HeaderMap) -> bool {
    let lines = headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|v| v.to_str().ok());
    lines.flat_map(|line| line.split(',')).any(|coding| {
        let mut parts = coding.split(';').map(str::trim);
        let gzip = parts.next().is_some_and(|name| name.eq_ignore_ascii_case("gzip"));
        let never =
            |part: &str| part.split_once('=').is_some_and(|(_, q)| q.trim().parse::<f32>().is_ok_and(|q| q <= 0.0));
        gzip && !parts.any(never)
    })
}

/// A page, compressed if the client takes that and the request was caused by a page of ours or by the person at the browser.
///
/// A page holds the value of its forms beside what was searched for. If a page of somebody else's could cause it again and
/// again with words of its choice, the length of what is compressed would tell that value bit by bit (the attack called
/// BREACH). Browsers say who caused a request (Fetch Metadata), and no page can forge it.
pub fn page(answer: Answer, headers: &HeaderMap) -> Answer {
    let site = headers.get("sec-fetch-site").and_then(|v| v.to_str().ok());
    if answer.media != Media::Html || !matches!(site, Some("same-origin" | "none")) || !is_taken(headers) {
        return answer;
    }
    match answer.body.as_deref().and_then(gzip) {
        Some(body) => Answer { body: Some(body), ..answer.with(header::CONTENT_ENCODING, "gzip") },
        None => answer,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_takes_gzip_gets_it() {
        let takes = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_ENCODING, value.parse().unwrap());
            is_taken(&headers)
        };
        assert!(takes("gzip, deflate, br, zstd") && takes("br;q=1.0, GZIP;q=0.5") && takes("gzip"));
        assert!(!takes("") && !takes("br") && !takes("gzip;q=0, br") && !takes("gzip ; q=0.000") && !takes("x-gzip"));
        assert!(!is_taken(&HeaderMap::new()));
    }
}
