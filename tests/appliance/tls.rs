//! TLS by the front door: who shakes hands with whom, which certificate is shown, and what proxies may say.

mod certificates;
pub mod client;
mod handshakes;
mod listeners;
mod proxies;

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use rcgen::{CertificateParams, KeyPair, date_time_ymd};

use crate::served::{Place, Served};
use client::Client;

/// A certificate with its key, in PEM form.
pub struct Made {
    pub certificate: String,
    pub key: String,
    /// What clients see of it.
    pub der: Vec<u8>,
}

/// Makes a certificate for `scim.test` and this machine that ends in a year like this.
pub fn made_until(year: i32) -> Made {
    let key = KeyPair::generate().unwrap();
    let names = ["scim.test", "localhost", "127.0.0.1", "::1"].map(str::to_owned);
    let mut wanted = CertificateParams::new(names).unwrap();
    (wanted.not_before, wanted.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(year, 1, 1));
    let certificate = wanted.self_signed(&key).unwrap();
    Made { certificate: certificate.pem(), key: key.serialize_pem(), der: certificate.der().to_vec() }
}

pub fn made() -> Made {
    made_until(2100)
}

/// A folder with a config of which `[listen]` is the first table, and more behind it.
pub struct Site {
    pub place: Place,
}

impl Site {
    /// With a certificate, and these lines below `[listen]`.
    pub fn given(made: &Made, listen: &str) -> Site {
        let site = Site::with(&format!("{listen}\n[tls]\ncertificate = \"tls.crt\"\nkey = \"tls.key\"\n"));
        site.put(made);
        site
    }

    /// On every address of the machine, with a certificate of its own. Nobody connects but over loopback.
    pub fn own() -> Site {
        Site::at("0.0.0.0:0", "")
    }

    pub fn with(listen: &str) -> Site {
        Site::at("127.0.0.1:0", listen)
    }

    pub fn at(address: &str, listen: &str) -> Site {
        let place = Place::new("");
        let log = "[log]\nlevel = \"debug\"\n";
        std::fs::write(place.config(), format!("{log}[listen]\naddress = \"{address}\"\n{listen}")).unwrap();
        Site { place }
    }

    /// With more in front of the config: keys, then tables.
    pub fn and(self, first: &str) -> Site {
        let config = std::fs::read_to_string(self.place.config()).unwrap();
        std::fs::write(self.place.config(), format!("{first}\n{config}")).unwrap();
        self
    }

    pub fn certificate(&self) -> PathBuf {
        self.place.path().join("tls.crt")
    }

    pub fn key(&self) -> PathBuf {
        self.place.path().join("tls.key")
    }

    /// Puts a certificate and its key into place, each in one step.
    pub fn put(&self, made: &Made) {
        replace(&self.key(), &made.key, 0o600);
        replace(&self.certificate(), &made.certificate, 0o644);
    }

    pub fn start(&self) -> Served {
        Served::start(&self.place.config())
    }
}

/// Puts a file in the place of another in one step, as certbot does.
pub fn replace(path: &Path, text: &str, mode: u32) {
    let draft = path.with_extension("new");
    std::fs::write(&draft, text).unwrap();
    std::fs::set_permissions(&draft, std::fs::Permissions::from_mode(mode)).unwrap();
    std::fs::rename(&draft, path).unwrap();
}

/// Does something again and again until it gives something.
pub fn until<T>(mut what: impl FnMut() -> Option<T>) -> T {
    let end = std::time::Instant::now() + crate::wire::PATIENCE;
    loop {
        if let Some(found) = what() {
            return found;
        }
        assert!(std::time::Instant::now() < end, "it does not come to pass");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

/// The certificate that a new connection is shown.
pub fn shown(server: &Served) -> Vec<u8> {
    Client::new(server.port).connect().unwrap().shown()
}
