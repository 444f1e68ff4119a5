//! A form with a file in it: `multipart/form-data` (RFC 7578).

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use multer::{Constraints, Multipart, SizeLimit, parse_boundary};

use super::form::{self, Form};

/// Bytes of a body beside its file, at most.
pub const BESIDE: u64 = 64 << 10;
/// Fields of a form, at most.
const FIELDS: usize = 16;

/// A file of a form.
#[derive(Debug, Clone)]
pub struct Sent {
    /// Its name, as the browser gave it: text like any other, and no path of ours.
    pub name: String,
    /// What is in it.
    pub bytes: Bytes,
}

/// Was a body said to be such a form?
pub fn is_such(kind: &str) -> bool {
    kind.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("multipart/form-data")
}

/// The fields of a body, and the file of this name. `None`: it is no such form.
pub async fn read(kind: &str, body: Bytes, file: &str) -> Option<(Form, Option<Sent>)> {
    let boundary = parse_boundary(kind).ok()?;
    let limits = SizeLimit::new().whole_stream(body.len() as u64);
    let constraints = Constraints::new().size_limit(limits);
    let mut parts = Multipart::with_constraints(Full::new(body).into_data_stream(), boundary, constraints);
    let (mut fields, mut sent) = (Vec::new(), None);
    while let Some(part) = parts.next_field().await.ok()? {
        let name = part.name()?.to_owned();
        if fields.len() >= FIELDS {
            return None;
        }
        match part.file_name().map(str::to_owned) {
            Some(called) if name == file && sent.is_none() => {
                sent = Some(Sent { name: called, bytes: part.bytes().await.ok()? });
            }
            // Only one file is asked for.
            Some(_) => return None,
            None => {
                let value = part.bytes().await.ok()?;
                if value.len() as u64 > form::MOST {
                    return None;
                }
                fields.push((name, String::from_utf8_lossy(&value).into_owned()));
            }
        }
    }
    Some((Form::of(fields.into_iter()), sent))
}
