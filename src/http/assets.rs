//! What pages load: embedded, under names that change with what is in them, so that browsers may keep them for ever.

use std::collections::HashMap;
use std::sync::LazyLock;

use bytes::Bytes;
use hyper::StatusCode;
use hyper::header::{self, HeaderMap};
use include_dir::{Dir, include_dir};

use super::gzip::{gzip, is_taken};
use super::wire::{Answer, Media};
use crate::secret::fingerprint_of;

static FILES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/assets/static");

/// Where they are.
const PREFIX: &str = "/static/";
/// Characters of a fingerprint in a name.
const MARK: usize = 12;

struct Asset {
    path: String,
    media: Media,
    bytes: &'static [u8],
    gzip: Bytes,
}

/// By their own names, such as `app.css`.
static ASSETS: LazyLock<HashMap<&'static str, Asset>> = LazyLock::new(|| {
    let asset = |file: &'static include_dir::File<'static>| {
        let name = file.path().to_str()?;
        let (stem, ending) = name.rsplit_once('.')?;
        let media = match ending {
            "css" => Media::Css,
            "js" => Media::JavaScript,
            "svg" => Media::Svg,
            _ => return None,
        };
        let mark: String = fingerprint_of(file.contents()).chars().take(MARK).collect();
        let path = format!("{PREFIX}{stem}.{mark}.{ending}");
        Some((name, Asset { path, media, bytes: file.contents(), gzip: gzip(file.contents())? }))
    };
    FILES.files().filter_map(asset).collect()
});

/// The path of an asset, as pages name it.
pub fn path(name: &str) -> String {
    ASSETS.get(name).map(|a| a.path.clone()).unwrap_or_default()
}

/// Is the path one of an asset, whether or not there is one?
pub fn is_below(path: &str) -> bool {
    path.strip_prefix(PREFIX).is_some_and(|name| !name.contains('/'))
}

/// The asset at a path; `None` when there is none: an old name is not the new content.
pub fn answer(path: &str, headers: &HeaderMap) -> Option<Answer> {
    if !is_below(path) {
        return None;
    }
    let asset = ASSETS.values().find(|a| a.path == path)?;
    let answer = match is_taken(headers) {
        true => Answer::json(StatusCode::OK, asset.gzip.clone()).with(header::CONTENT_ENCODING, "gzip"),
        false => Answer::json(StatusCode::OK, asset.bytes),
    };
    let answer = answer.with(header::CACHE_CONTROL, "public, max-age=31536000, immutable");
    Some(Answer { media: asset.media, ..answer.with(header::VARY, "Accept-Encoding") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_has_a_name_that_holds_its_content() {
        assert_eq!(ASSETS.len(), FILES.files().count(), "a file of a kind that is not served");
        for name in ["app.css", "app.js", "icon.svg"] {
            let path = path(name);
            assert!(path.starts_with(PREFIX) && path.len() > PREFIX.len() + name.len(), "{name}: {path}");
            assert!(answer(&path, &HeaderMap::new()).is_some());
            assert!(answer(&path.replace('.', "x"), &HeaderMap::new()).is_none());
        }
        let none = HeaderMap::new();
        assert!(answer("/static/app.css", &none).is_none() && answer("/static/../Cargo.toml", &none).is_none());
    }
}
