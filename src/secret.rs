//! Random tokens and their digests, the key that signs and seals, passwords and second factors. The only module that
//! names crypto libraries.

pub mod password;
pub mod second_factor;
pub mod signature;

use std::fmt;

use data_encoding::HEXLOWER;
use ring::rand::{SecureRandom, SystemRandom};
use ring::{aead, digest, hkdf, hmac};
use subtle::ConstantTimeEq;

const PREFIX: &str = "scimapp_";
const ID: usize = 8;
/// 62^43 > 2^256.
const SECRET: usize = 43;
/// 62^6 > 2^32.
const CHECKSUM: usize = 6;
const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// The system has no randomness to give.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the operating system gives no random numbers")]
pub struct NoRandomness;

/// A bearer token: `scimapp_` + public id (8) + `_` + secret (43 base62 characters, 256 bit) + CRC32 (6 base62
/// characters). The checksum lets a scanner of leaked secrets tell a real token from a look-alike without asking us.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Token({}…)", self.id())
    }
}

impl Token {
    /// A new token.
    pub fn generate() -> Result<Token, NoRandomness> {
        let body = format!("{}_{}", random_text(ID)?, base62(&random::<32>()?, SECRET));
        let checksum = base62(&crc32fast::hash(body.as_bytes()).to_be_bytes(), CHECKSUM);
        Ok(Token(format!("{PREFIX}{body}{checksum}")))
    }

    /// The token in a text, if its shape and checksum are right.
    pub fn parse(text: &str) -> Option<Token> {
        let rest = text.strip_prefix(PREFIX)?;
        if rest.len() != ID + 1 + SECRET + CHECKSUM
            || !rest.bytes().enumerate().all(|(i, b)| if i == ID { b == b'_' } else { b.is_ascii_alphanumeric() })
        {
            return None;
        }
        let (body, checksum) = rest.split_at_checked(ID + 1 + SECRET)?;
        (base62(&crc32fast::hash(body.as_bytes()).to_be_bytes(), CHECKSUM) == checksum).then(|| Token(text.to_owned()))
    }

    /// The public id: it may be shown, logged and looked up.
    pub fn id(&self) -> &str {
        self.0.get(PREFIX.len()..PREFIX.len() + ID).unwrap_or("")
    }

    /// What is stored in place of the token. The secret has 256 random bits, so a plain hash cannot be searched.
    pub fn digest(&self) -> Vec<u8> {
        digest::digest(&digest::SHA256, self.0.as_bytes()).as_ref().to_vec()
    }

    /// The token itself, to show once.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

/// Bytes of a signature: 128 bit, which nobody can try out.
pub const SIGNATURE: usize = 16;

/// The key of an appliance: 256 random bits.
#[derive(Clone)]
pub struct Key(String);

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(…)")
    }
}

impl Key {
    /// A new key.
    pub fn generate() -> Result<Key, NoRandomness> {
        Ok(Key(base62(&random::<32>()?, SECRET)))
    }

    /// The key in a text of 43 base62 characters.
    pub fn parse(text: &str) -> Option<Key> {
        (text.len() == SECRET && text.bytes().all(|b| b.is_ascii_alphanumeric())).then(|| Key(text.to_owned()))
    }

    /// The key itself, for its file.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Signs data: HMAC-SHA256, cut to [`SIGNATURE`] bytes. What was signed for one purpose is good for no other.
    pub fn sign(&self, purpose: &str, data: &[u8]) -> [u8; SIGNATURE] {
        let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, self.0.as_bytes()));
        context.update(purpose.as_bytes());
        context.update(&[0]);
        context.update(data);
        let mut signature = [0; SIGNATURE];
        signature.iter_mut().zip(context.sign().as_ref()).for_each(|(to, from)| *to = *from);
        signature
    }

    /// Seals a secret: only this key opens it, and only for the same purpose (AES-256-GCM, a nonce in front).
    pub fn seal(&self, purpose: &str, secret: &[u8]) -> Result<Vec<u8>, NoRandomness> {
        let nonce = random::<{ aead::NONCE_LEN }>()?;
        let mut sealed = secret.to_vec();
        self.sealing(purpose)?
            .seal_in_place_append_tag(aead::Nonce::assume_unique_for_key(nonce), aead::Aad::empty(), &mut sealed)
            .map_err(|_| NoRandomness)?;
        Ok([nonce.as_slice(), &sealed].concat())
    }

    /// The secret that was sealed; `None` when this key, or this purpose, did not seal it.
    pub fn open(&self, purpose: &str, sealed: &[u8]) -> Option<Vec<u8>> {
        let (nonce, sealed) = sealed.split_at_checked(aead::NONCE_LEN)?;
        let nonce = aead::Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut sealed = sealed.to_vec();
        let key = self.sealing(purpose).ok()?;
        key.open_in_place(nonce, aead::Aad::empty(), &mut sealed).ok().map(|secret| secret.to_vec())
    }

    /// A key for each purpose, so that the key itself is used for nothing twice.
    fn sealing(&self, purpose: &str) -> Result<aead::LessSafeKey, NoRandomness> {
        let derived = hkdf::Salt::new(hkdf::HKDF_SHA256, b"scim-appliance seal").extract(self.0.as_bytes());
        let info = [purpose.as_bytes()];
        let key = derived.expand(&info, &aead::AES_256_GCM).map_err(|_| NoRandomness)?;
        Ok(aead::LessSafeKey::new(aead::UnboundKey::from(key)))
    }

    /// Is this the signature of the data? Takes the same time wherever it differs.
    pub fn verify(&self, purpose: &str, data: &[u8], signature: &[u8]) -> bool {
        same_digest(&self.sign(purpose, data), signature)
    }
}

