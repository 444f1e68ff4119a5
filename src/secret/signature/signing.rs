//! The other side, for tests: keys that sign.

use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use ring::rand::SystemRandom;
use ring::rsa::PublicKeyComponents;
use ring::signature::{self as with, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RsaKeyPair};
use ring::{hmac, signature};
use serde_json::{Value, json};

/// A key that signs. RSA keys take long to make, so there is one, which is no secret.
pub(crate) enum SigningKey {
    /// RSA.
    Rsa(RsaKeyPair),
    /// P-256 or P-384.
    Ec(&'static str, EcdsaKeyPair),
    /// Ed25519.
    Ed(Ed25519KeyPair),
}

impl SigningKey {
    /// A key for an algorithm.
    pub(crate) fn new(algorithm: &str) -> SigningKey {
        let random = SystemRandom::new();
        let ec = |curve, how| {
            let written = EcdsaKeyPair::generate_pkcs8(how, &random).unwrap();
            SigningKey::Ec(curve, EcdsaKeyPair::from_pkcs8(how, written.as_ref(), &random).unwrap())
        };
        match algorithm {
            "ES256" => ec("P-256", &signature::ECDSA_P256_SHA256_FIXED_SIGNING),
            "ES384" => ec("P-384", &signature::ECDSA_P384_SHA384_FIXED_SIGNING),
            "EdDSA" => {
                let written = Ed25519KeyPair::generate_pkcs8(&random).unwrap();
                SigningKey::Ed(Ed25519KeyPair::from_pkcs8(written.as_ref()).unwrap())
            }
            _ => {
                let written = include_str!("test-key.txt").split_whitespace().collect::<String>();
                SigningKey::Rsa(RsaKeyPair::from_pkcs8(&BASE64_STANDARD.decode(written).unwrap()).unwrap())
            }
        }
    }

    /// Signs as the algorithm has it; HS256 with the public key as its secret, as attackers do.
    pub(crate) fn sign(&self, algorithm: &str, message: &str) -> String {
        let random = SystemRandom::new();
        let message = message.as_bytes();
        let signed = match (self, algorithm) {
            (_, "HS256") => {
                let public = self.jwk("", "").to_string();
                hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, public.as_bytes()), message).as_ref().to_vec()
            }
            (SigningKey::Rsa(key), _) => {
                let how: &'static dyn with::RsaEncoding = match algorithm {
                    "RS384" => &with::RSA_PKCS1_SHA384,
                    "RS512" => &with::RSA_PKCS1_SHA512,
                    "PS256" => &with::RSA_PSS_SHA256,
                    "PS384" => &with::RSA_PSS_SHA384,
                    "PS512" => &with::RSA_PSS_SHA512,
                    _ => &with::RSA_PKCS1_SHA256,
                };
                let mut signed = vec![0; key.public().modulus_len()];
                key.sign(how, &random, message, &mut signed).unwrap();
                signed
            }
            (SigningKey::Ec(_, key), _) => key.sign(&random, message).unwrap().as_ref().to_vec(),
            (SigningKey::Ed(key), _) => key.sign(message).as_ref().to_vec(),
        };
        BASE64_URL_SAFE_NO_PAD.encode(signed)
    }

    /// Its public half, as providers show it.
    pub(crate) fn jwk(&self, id: &str, algorithm: &str) -> Value {
        let text = |bytes: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(bytes);
        let mut jwk = match self {
            SigningKey::Rsa(key) => {
                let parts = PublicKeyComponents::<Vec<u8>>::from(key.public());
                json!({"kty": "RSA", "n": text(&parts.n), "e": text(&parts.e)})
            }
            SigningKey::Ec(curve, key) => {
                let (x, y) = key.public_key().as_ref()[1..].split_at(key.public_key().as_ref().len() / 2);
                json!({"kty": "EC", "crv": curve, "x": text(x), "y": text(y)})
            }
            SigningKey::Ed(key) => json!({"kty": "OKP", "crv": "Ed25519", "x": text(key.public_key().as_ref())}),
        };
        jwk["use"] = "sig".into();
        if !id.is_empty() {
            jwk["kid"] = id.into();
        }
        if !algorithm.is_empty() {
            jwk["alg"] = algorithm.into();
        }
        jwk
    }
}
