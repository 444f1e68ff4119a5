//! The keys of a provider, and the signatures made with them.
//!
//! jsonwebtoken reads the keys and verifies; the arithmetic under it is that of `secret`. A header names its algorithm and its
//! key, and is believed in neither: the algorithm has to be one of the metadata, and the key one that is made for it.

use std::ops::RangeInclusive;

use jsonwebtoken::crypto::{CryptoProvider, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::{ErrorKind, Result as JwtResult};
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyOperations, PublicKeyUse};
use jsonwebtoken::signature::{Error as SignatureError, Verifier};
use jsonwebtoken::{Algorithm, DecodingKey, DecodingKeyKind};
use serde_json::Value;

use crate::secret::signature::{PublicKey, Scheme};

use super::{SsoError, json};

/// Keys of one provider, at most.
const MOST: usize = 100;

/// Bytes of an RSA modulus: 2048 to 8192 bits. Shorter ones can be broken, longer ones take long.
const RSA_BYTES: RangeInclusive<usize> = 256..=1024;

static RING: CryptoProvider = CryptoProvider {
    signer_factory: |_, _| Err(ErrorKind::UnsupportedAlgorithm.into()),
    verifier_factory: verifier,
    // Asked only by those who make keys, which nobody does here.
    key_utils: KeyUtils::new_unimplemented(),
};

/// Tells jsonwebtoken who does the arithmetic. Only the first time counts.
pub(super) fn prepare() {
    let _ = RING.install_default();
}

struct Verifying {
    algorithm: Algorithm,
    scheme: Scheme,
    key: DecodingKey,
}

fn verifier(algorithm: &Algorithm, key: &DecodingKey) -> JwtResult<Box<dyn JwtVerifier>> {
    let scheme = scheme(*algorithm).ok_or(ErrorKind::UnsupportedAlgorithm)?;
    Ok(Box::new(Verifying { algorithm: *algorithm, scheme, key: key.clone() }))
}

impl Verifier<Vec<u8>> for Verifying {
    fn verify(&self, message: &[u8], signed: &Vec<u8>) -> Result<(), SignatureError> {
        let key = match self.key.kind() {
            // Some write a zero before them, which is no part of a number.
            DecodingKeyKind::RsaModulusExponent { n, e } => PublicKey::Rsa(bare(n), bare(e)),
            DecodingKeyKind::SecretOrDer(point) => PublicKey::Point(point),
        };
        if self.key.family() != family(self.scheme) || !self.scheme.verify(key, message, signed) {
            return Err(SignatureError::new());
        }
        Ok(())
    }
}

impl JwtVerifier for Verifying {
    fn algorithm(&self) -> Algorithm {
        self.algorithm
    }
}

/// A number without the zeros before it.
fn bare(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    number.get(zeros..).unwrap_or_default()
}

/// The schemes that are accepted: all of them asymmetric. `none` and the HMACs are not among them, so that nobody signs with
/// a key that everybody can read.
fn scheme(algorithm: Algorithm) -> Option<Scheme> {
    Some(match algorithm {
        Algorithm::RS256 => Scheme::Rs256,
        Algorithm::RS384 => Scheme::Rs384,
        Algorithm::RS512 => Scheme::Rs512,
        Algorithm::PS256 => Scheme::Ps256,
        Algorithm::PS384 => Scheme::Ps384,
        Algorithm::PS512 => Scheme::Ps512,
        Algorithm::ES256 => Scheme::Es256,
        Algorithm::ES384 => Scheme::Es384,
        Algorithm::EdDSA => Scheme::EdDsa,
        _ => return None,
    })
}

fn family(scheme: Scheme) -> jsonwebtoken::AlgorithmFamily {
    match scheme {
        Scheme::Es256 | Scheme::Es384 => jsonwebtoken::AlgorithmFamily::Ec,
        Scheme::EdDsa => jsonwebtoken::AlgorithmFamily::Ed,
        _ => jsonwebtoken::AlgorithmFamily::Rsa,
    }
}

/// The algorithm of a name, if it is accepted.
pub(super) fn algorithm(name: &str) -> Option<(Algorithm, Scheme)> {
    let algorithm: Algorithm = usual(name).parse().ok()?;
    Some((algorithm, scheme(algorithm)?))
}

