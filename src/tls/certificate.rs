//! What a certificate says: for whom it is, and how long.

use std::net::IpAddr;

use ring::digest::{SHA256, digest};
use rustls::pki_types::CertificateDer;
use x509_cert::der::Decode;
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;

use super::NEAR_DAYS;

const DAY: i64 = 24 * 3600 * 1_000_000;

/// A certificate, as people look at it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// Whom it names.
    pub subject: String,
    /// The host names and addresses that it is for.
    pub names: Vec<String>,
    /// When it ends: microseconds since 1970.
    pub not_after: i64,
    /// It vouches for itself.
    pub self_signed: bool,
    /// SHA-256 of it, in hexadecimal pairs.
    pub fingerprint: String,
}

impl Certificate {
    /// Reads it; `None` when it is none.
    pub(super) fn read(der: &CertificateDer<'_>) -> Option<Certificate> {
        let parsed = x509_cert::Certificate::from_der(der).ok()?;
        let body = parsed.tbs_certificate();
        let names = body.get_extension::<SubjectAltName>().ok()?.map(|(_, names)| names.0).unwrap_or_default();
        let not_after = i64::try_from(body.validity().not_after.to_unix_duration().as_micros()).ok()?;
        let pairs: Vec<String> = digest(&SHA256, der).as_ref().iter().map(|b| format!("{b:02X}")).collect();
        Some(Certificate {
            subject: body.subject().to_string(),
            names: names.iter().filter_map(name).collect(),
            not_after,
            self_signed: body.subject() == body.issuer(),
            fingerprint: pairs.join(":"),
        })
    }

    /// Whole days until its end, rounded down: negative when it is over.
    pub fn days_left(&self) -> i64 {
        (self.not_after - jiff::Timestamp::now().as_microsecond()).div_euclid(DAY)
    }

    /// When it ends, to the second.
    pub fn end(&self) -> String {
        jiff::Timestamp::from_second(self.not_after.div_euclid(1_000_000)).unwrap_or_default().to_string()
    }

    /// Is its end near, or behind us? One sentence.
    pub fn warning(&self, own: bool) -> Option<String> {
        let days = self.days_left();
        let then = if own { "start the server again to have a new one made" } else { "put a new one in its place" };
        let end = self.end();
        match days {
            NEAR_DAYS.. => None,
            1 => Some(format!("the certificate ends in 1 day, at {end}; {then}")),
            2.. => Some(format!("the certificate ends in {days} days, at {end}; {then}")),
            0 => Some(format!("the certificate ends within a day, at {end}; {then}")),
            _ => Some(format!("the certificate has expired at {end}, and clients refuse it; {then}")),
        }
    }

    /// Writes down that this certificate is shown from now on.
    pub(super) fn announce(&self) {
        let Certificate { subject, names, self_signed, fingerprint, .. } = self;
        let until = self.end();
        tracing::info!(?subject, ?names, until, self_signed, fingerprint, "the certificate is in use");
    }

    /// Writes down that it ends soon, if it does.
    pub(super) fn remind(&self, own: bool) {
        let fingerprint = &self.fingerprint;
        match self.warning(own) {
            Some(why) if self.days_left() < 0 => tracing::error!(fingerprint, "{why}"),
            Some(why) => tracing::warn!(fingerprint, "{why}"),
            None => {}
        }
    }
}

/// A name that clients can call.
fn name(name: &GeneralName) -> Option<String> {
    match name {
        GeneralName::DnsName(name) => Some(name.to_string()),
        GeneralName::IpAddress(bytes) => match *bytes.as_bytes() {
            [a, b, c, d] => Some(IpAddr::from([a, b, c, d]).to_string()),
            ref long => <[u8; 16]>::try_from(long).ok().map(|v6| IpAddr::from(v6).to_string()),
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_spoken_of_when_it_is_near() {
        let warning = |half_days: i64| {
            let not_after = jiff::Timestamp::now().as_microsecond() + half_days * DAY / 2;
            let nobody = String::new;
            let (subject, fingerprint, names) = (nobody(), nobody(), Vec::new());
            let certificate = Certificate { subject, names, not_after, self_signed: false, fingerprint };
            certificate.warning(false).unwrap_or_default()
        };
        assert_eq!(warning(61), "");
        assert!(warning(59).contains("ends in 29 days, at 2"));
        assert!(warning(3).contains("ends in 1 day,"));
        assert!(warning(1).contains("ends within a day, at 2"));
        assert!(warning(-1).contains("has expired at 2"));
    }
}