/// Are two digests equal? Takes the same time wherever they differ.
pub fn same_digest(a: &[u8], b: &[u8]) -> bool {
    a.ct_eq(b).into()
}

/// Random base62 characters, for names that must not collide or be guessed.
pub fn random_text(length: usize) -> Result<String, NoRandomness> {
    Ok(base62(&random::<32>()?, SECRET).chars().rev().take(length).collect())
}

/// SHA-256: what is stored of a random text that somebody else keeps.
pub fn digest_of(text: &str) -> Vec<u8> {
    digest::digest(&digest::SHA256, text.as_bytes()).as_ref().to_vec()
}

/// SHA-256 as hexadecimal text.
pub fn fingerprint(text: &str) -> String {
    fingerprint_of(text.as_bytes())
}

/// The same of any bytes.
pub fn fingerprint_of(bytes: &[u8]) -> String {
    HEXLOWER.encode(digest::digest(&digest::SHA256, bytes).as_ref())
}

fn random<const N: usize>() -> Result<[u8; N], NoRandomness> {
    let mut bytes = [0; N];
    SystemRandom::new().fill(&mut bytes).map_err(|_| NoRandomness)?;
    Ok(bytes)
}

/// A big-endian number in base 62, filled up with zeros in front.
fn base62(number: &[u8], length: usize) -> String {
    let mut number = number.to_vec();
    let mut digits = Vec::with_capacity(length);
    for _ in 0..length {
        let mut rest = 0u32;
        for byte in &mut number {
            let value = (rest << 8) | u32::from(*byte);
            *byte = u8::try_from(value / 62).unwrap_or(0);
            rest = value % 62;
        }
        digits.push(DIGITS.get(rest as usize).copied().unwrap_or(b'0'));
    }
    digits.iter().rev().map(|b| char::from(*b)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_read_back_and_one_changed_character_is_not() {
        let token = Token::generate().unwrap();
        assert_eq!(token.reveal().len(), 66);
        assert_eq!(Token::parse(token.reveal()).unwrap().id(), token.id());
        for i in 0..token.reveal().len() {
            let mut bytes = token.reveal().as_bytes().to_vec();
            bytes[i] = if bytes[i] == b'a' { b'b' } else { b'a' };
            assert!(Token::parse(std::str::from_utf8(&bytes).unwrap()).is_none(), "position {i}");
        }
        assert!(Token::parse("").is_none() && Token::parse("scimapp_é").is_none());
    }

    #[test]
    fn base62_is_a_positional_system() {
        assert_eq!(base62(&[0, 61], 3), "00z");
        assert_eq!(base62(&[62], 3), "010");
        assert_eq!(base62(&[0xff; 32], 43).len(), 43);
        assert_ne!(
            base62(&[0xff; 32], 43),
            base62(
                &[
                    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe
                ],
                43
            )
        );
    }

    #[test]
    fn a_token_does_not_speak() {
        let token = Token::generate().unwrap();
        assert!(!format!("{token:?}").contains(token.reveal()));
    }

    #[test]
    fn a_signature_is_good_for_its_key_purpose_and_data() {
        let key = Key::generate().unwrap();
        let signature = key.sign("a", b"data");
        assert!(key.verify("a", b"data", &signature));
        assert!(Key::parse(key.reveal()).unwrap().verify("a", b"data", &signature));
        assert!(!key.verify("a", b"dat", &signature) && !key.verify("b", b"data", &signature));
        assert!(!key.verify("a", b"data", &signature[1..]) && !key.verify("a", b"data", &[]));
        assert!(!Key::generate().unwrap().verify("a", b"data", &signature));
        assert!(Key::parse("short").is_none() && Key::parse(&"é".repeat(43)).is_none());
        assert!(!format!("{key:?}").contains(key.reveal()));
    }

    #[test]
    fn what_is_sealed_opens_with_its_key_and_purpose_only() {
        let key = Key::generate().unwrap();
        let sealed = key.seal("totp", b"secret").unwrap();
        assert_eq!(key.open("totp", &sealed).as_deref(), Some(&b"secret"[..]));
        assert_eq!(Key::parse(key.reveal()).unwrap().open("totp", &sealed).as_deref(), Some(&b"secret"[..]));
        assert!(key.open("other", &sealed).is_none() && Key::generate().unwrap().open("totp", &sealed).is_none());
        for i in 0..sealed.len() {
            let mut bad = sealed.clone();
            bad[i] ^= 1;
            assert!(key.open("totp", &bad).is_none(), "byte {i}");
        }
        assert!(key.open("totp", &sealed[..5]).is_none());
        assert_ne!(sealed, key.seal("totp", b"secret").unwrap(), "a nonce of its own");
    }

    #[test]
    fn digests_compare() {
        let a = Token::generate().unwrap().digest();
        let b = Token::generate().unwrap().digest();
        assert!(same_digest(&a, &a) && !same_digest(&a, &b));
    }
}
