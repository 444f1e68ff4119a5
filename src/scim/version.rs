//! Versions of resources, and the conditions that a request puts on them (RFC 7644 §3.14, RFC 9110 §13).

use super::fault::{Fault, Kind, quoted};

/// The weak entity tag of the change that last wrote a resource: `W/"<file tag>-<change>"`.
///
/// It covers what is written on the resource. `groups` of a user and `display` of a member are views, and move no
/// version. The file tag is new after each restore, so that an old version never stands for other content.
pub fn entity_tag(file_tag: &str, change: i64) -> String {
    format!("W/\"{file_tag}-{change}\"")
}

/// What a request demands of the version that it meets: `If-Match`, `If-None-Match`, or `version` of a Bulk operation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Conditions {
    matches: Option<Tags>,
    differs: Option<Tags>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Tags {
    /// `*`: any version of a resource that is there.
    Any,
    /// The opaque parts. SCIM's versions are weak and RFC 7644 puts them into `If-Match`, so the weak comparison holds
    /// there too (an interpretation: RFC 9110 §13.1.1 has the strong one, with which no weak tag could ever match).
    These(Vec<String>),
}

impl Conditions {
    /// None.
    pub const NONE: Conditions = Conditions { matches: None, differs: None };

    /// Reads the values of `If-Match` and `If-None-Match`.
    ///
    /// Errors: [`Kind::InvalidValue`] for what is neither `*` nor a list of entity tags.
    pub fn read(matches: Option<&str>, differs: Option<&str>) -> Result<Conditions, Fault> {
        let read = |name: &str, given: Option<&str>| match given {
            None => Ok(None),
            Some(text) => Tags::read(text).map(Some).ok_or_else(|| {
                let why = format!("* or entity tags such as W/\"1-2\" are expected, not {}", quoted(text));
                Fault::new(Kind::InvalidValue, name, why)
            }),
        };
        Ok(Conditions { matches: read("If-Match", matches)?, differs: read("If-None-Match", differs)? })
    }

    /// The condition of a Bulk operation that names a version (RFC 7644 §3.7).
    pub fn on_version(version: &str) -> Result<Conditions, Fault> {
        Conditions::read(Some(version), None).map_err(|f| Fault { at: "version".into(), ..f })
    }

    /// May a resource of this version be changed?
    pub fn allow_change(&self, version: &str) -> bool {
        self.matches.as_ref().is_none_or(|t| t.have(version)) && self.differs.as_ref().is_none_or(|t| !t.have(version))
    }

    /// May a resource of this version be shown? `If-None-Match` is no refusal there: it is a question, see
    /// [`Conditions::is_known`].
    pub fn allow_look(&self, version: &str) -> bool {
        self.matches.as_ref().is_none_or(|t| t.have(version))
    }

    /// Does the client hold this version already?
    pub fn is_known(&self, version: &str) -> bool {
        self.differs.as_ref().is_some_and(|t| t.have(version))
    }
}

impl Tags {
    fn read(text: &str) -> Option<Tags> {
        let mut rest = text.trim();
        if rest == "*" {
            return Some(Tags::Any);
        }
        let mut tags = Vec::new();
        loop {
            // Empty elements of a list are passed over (RFC 9110 §5.6.1).
            rest = rest.trim_start_matches([' ', '\t', ',']);
            if rest.is_empty() {
                break;
            }
            let (tag, behind) = rest.strip_prefix("W/").unwrap_or(rest).strip_prefix('"')?.split_once('"')?;
            let fits = |c: char| c == '!' || ('#'..='~').contains(&c) || c > '\u{7f}';
            let ends = behind.trim_start_matches([' ', '\t']);
            if !tag.chars().all(fits) || !(ends.is_empty() || ends.starts_with(',')) {
                return None;
            }
            tags.push(tag.to_owned());
            rest = ends;
        }
        (!tags.is_empty()).then_some(Tags::These(tags))
    }

    fn have(&self, version: &str) -> bool {
        let opaque = version.strip_prefix("W/").unwrap_or(version).trim_matches('"');
        match self {
            Tags::Any => true,
            Tags::These(tags) => tags.iter().any(|t| t == opaque),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matching(text: &str) -> Conditions {
        Conditions::read(Some(text), None).unwrap()
    }

    #[test]
    fn a_version_matches_itself_in_every_writing() {
        let version = entity_tag("ab", 12);
        assert_eq!(version, "W/\"ab-12\"");
        for text in ["*", " * ", "W/\"ab-12\"", "\"ab-12\"", "\"x\", W/\"ab-12\"", ",,\"x\" ,\t\"ab-12\",", "\"ab-12\""]
        {
            assert!(matching(text).allow_change(&version), "{text}");
            assert!(!Conditions::read(None, Some(text)).unwrap().allow_change(&version), "{text}");
            assert!(Conditions::read(None, Some(text)).unwrap().is_known(&version), "{text}");
        }
        for text in ["\"ab-1\"", "\"\"", "W/\"AB-12\"", "\"x\", \"y\""] {
            assert!(!matching(text).allow_change(&version), "{text}");
            assert!(Conditions::read(None, Some(text)).unwrap().allow_change(&version), "{text}");
        }
        assert!(Conditions::default().allow_change(&version) && !Conditions::default().is_known(&version));
    }

    #[test]
    fn what_is_no_entity_tag_is_refused() {
        for text in [
            "",
            " ",
            ",",
            "ab-12",
            "W/ab-12",
            "w/\"ab-12\"",
            "\"ab",
            "\"a\"\"b\"",
            "\"a\" \"b\"",
            "*, \"a\"",
            "\"a b\"",
        ] {
            assert!(Conditions::read(Some(text), None).is_err(), "{text}");
            assert!(Conditions::read(None, Some(text)).is_err(), "{text}");
        }
    }
}
