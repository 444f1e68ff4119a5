//! The second factor: time-based one-time passwords (RFC 6238) as every authenticator app makes them, and recovery codes.

use data_encoding::{BASE32_NOPAD, HEXLOWER};
use ring::{digest, hmac};

use super::{NoRandomness, random, same_digest};

/// Seconds for which one code is shown.
const STEP: i64 = 30;
/// Codes of how many steps before and after the present one are good: clocks differ, and people type slowly.
const WINDOW: i64 = 1;
/// Recovery codes that are made at a time.
pub const RECOVERY_CODES: usize = 10;

/// The secret that an authenticator app and we share: 160 random bits.
#[derive(Clone, PartialEq, Eq)]
pub struct Totp(Vec<u8>);

impl std::fmt::Debug for Totp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Totp(…)")
    }
}

impl Totp {
    /// A new secret.
    pub fn generate() -> Result<Totp, NoRandomness> {
        Ok(Totp(random::<20>()?.to_vec()))
    }

    /// The secret in these bytes.
    pub fn of(bytes: Vec<u8>) -> Totp {
        Totp(bytes)
    }

    /// The secret in this text of base32, as [`Totp::text`] gives it.
    pub fn parse(text: &str) -> Option<Totp> {
        let bytes = BASE32_NOPAD.decode(text.as_bytes()).ok()?;
        (bytes.len() == 20).then_some(Totp(bytes))
    }

    /// The secret itself, to be sealed.
    pub fn reveal(&self) -> &[u8] {
        &self.0
    }

    /// The secret as people type it into an app.
    pub fn text(&self) -> String {
        BASE32_NOPAD.encode(&self.0)
    }

    /// The URI that an app reads from a QR code.
    pub fn uri(&self, issuer: &str, account: &str) -> String {
        let encoded = |text: &str| -> String {
            text.bytes()
                .map(|b| if b.is_ascii_alphanumeric() { char::from(b).to_string() } else { format!("%{b:02X}") })
                .collect()
        };
        let (issuer, account) = (encoded(issuer), encoded(account));
        format!("otpauth://totp/{issuer}:{account}?secret={}&issuer={issuer}", self.text())
    }

    /// The six digits of a step (RFC 4226 §5.3).
    fn code(&self, step: i64) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &self.0);
        let tag = hmac::sign(&key, &step.to_be_bytes());
        let bytes = tag.as_ref();
        let offset = usize::from(bytes.last().copied().unwrap_or(0) & 0xf);
        let number = bytes.iter().skip(offset).take(4).fold(0u32, |n, b| (n << 8) | u32::from(*b)) & 0x7fff_ffff;
        format!("{:06}", number % 1_000_000)
    }

    /// The step whose code this is, near a time in microseconds since 1970. A step is good once; that is for the caller.
    pub fn step(&self, code: &str, now: i64) -> Option<i64> {
        let code: String = code.chars().filter(|c| !c.is_whitespace()).collect();
        let present = now.div_euclid(STEP * 1_000_000);
        let mut found = None;
        // All of them, however early one fits.
        for step in present - WINDOW..=present + WINDOW {
            if same_digest(self.code(step).as_bytes(), code.as_bytes()) {
                found = Some(step);
            }
        }
        found
    }
}

/// New recovery codes, to show once: 80 random bits each.
pub fn recovery_codes() -> Result<Vec<String>, NoRandomness> {
    let code = || -> Result<String, NoRandomness> {
        let text = BASE32_NOPAD.encode(&random::<10>()?).to_lowercase();
        Ok(grouped(&text))
    };
    (0..RECOVERY_CODES).map(|_| code()).collect()
}

/// What is stored of a recovery code, however it was typed.
pub fn recovery_digest(code: &str) -> String {
    HEXLOWER.encode(digest::digest(&digest::SHA256, typed(code).as_bytes()).as_ref())
}

/// The code that a new appliance is claimed with, to show once: 128 random bits in groups of four.
pub fn claim_code() -> Result<String, NoRandomness> {
    Ok(grouped(&BASE32_NOPAD.encode(&random::<16>()?)))
}

fn grouped(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    chars.chunks(4).map(|c| c.iter().collect::<String>()).collect::<Vec<_>>().join("-")
}

/// A code of base32 as it was meant: without blanks and hyphens, and with the letters that look like digits.
fn typed(code: &str) -> String {
    let letter = |c: char| match c.to_ascii_uppercase() {
        '0' => 'O',
        '1' => 'I',
        '8' => 'B',
        other => other,
    };
    code.chars().filter(|c| c.is_ascii_alphanumeric()).map(letter).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6238, appendix B, SHA-1; the last six digits.
    #[test]
    fn the_codes_are_those_of_the_rfc() {
        let totp = Totp::of(b"12345678901234567890".to_vec());
        for (seconds, code) in
            [(59, "287082"), (1_111_111_109, "081804"), (1_234_567_890, "005924"), (20_000_000_000, "353130")]
        {
            assert_eq!(totp.code(seconds / STEP), code);
            assert_eq!(totp.step(code, seconds * 1_000_000), Some(seconds / STEP));
            assert_eq!(totp.step(&format!(" {code} "), (seconds + STEP) * 1_000_000), Some(seconds / STEP));
            assert_eq!(totp.step(code, (seconds + 3 * STEP) * 1_000_000), None);
        }
        assert_eq!(totp.step("", 0), None);
    }

    #[test]
    fn a_secret_is_read_back_and_does_not_speak() {
        let totp = Totp::generate().unwrap();
        assert_eq!(Totp::parse(&totp.text()).unwrap(), totp);
        assert!(Totp::parse("short").is_none() && !format!("{totp:?}").contains(&totp.text()));
        assert_eq!(
            totp.uri("scim-appliance", "a b"),
            format!("otpauth://totp/scim%2Dappliance:a%20b?secret={}&issuer=scim%2Dappliance", totp.text())
        );
    }

    #[test]
    fn codes_are_read_as_people_type_them() {
        let codes = recovery_codes().unwrap();
        assert_eq!(codes.len(), RECOVERY_CODES);
        let code = &codes[0];
        assert_eq!((code.len(), code.matches('-').count()), (19, 3));
        for typed in [code.to_uppercase(), code.replace('-', ""), code.replace('-', " "), code.replace('o', "0")] {
            assert_eq!(recovery_digest(&typed), recovery_digest(code), "{typed}");
        }
        assert_ne!(recovery_digest(code), recovery_digest(&codes[1]));
        let claim = claim_code().unwrap();
        assert_eq!((claim.len(), claim.matches('-').count()), (32, 6));
    }
}
