//! `[[schema]]`, `[[resource_type]]`, `[[role]]` and `[roles]`. What they mean is said by those who know what they are; here they are text,
//! read into whatever form is asked for, and places in it.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::DeserializeOwned;
use toml::Spanned;
use toml::de::DeTable;

use super::{BadConfig, Place, Source};

/// The tables of a file that declare something.
#[derive(Debug, Clone, Default)]
pub struct Declared {
    file: PathBuf,
    text: String,
}

/// The same as far as the rest of the configuration is concerned: tables, whatever is in them.
#[derive(Default, Deserialize)]
#[serde(transparent)]
pub(super) struct Tables(Vec<serde::de::IgnoredAny>);

impl Tables {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Declared {
    /// Of a file that was read already.
    pub(super) fn of(text: &str, file: &Path) -> Declared {
        Declared { file: file.to_owned(), text: text.to_owned() }
    }

    /// Reads the tables into a type with fields for some of them, which passes other names over.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, BadConfig> {
        toml::from_str(&self.text).map_err(|e| self.source().explain(&e))
    }

    /// The place of a key, found from the whole to the part: keys, and for lists of tables which of them. Where the last
    /// key is not written, the table that lacks it.
    pub fn place(&self, path: &[(&str, Option<usize>)]) -> Place {
        let span = DeTable::parse(&self.text).ok().and_then(|root| {
            let mut found = None;
            let mut table = Some(root.get_ref());
            for (key, index) in path {
                let Some((at, value)) = table.and_then(|t| t.iter().find(|(k, _)| k.get_ref() == key)) else { break };
                let element = index.and_then(|i| value.get_ref().as_array()?.get(i));
                // A header `[[schema]]` is where its table begins; a key is where it stands.
                found = Some(element.map_or(at.span(), Spanned::span));
                table = element.unwrap_or(value).get_ref().as_table();
            }
            found
        });
        self.source().place(span)
    }

    fn source(&self) -> Source<'_> {
        Source { file: &self.file, text: &self.text }
    }
}
