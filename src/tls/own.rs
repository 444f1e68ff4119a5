//! A certificate of our own, for who has none yet: tokens do not cross the network in the clear from the first start on.
//! Nobody vouches for it, so clients have to be told its fingerprint, or be given the file.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use jiff::SignedDuration;
use jiff::tz::TimeZone;
use rcgen::{
    CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose,
    PKCS_ECDSA_P256_SHA256, date_time_ymd,
};
use rustix::fs::OFlags;

use super::{BadCertificate, Certificate, NEAR_DAYS, files};
use crate::config;

/// Clients of Apple take no certificate of more than 398 days; one of them lies behind us, for clocks that are late.
const DAYS: i64 = 396;

/// The certificate that is kept; none when it is not there, is near its end, or cannot be used.
pub(super) fn kept(source: &config::Tls) -> Result<Option<Certificate>, BadCertificate> {
    let there = |path: &Path| path.symlink_metadata().is_ok();
    if !there(&source.certificate) || !there(&source.key) {
        return Ok(None);
    }
    let (_, certificate) = files::load(source)?;
    let names = source.own.as_deref().unwrap_or_default();
    let good = certificate.days_left() >= NEAR_DAYS && names.iter().all(|n| certificate.names.contains(n));
    Ok(good.then_some(certificate))
}

/// Makes a certificate when none is kept. A file there that is none of ours is left alone, and the server does not start.
pub(super) fn make_if_needed(source: &config::Tls, names: &[String]) -> Result<(), BadCertificate> {
    if kept(source)?.is_some() {
        return Ok(());
    }
    let cannot = |e: rcgen::Error| BadCertificate(format!("a certificate cannot be made: {e}"));
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(cannot)?;
    let mut wanted = CertificateParams::new(names).map_err(cannot)?;
    wanted.distinguished_name = DistinguishedName::new();
    wanted.distinguished_name.push(DnType::CommonName, "scim-appliance");
    wanted.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    wanted.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let [from, until] = [-1, DAYS].map(|days| {
        let then = jiff::Timestamp::now().saturating_add(SignedDuration::from_hours(24 * days)).unwrap_or_default();
        TimeZone::UTC.to_datetime(then).date()
    });
    wanted.not_before = date_time_ymd(from.year().into(), from.month().unsigned_abs(), from.day().unsigned_abs());
    wanted.not_after = date_time_ymd(until.year().into(), until.month().unsigned_abs(), until.day().unsigned_abs());
    let certificate = wanted.self_signed(&key).map_err(cannot)?;
    // Without its certificate a key is made again; the other way round the two would not fit.
    remove(&source.certificate)?;
    put(&source.key, &key.serialize_pem())?;
    put(&source.certificate, &certificate.pem())?;
    tracing::info!(file = %source.certificate.display(), ?names, "a self-signed certificate was made");
    Ok(())
}

/// Puts a file in its place in one step, for its owner only and never through a link.
fn put(path: &Path, text: &str) -> Result<(), BadCertificate> {
    let cannot = |e: std::io::Error| BadCertificate(format!("{} cannot be written: {e}", path.display()));
    let mut draft = path.as_os_str().to_owned();
    draft.push(".draft");
    let draft = PathBuf::from(draft);
    // One of a start that was cut off. Nobody else makes them: whoever is here holds the lock of the database.
    remove(&draft)?;
    let flags = i32::try_from(OFlags::NOFOLLOW.bits()).unwrap_or(0);
    let opened = OpenOptions::new().create_new(true).write(true).mode(0o600).custom_flags(flags).open(&draft);
    let mut file = opened.map_err(cannot)?;
    let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_all());
    let put = written.and_then(|()| std::fs::rename(&draft, path)).map_err(cannot);
    if put.is_err() {
        let _ = std::fs::remove_file(&draft);
    }
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    put.and_then(|()| File::open(folder).and_then(|f| f.sync_all()).map_err(cannot))
}

fn remove(path: &Path) -> Result<(), BadCertificate> {
    match std::fs::remove_file(path) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
            Err(BadCertificate(format!("{} cannot be removed: {e}", path.display())))
        }
        _ => Ok(()),
    }
}
