//! The two PEM files.

use std::fs::{File, OpenOptions};
use std::io::Read;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use rustix::fs::OFlags;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use rustls::{Error, InconsistentKeys};

use super::{BadCertificate, Certificate, provider};
use crate::config;

/// Bytes of a file, at most. Long chains have ten thousand.
const MOST: u64 = 1 << 20;

/// What changes when a file is replaced, written to or opened up: device, inode, size, and the time of its last change.
pub(super) type Stamp = [Option<(u64, u64, u64, i64, i64)>; 2];

/// The files as they are now. What a link points to counts: certbot's files are links.
pub(super) fn stamp(source: &config::Tls) -> Option<Stamp> {
    let of = |path: &Path| path.metadata().ok().map(|m| (m.dev(), m.ino(), m.size(), m.ctime(), m.ctime_nsec()));
    Some([of(&source.certificate), of(&source.key)])
}

/// Reads both and sees that they belong together.
pub(super) fn load(source: &config::Tls) -> Result<(CertifiedKey, Certificate), BadCertificate> {
    let bad = |path: &Path, why: &str| BadCertificate(format!("{} {why}", path.display()));
    let (path, key_path) = (source.certificate.as_path(), source.key.as_path());
    let text = read(path, source.own.is_some(), |_| Ok(()))?;
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(&text)
        .collect::<Result<_, _>>()
        .map_err(|e| bad(path, &format!("is no PEM file: {e}")))?;
    let first = chain.first().ok_or_else(|| bad(path, "holds no certificate in PEM form"))?;
    let certificate = Certificate::read(first).ok_or_else(|| bad(path, "holds a certificate that cannot be read"))?;
    let text = read(key_path, source.own.is_some(), |mode| match mode & 0o077 {
        0 => Ok(()),
        _ => {
            let why = format!("is a private key that others may read (mode {:04o}); chmod 600 it", mode & 0o7777);
            Err(bad(key_path, &why))
        }
    })?;
    let key = PrivateKeyDer::from_pem_slice(&text)
        .map_err(|_| bad(key_path, "holds no private key in PEM form, or one with a passphrase"))?;
    match CertifiedKey::from_der(chain, key, &provider()) {
        Ok(certified) => Ok((certified, certificate)),
        Err(Error::InconsistentKeys(InconsistentKeys::KeyMismatch)) => {
            let why = format!("does not fit {}, whose first certificate has another key", path.display());
            Err(bad(key_path, &why))
        }
        Err(Error::InvalidCertificate(e)) => Err(bad(path, &format!("holds a certificate that cannot be used: {e:?}"))),
        Err(e) => Err(bad(key_path, &format!("holds a key that cannot be used: {e}"))),
    }
}

/// Reads a file whose mode is right. Our own files are never links.
fn read(path: &Path, own: bool, mode: impl Fn(u32) -> Result<(), BadCertificate>) -> Result<Vec<u8>, BadCertificate> {
    let cannot = |e: std::io::Error| BadCertificate(format!("{} cannot be read: {e}", path.display()));
    let flags = if own { OFlags::NOFOLLOW } else { OFlags::empty() } | OFlags::NONBLOCK;
    let opened = OpenOptions::new().read(true).custom_flags(i32::try_from(flags.bits()).unwrap_or(0)).open(path);
    let file: File = opened.map_err(cannot)?;
    let found = file.metadata().map_err(cannot)?;
    if !found.is_file() {
        return Err(BadCertificate(format!("{} is not a file", path.display())));
    }
    mode(found.permissions().mode())?;
    let mut text = Vec::new();
    file.take(MOST).read_to_end(&mut text).map_err(cannot)?;
    Ok(text)
}
