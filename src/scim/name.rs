//! How names and values compare.

use unicode_normalization::UnicodeNormalization;

/// The version of the tables behind [`fold`]: stored in the file, so that a newer one re-indexes it.
pub fn fold_version() -> String {
    let (a, b, c) = unicode_normalization::UNICODE_VERSION;
    format!("nfc-{a}.{b}.{c}/caseless-0.2")
}

/// The one case-folding function: NFC, then Unicode's default case folding, composed again.
///
/// Uniqueness, the filter operators on attributes that are not `caseExact`, sorting and the index columns all use it, so
/// that they cannot disagree. It trims nothing.
pub fn fold(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    let composed: String = text.nfc().collect();
    caseless::default_case_fold_str(&composed).nfc().collect()
}

/// True for the ATTRNAME of RFC 7643 §2.1, with `$` as its first character allowed for `$ref`.
pub fn is_attribute_name(text: &str) -> bool {
    let rest = text.strip_prefix('$').unwrap_or(text);
    rest.starts_with(|c: char| c.is_ascii_alphabetic())
        && rest.chars().all(|c| c.is_ascii_alphanumeric() || "$-_".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folding_follows_unicode_not_ascii() {
        assert_eq!(fold("STRASSE"), fold("straße"));
        assert_eq!(fold("\u{212b}ngström"), fold("a\u{30a}NGSTRO\u{308}M"));
        assert_eq!(fold("ΣΊΣΥΦΟΣ"), fold("σίσυφος"));
        assert_ne!(fold("a"), fold(" a"));
    }

    #[test]
    fn attribute_names() {
        for good in ["a", "userName", "x509Certificates", "$ref", "a-b_c1", "a$b"] {
            assert!(is_attribute_name(good), "{good}");
        }
        for bad in ["", "$", "1a", "a b", "a.b", "a:b", "é", "-a"] {
            assert!(!is_attribute_name(bad), "{bad}");
        }
    }
}
