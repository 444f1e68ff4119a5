//! The certificate: where it comes from, how it is exchanged, and which files are refused.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use ring::digest::{SHA256, digest};
use rustix::process::Signal;

use super::client::Client;
use super::{Made, Site, made, made_until, replace, shown, until};
use crate::served::{Place, Served};

/// The words of the log that stand for a certificate that was not taken.
const NOT_EXCHANGED: &str = "the certificate was not exchanged";

fn fingerprint(der: &[u8]) -> String {
    digest(&SHA256, der).as_ref().iter().map(|b| format!("{b:02X}")).collect::<Vec<_>>().join(":")
}

fn logged(server: &Served, words: &[&str]) -> String {
    crate::served::logged(|| server.log(), words)
}

/// What both `serve` and `check-config` say when they refuse.
fn refused(place: &Place) -> String {
    let say = |command: &str| {
        let output = place.command(&[command]);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{command}: {said}");
        let sentence = said.lines().last().unwrap().to_owned();
        assert!(sentence.starts_with("error: ") && said.lines().count() == 1, "{said}");
        sentence
    };
    let (checked, served) = (say("check-config"), say("serve"));
    assert_eq!(checked, served);
    checked
}

#[test]
fn replaced_files_are_found_and_connections_go_on() {
    let (old, new) = (made(), made());
    let site = Site::given(&old, "");
    let server = site.start();
    assert!(shown(&server) == old.der);
    let mut before = Client::new(server.port).connect().unwrap().http();
    assert_eq!(before.send("GET", "/healthz", &[], None).unwrap().status, 200);
    site.put(&new);
    until(|| (shown(&server) == new.der).then_some(()));
    logged(&server, &["the certificate is in use", &fingerprint(&new.der)]);
    assert_eq!(before.send("GET", "/healthz", &[], None).unwrap().status, 200);
    // Written to in place, too.
    std::fs::write(site.certificate(), &old.certificate).unwrap();
    std::fs::write(site.key(), &old.key).unwrap();
    until(|| (shown(&server) == old.der).then_some(()));
    assert_eq!(server.terminate(), Some(0));
}

#[test]
fn a_signal_has_the_files_read_again() {
    let old = made();
    let site = Site::given(&old, "");
    let server = site.start();
    server.signal(Signal::HUP);
    logged(&server, &["the certificate is read again"]);
    assert!(shown(&server) == old.der);
    let new = made();
    site.put(&new);
    server.signal(Signal::HUP);
    until(|| (shown(&server) == new.der).then_some(()));
    assert_eq!(server.terminate(), Some(0));
}

#[test]
fn a_bad_file_keeps_the_old_certificate_and_says_so_once() {
    let (old, other) = (made(), made());
    let site = Site::given(&old, "");
    let server = site.start();
    replace(&site.certificate(), "nonsense", 0o644);
    logged(&server, &[NOT_EXCHANGED, "tls.crt holds no certificate"]);
    for _ in 0..3 {
        server.signal(Signal::HUP);
        assert!(shown(&server) == old.der);
    }
    replace(&site.certificate(), &other.certificate, 0o644);
    logged(&server, &[NOT_EXCHANGED, "tls.key does not fit", "tls.crt"]);
    assert!(shown(&server) == old.der);
    replace(&site.key(), &other.key, 0o644);
    logged(&server, &[NOT_EXCHANGED, "tls.key is a private key that others may read (mode 0644)"]);
    std::fs::remove_file(site.key()).unwrap();
    logged(&server, &[NOT_EXCHANGED, "tls.key cannot be read"]);
    assert!(shown(&server) == old.der);
    replace(&site.key(), &other.key, 0o600);
    until(|| (shown(&server) == other.der).then_some(()));
    let (code, log) = server.ended();
    assert_eq!((code, log.matches("holds no certificate").count()), (Some(0), 1), "{log}");
}