/// The name that most use: RFC 9864 has called `EdDSA` with Ed25519 by the name of the curve.
pub(super) fn usual(name: &str) -> &str {
    if name == "Ed25519" { "EdDSA" } else { name }
}

/// The keys of a provider that can verify something.
#[derive(Debug)]
pub(super) struct Keys(Vec<Key>);

#[derive(Debug)]
struct Key {
    id: Option<String>,
    /// The only algorithm it is for, if it says so.
    algorithm: Option<String>,
    kind: Kind,
    key: DecodingKey,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Rsa,
    P256,
    P384,
    Ed25519,
}

impl Keys {
    /// Reads a key set. Keys that are for something else, or of a kind that is not known here, are passed over.
    ///
    /// Errors: it is no key set.
    pub(super) fn read(text: &[u8]) -> Result<Keys, SsoError> {
        let members = json::object(text).map_err(|why| SsoError::BadKeys(format!("what stands at jwks_uri {why}")))?;
        let Some(Value::Array(written)) = members.get("keys") else {
            return Err(SsoError::BadKeys("what stands at jwks_uri has no list of keys".into()));
        };
        if written.len() > MOST {
            return Err(SsoError::BadKeys(format!(
                "there are {} of them, and more than {MOST} are not read",
                written.len()
            )));
        }
        Ok(Keys(written.iter().filter_map(key).collect()))
    }

    /// How many of them can verify one of these algorithms.
    pub(super) fn good_for(&self, algorithms: &[String]) -> usize {
        let good = |key: &&Key| algorithms.iter().any(|a| algorithm(a).is_some_and(|(_, scheme)| key.fits(a, scheme)));
        self.0.iter().filter(good).count()
    }

    /// Verifies a signature over `message`, with the key of this id or one that has none, or with any that fits where none is
    /// named.
    pub(super) fn verify(
        &self,
        algorithm: (Algorithm, Scheme),
        name: &str,
        id: Option<&str>,
        message: &str,
        signed: &str,
    ) -> Result<(), SsoError> {
        let named = |key: &&Key| id.is_none() || key.id.is_none() || key.id.as_deref() == id;
        let mut fitting = self.0.iter().filter(named).filter(|key| key.fits(name, algorithm.1)).peekable();
        if fitting.peek().is_none() {
            return Err(SsoError::UnknownKey(""));
        }
        let verifies = |key: &Key| {
            jsonwebtoken::crypto::verify(signed, message.as_bytes(), &key.key, algorithm.0).unwrap_or(false)
        };
        if fitting.any(verifies) { Ok(()) } else { Err(SsoError::BadSignature) }
    }
}

impl Key {
    fn fits(&self, name: &str, scheme: Scheme) -> bool {
        let kind = match scheme {
            Scheme::Es256 => Kind::P256,
            Scheme::Es384 => Kind::P384,
            Scheme::EdDsa => Kind::Ed25519,
            _ => Kind::Rsa,
        };
        self.kind == kind && self.algorithm.as_deref().is_none_or(|only| usual(only) == usual(name))
    }
}

fn key(written: &Value) -> Option<Key> {
    let read: Jwk = serde_json::from_value(written.clone()).ok()?;
    let signs = read.common.public_key_use.as_ref().is_none_or(|u| *u == PublicKeyUse::Signature)
        && read.common.key_operations.as_ref().is_none_or(|o| o.contains(&KeyOperations::Verify));
    let kind = match &read.algorithm {
        AlgorithmParameters::RSA(_) => Kind::Rsa,
        AlgorithmParameters::EllipticCurve(p) if p.curve == EllipticCurve::P256 => Kind::P256,
        AlgorithmParameters::EllipticCurve(p) if p.curve == EllipticCurve::P384 => Kind::P384,
        AlgorithmParameters::OctetKeyPair(p) if p.curve == EllipticCurve::Ed25519 => Kind::Ed25519,
        _ => return None,
    };
    let algorithm = written.get("alg").and_then(Value::as_str).map(str::to_owned);
    let key = DecodingKey::from_jwk(&read).ok()?;
    if let DecodingKeyKind::RsaModulusExponent { n, .. } = key.kind()
        && !RSA_BYTES.contains(&bare(n).len())
    {
        return None;
    }
    signs.then_some(Key { id: read.common.key_id, algorithm, kind, key })
}
