//! Signatures of others, verified with their public keys.

use ring::digest::{self, SHA256, SHA384, SHA512};
use ring::signature::{self, RsaParameters, RsaPublicKeyComponents, UnparsedPublicKey, VerificationAlgorithm};

/// How something was signed: the names are those of JSON Web Algorithms (RFC 7518, RFC 8037).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// RSA, PKCS #1, SHA-256.
    Rs256,
    /// RSA, PKCS #1, SHA-384.
    Rs384,
    /// RSA, PKCS #1, SHA-512.
    Rs512,
    /// RSA, PSS, SHA-256.
    Ps256,
    /// RSA, PSS, SHA-384.
    Ps384,
    /// RSA, PSS, SHA-512.
    Ps512,
    /// ECDSA over P-256, SHA-256.
    Es256,
    /// ECDSA over P-384, SHA-384.
    Es384,
    /// Ed25519.
    EdDsa,
}

/// A public key, in its parts.
#[derive(Debug, Clone, Copy)]
pub enum PublicKey<'k> {
    /// Modulus and exponent, big-endian.
    Rsa(&'k [u8], &'k [u8]),
    /// A point of the curve, uncompressed with its leading 4; or 32 bytes of Ed25519.
    Point(&'k [u8]),
}

impl Scheme {
    /// Did the owner of the key sign this message? RSA keys have 2048 to 8192 bits, or they are not believed. A key of another
    /// kind has signed nothing.
    pub fn verify(self, key: PublicKey<'_>, message: &[u8], signed: &[u8]) -> bool {
        let verified = match (self.how(), key) {
            (How::Rsa(how), PublicKey::Rsa(n, e)) => RsaPublicKeyComponents { n, e }.verify(how, message, signed),
            (How::Point(how), PublicKey::Point(point)) => UnparsedPublicKey::new(how, point).verify(message, signed),
            _ => return false,
        };
        verified.is_ok()
    }

    /// The left half of a text's digest, with the hash of this scheme: `at_hash` of OpenID Connect.
    pub fn half_digest(self, text: &str) -> Vec<u8> {
        let hash = match self {
            Scheme::Rs256 | Scheme::Ps256 | Scheme::Es256 => &SHA256,
            Scheme::Rs384 | Scheme::Ps384 | Scheme::Es384 => &SHA384,
            Scheme::Rs512 | Scheme::Ps512 | Scheme::EdDsa => &SHA512,
        };
        let digest = digest::digest(hash, text.as_bytes());
        digest.as_ref().iter().take(hash.output_len() / 2).copied().collect()
    }

    fn how(self) -> How {
        match self {
            Scheme::Rs256 => How::Rsa(&signature::RSA_PKCS1_2048_8192_SHA256),
            Scheme::Rs384 => How::Rsa(&signature::RSA_PKCS1_2048_8192_SHA384),
            Scheme::Rs512 => How::Rsa(&signature::RSA_PKCS1_2048_8192_SHA512),
            Scheme::Ps256 => How::Rsa(&signature::RSA_PSS_2048_8192_SHA256),
            Scheme::Ps384 => How::Rsa(&signature::RSA_PSS_2048_8192_SHA384),
            Scheme::Ps512 => How::Rsa(&signature::RSA_PSS_2048_8192_SHA512),
            Scheme::Es256 => How::Point(&signature::ECDSA_P256_SHA256_FIXED),
            Scheme::Es384 => How::Point(&signature::ECDSA_P384_SHA384_FIXED),
            Scheme::EdDsa => How::Point(&signature::ED25519),
        }
    }
}

enum How {
    Rsa(&'static RsaParameters),
    Point(&'static dyn VerificationAlgorithm),
}

#[cfg(test)]
pub(crate) mod signing;

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::prelude::BASE64_URL_SAFE_NO_PAD;

    use super::*;

    fn bytes(text: &str) -> Vec<u8> {
        BASE64_URL_SAFE_NO_PAD.decode(text).unwrap()
    }

    /// RFC 7515, A.2 and A.3, and RFC 8037, A.4.
    const RSA_N: &str = "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ";
    const RSA_MESSAGE: &str = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
    const RSA_SIGNED: &str = "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";
    const EC_X: &str = "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU";
    const EC_Y: &str = "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0";
    const EC_MESSAGE: &str = "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
    const EC_SIGNED: &str = "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
    const ED_X: &str = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
    const ED_MESSAGE: &str = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc";
    const ED_SIGNED: &str = "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";

    #[test]
    fn the_examples_of_the_rfcs_verify_and_nothing_else_does() {
        let (n, e) = (bytes(RSA_N), bytes("AQAB"));
        let point = [vec![4], bytes(EC_X), bytes(EC_Y)].concat();
        let ed = bytes(ED_X);
        for (scheme, key, message, signed) in [
            (Scheme::Rs256, PublicKey::Rsa(&n, &e), RSA_MESSAGE, RSA_SIGNED),
            (Scheme::Es256, PublicKey::Point(&point), EC_MESSAGE, EC_SIGNED),
            (Scheme::EdDsa, PublicKey::Point(&ed), ED_MESSAGE, ED_SIGNED),
        ] {
            let signed = bytes(signed);
            assert!(scheme.verify(key, message.as_bytes(), &signed), "{scheme:?}");
            assert!(!scheme.verify(key, &message.as_bytes()[1..], &signed), "{scheme:?}");
            for at in [0, signed.len() / 2, signed.len() - 1] {
                let mut bad = signed.clone();
                bad[at] ^= 1;
                assert!(!scheme.verify(key, message.as_bytes(), &bad), "{scheme:?}");
            }
            for cut in [&signed[1..], &[]] {
                assert!(!scheme.verify(key, message.as_bytes(), cut), "{scheme:?}");
            }
            for other in [
                Scheme::Rs256,
                Scheme::Rs384,
                Scheme::Rs512,
                Scheme::Ps256,
                Scheme::Ps384,
                Scheme::Ps512,
                Scheme::Es256,
                Scheme::Es384,
                Scheme::EdDsa,
            ] {
                assert_eq!(other.verify(key, message.as_bytes(), &signed), other == scheme, "{scheme:?} as {other:?}");
            }
        }
        // An all-zero signature, which broken implementations take (CVE-2022-21449).
        assert!(!Scheme::Es256.verify(PublicKey::Point(&point), EC_MESSAGE.as_bytes(), &[0; 64]));
        assert!(!Scheme::Rs256.verify(
            PublicKey::Rsa(&n[..128], &e),
            RSA_MESSAGE.as_bytes(),
            &bytes(RSA_SIGNED)[..128]
        ));
        assert!(!Scheme::Rs256.verify(PublicKey::Rsa(&[], &[]), b"", b""));
    }

    #[test]
    fn half_a_digest_is_that_of_openid_connect() {
        // OpenID Connect Core 1.0, A.3.
        let half = Scheme::Rs256.half_digest("jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y");
        assert_eq!(BASE64_URL_SAFE_NO_PAD.encode(half), "77QmUPtjPfzWtF2AnpK9RQ");
        assert_eq!((Scheme::Ps384.half_digest("").len(), Scheme::EdDsa.half_digest("").len()), (24, 32));
    }
}