#[test]
fn the_end_of_a_certificate_is_spoken_of() {
    for (made, level, words) in [
        (made_until(2021), "ERROR", "the certificate has expired at 2021-01-01T00:00:00Z"),
        (soon(), "WARN", "the certificate ends in "),
    ] {
        let site = Site::given(&made, "");
        let checked = site.place.command(&["check-config"]);
        let said = String::from_utf8_lossy(&checked.stderr).into_owned();
        assert!(checked.status.success() && said.contains(words), "{said}");
        let server = site.start();
        logged(&server, &[level, words, &fingerprint(&made.der)]);
        assert!(shown(&server) == made.der, "clients are to see it for themselves");
        assert_eq!(server.terminate(), Some(0));
    }
    let site = Site::given(&made(), "");
    assert!(site.place.command(&["check-config"]).stderr.is_empty());
}

/// A certificate that ends in ten days and some hours.
fn soon() -> Made {
    let then = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(24 * 11);
    let date = jiff::tz::TimeZone::UTC.to_datetime(then).date();
    let key = rcgen::KeyPair::generate().unwrap();
    let mut wanted = rcgen::CertificateParams::new(vec!["scim.test".to_owned()]).unwrap();
    wanted.not_after = rcgen::date_time_ymd(date.year().into(), date.month().unsigned_abs(), date.day().unsigned_abs());
    let certificate = wanted.self_signed(&key).unwrap();
    Made { certificate: certificate.pem(), key: key.serialize_pem(), der: certificate.der().to_vec() }
}

#[test]
fn files_that_cannot_be_used_are_refused_with_what_is_wrong() {
    let (one, other) = (made(), made());
    let pem = |kind: &str| format!("-----BEGIN {kind}-----\nbm90aGluZw==\n-----END {kind}-----\n");
    for (certificate, key, mode, words) in [
        (one.certificate.as_str(), other.key.as_str(), 0o600, &["tls.key does not fit", "tls.crt"][..]),
        (&one.certificate, &one.key, 0o644, &["tls.key is a private key that others may read", "chmod 600"]),
        (&one.certificate, &one.key, 0o640, &["mode 0640"]),
        (&one.certificate, &one.key, 0o602, &["mode 0602"]),
        ("", &one.key, 0o600, &["tls.crt holds no certificate"]),
        (&one.key, &one.key, 0o600, &["tls.crt holds no certificate"]),
        (&pem("CERTIFICATE"), &one.key, 0o600, &["tls.crt holds a certificate that cannot be read"]),
        (&one.certificate, "", 0o600, &["tls.key holds no private key"]),
        (&one.certificate, &one.certificate, 0o600, &["tls.key holds no private key"]),
        (&one.certificate, &pem("ENCRYPTED PRIVATE KEY"), 0o600, &["tls.key holds no private key", "passphrase"]),
        (&one.certificate, &pem("PRIVATE KEY"), 0o600, &["tls.key holds a key that cannot be used"]),
    ] {
        let site = Site::given(&one, "");
        replace(&site.certificate(), certificate, 0o644);
        replace(&site.key(), key, mode);
        let said = refused(&site.place);
        assert!(words.iter().all(|w| said.contains(w)), "{words:?}: {said}");
        assert!(!said.contains("PRIVATE KEY-----"), "{said}");
        assert!(!site.place.database().exists());
    }
    for missing in [Site::certificate, Site::key] {
        let site = Site::given(&one, "");
        std::fs::remove_file(missing(&site)).unwrap();
        assert!(refused(&site.place).contains("cannot be read: No such file"));
        std::fs::create_dir(missing(&site)).unwrap();
        assert!(refused(&site.place).contains("is not a file"));
    }
}

/// The files of certbot are links into its archive.
#[test]
fn links_to_files_are_followed_and_watched() {
    let (old, new) = (made(), made());
    let site = Site::given(&old, "");
    let archive = tempfile::tempdir().unwrap();
    for (number, made) in [("1", &old), ("2", &new)] {
        replace(&archive.path().join(format!("key{number}")), &made.key, 0o600);
        replace(&archive.path().join(format!("crt{number}")), &made.certificate, 0o644);
    }
    let point = |number: &str| {
        for (link, name) in [(site.key(), "key"), (site.certificate(), "crt")] {
            let _ = std::fs::remove_file(&link);
            symlink(archive.path().join(format!("{name}{number}")), link).unwrap();
        }
    };
    point("1");
    let server = site.start();
    assert!(shown(&server) == old.der);
    point("2");
    until(|| (shown(&server) == new.der).then_some(()));
    assert_eq!(server.terminate(), Some(0));
}

fn own_files(site: &Site) -> [std::path::PathBuf; 2] {
    [".tls.crt", ".tls.key"].map(|end| site.place.path().join(format!("scim-appliance.db{end}")))
}

#[test]
fn a_certificate_of_our_own_is_made_once_and_kept() {
    let site = Site::own();
    assert!(site.place.command(&["check-config"]).status.success());
    assert!(own_files(&site).iter().all(|f| !f.exists()), "a check leaves nothing behind");
    let token = site.place.provisioned();
    let server = site.start();
    let first = shown(&server);
    assert_eq!(server.printed("its SHA-256 fingerprint is"), fingerprint(&first));
    for file in own_files(&site) {
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{}", file.display());
    }
    // Whoever is told to trust it can: it is for the names of this machine, and for now.
    let bearer = format!("Bearer {token}");
    for name in ["localhost", "127.0.0.1", "::1"] {
        let client = Client::new(server.port).name(name).trusting(&first);
        assert_eq!(client.send("GET", "/scim/v2/Users", &[("Authorization", &bearer)]).status, 200, "{name}");
    }
    assert!(Client::new(server.port).name("scim.test").trusting(&first).connect().is_err());
    assert_eq!(server.terminate(), Some(0));

    let server = site.start();
    assert!(shown(&server) == first, "it is kept");
    assert_eq!(server.terminate(), Some(0));
    let names: Vec<_> = std::fs::read_dir(site.place.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert!(!names.iter().any(|n| n.to_string_lossy().contains("draft")), "{names:?}");
    assert!(site.place.command(&["check-config"]).status.success());
}

#[test]
fn a_certificate_of_our_own_is_renewed_before_its_end() {
    for (old, why) in [(made_until(2021), "expired"), (soon(), "near its end")] {
        let site = Site::own();
        let [certificate, key] = own_files(&site);
        replace(&certificate, &old.certificate, 0o600);
        replace(&key, &old.key, 0o600);
        let server = site.start();
        let new = shown(&server);
        assert!(new != old.der, "{why}");
        assert!(Client::new(server.port).name("localhost").trusting(&new).connect().is_ok());
        assert_eq!(server.terminate(), Some(0));
    }
    // So it is when clients call the server by another name.
    let site = Site::own();
    let server = site.start();
    let old = shown(&server);
    assert_eq!(server.terminate(), Some(0));
    let site = site.and("public_url = \"https://scim.test:8443\"");
    let server = site.start();
    let new = shown(&server);
    assert!(new != old && Client::new(server.port).trusting(&new).connect().is_ok());
    assert_eq!(server.terminate(), Some(0));
}

#[test]
fn what_stands_in_the_place_of_our_own_files_does_no_harm() {
    // Half of it, as after a crash.
    let site = Site::own();
    let [certificate, key] = own_files(&site);
    replace(&key, &made().key, 0o600);
    let server = site.start();
    shown(&server);
    assert_eq!(server.terminate(), Some(0));
    std::fs::remove_file(&key).unwrap();
    let server = site.start();
    shown(&server);
    assert_eq!(server.terminate(), Some(0));
    // A key that others can read may have been read.
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
    assert!(refused(&site.place).contains("others may read"));
    // A link: nothing is written to where it leads.
    let elsewhere = tempfile::tempdir().unwrap();
    let target = elsewhere.path().join("target");
    std::fs::write(&target, "precious").unwrap();
    for file in [&certificate, &key] {
        std::fs::remove_file(file).unwrap();
        symlink(&target, file).unwrap();
        let draft = format!("{}.draft", file.display());
        symlink(&target, Path::new(&draft)).unwrap();
    }
    refused(&site.place);
    std::fs::remove_file(&certificate).unwrap();
    let server = site.start();
    shown(&server);
    assert_eq!(server.terminate(), Some(0));
    assert_eq!(std::fs::read_to_string(&target).unwrap(), "precious");
    assert!(key.symlink_metadata().unwrap().is_file());
}
