//! Passwords of administrators: which are good enough, and argon2id for storing them.

use std::sync::{Mutex, PoisonError};

use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Block, Params, Version};
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use caseless::default_case_fold_str;

use super::{NoRandomness, random, same_digest};

/// Characters of a password.
pub const LEAST: usize = 12;
/// And at most: longer than any sentence that somebody types, and short enough to cost nothing.
pub const MOST: usize = 128;

/// Words that passwords are made of when somebody does not want one, a line each.
const COMMON: &str = include_str!("../../assets/common-passwords.txt");
/// Rows of keyboards, and the two orders that everybody knows.
const RUNS: [&str; 10] = [
    "abcdefghijklmnopqrstuvwxyz",
    "01234567890123456789",
    "qwertyuiop",
    "asdfghjkl",
    "zxcvbnm",
    "qwertzuiop",
    "yxcvbnm",
    "azertyuiop",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol",
    "1q2w3e4r5t6y7u8i9o0p",
];

/// Why a password is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weakness {
    /// It has fewer than [`LEAST`] characters.
    Short,
    /// It has more than [`MOST`] characters.
    Long,
    /// It is among the first ones that anybody tries.
    Common,
    /// It holds little but the name of the account.
    Name,
}

impl Weakness {
    /// A sentence for the person who chose it.
    pub fn sentence(self) -> &'static str {
        match self {
            Weakness::Short => "Use at least 12 characters. A short sentence is easy to remember and hard to guess.",
            Weakness::Long => "Use at most 128 characters.",
            Weakness::Common => "This is one of the first passwords that anybody tries. Choose another one.",
            Weakness::Name => "This is little more than a name that others know. Choose another one.",
        }
    }
}

/// What is wrong with a password for somebody of this name. There are no rules about kinds of characters.
pub fn weakness(password: &str, name: &str) -> Option<Weakness> {
    let length = password.chars().count();
    if length < LEAST {
        return Some(Weakness::Short);
    }
    if length > MOST {
        return Some(Weakness::Long);
    }
    let folded = default_case_fold_str(password);
    if is_monotonous(&folded) || is_common(&folded) {
        return Some(Weakness::Common);
    }
    let name = default_case_fold_str(name);
    let bare = |text: &str| text.chars().filter(|c| c.is_alphabetic()).collect::<String>();
    let names = [bare(&name), bare(name.split('@').next().unwrap_or_default())];
    let mut rest = bare(&folded);
    for name in names.iter().filter(|n| n.chars().count() >= 3) {
        rest = rest.replace(name.as_str(), "");
    }
    (rest.chars().count() < 4 && rest.len() < bare(&folded).len()).then_some(Weakness::Name)
}

/// Few different characters, or one short piece again and again.
fn is_monotonous(text: &str) -> bool {
    let chars: Vec<char> = text.chars().collect();
    let mut distinct = chars.clone();
    distinct.sort_unstable();
    distinct.dedup();
    let repeats = |size: usize| chars.iter().zip(chars.iter().skip(size)).all(|(a, b)| a == b);
    distinct.len() < 5 || (1..=5).any(repeats)
}

/// Made of common words, runs of the keyboard, digits and punctuation only.
fn is_common(text: &str) -> bool {
    if COMMON.lines().any(|word| word == text) {
        return true;
    }
    // Both readings of letters that are written as digits: p4ssw0rd is password.
    let plain = |c: char| match c {
        '0' => 'o',
        '1' | '!' => 'i',
        '3' => 'e',
        '4' | '@' => 'a',
        '5' | '$' => 's',
        '7' => 't',
        other => other,
    };
    let letters = |text: &str| text.chars().filter(|c| c.is_alphabetic()).collect::<String>();
    let read = text.chars().map(plain).collect::<String>();
    let trimmed = |text: &str| text.trim_matches(|c: char| !c.is_alphabetic()).chars().map(plain).collect::<String>();
    [letters(text), letters(&read), letters(&trimmed(text))].iter().any(|t| is_made_of_words(t))
        || is_made_of_runs(text)
}

/// Can the text be cut into at most three common words?
fn is_made_of_words(text: &str) -> bool {
    fn cut(text: &str, left: usize) -> bool {
        text.is_empty()
            || (left > 0
                && COMMON.lines().any(|w| w.len() >= 3 && text.strip_prefix(w).is_some_and(|t| cut(t, left - 1))))
    }
    cut(text, 3)
}

/// Can the text be cut into runs of at least three characters, forwards or backwards?
fn is_made_of_runs(text: &str) -> bool {
    let mut rest: &str = text;
    while !rest.is_empty() {
        let longest = RUNS.iter().flat_map(|run| [(*run).to_owned(), run.chars().rev().collect()]).map(|run| {
            let ends = rest.char_indices().map(|(i, c)| i + c.len_utf8());
            ends.take_while(|end| rest.get(..*end).is_some_and(|part| run.contains(part))).last().unwrap_or(0)
        });
        match longest.max() {
            Some(end) if end >= 3 => rest = rest.get(end..).unwrap_or_default(),
            _ => return rest.len() < 3 && rest.len() < text.len(),
        }
    }
    true
}

/// The parameters: 19 MiB, two passes, one lane (OWASP's smallest recommendation), whatever a newer crate defaults to.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;
/// Bytes of a salt and of a hash.
const SALT: usize = 16;
const HASH: usize = 32;

/// Memory of hashes that are done, for those to come. An allocator keeps 19 MiB for each thread that ever hashed.
static MEMORY: Mutex<Vec<Vec<Block>>> = Mutex::new(Vec::new());
/// How much of it is kept: what as many hashes at a time need.
const KEPT: usize = 2;

fn derive(hasher: &Argon2<'_>, password: &str, salt: &[u8], out: &mut [u8]) -> bool {
    let pool = || MEMORY.lock().unwrap_or_else(PoisonError::into_inner);
    let mut memory = pool().pop().unwrap_or_default();
    memory.resize(memory.len().max(hasher.params().block_count()), Block::new());
    let done = hasher.hash_password_into_with_memory(password.as_bytes(), salt, out, memory.as_mut_slice()).is_ok();
    let mut pool = pool();
    if pool.len() < KEPT {
        pool.push(memory);
    }
    done
}

/// The password as argon2id makes it, with a salt of its own: a PHC string. Takes a hundredth of a second and 19 MiB.
///
/// Errors: the operating system gives no random numbers.
pub fn hash(password: &str) -> Result<String, NoRandomness> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, Some(HASH)).map_err(|_| NoRandomness)?;
    let (salt, mut hash) = (random::<SALT>()?, [0; HASH]);
    if !derive(&Argon2::new(Algorithm::Argon2id, Version::V0x13, params), password, &salt, &mut hash) {
        return Err(NoRandomness);
    }
    let text = |bytes: &[u8]| STANDARD_NO_PAD.encode(bytes);
    Ok(format!("$argon2id$v=19$m={MEMORY_KIB},t={PASSES},p={LANES}${}${}", text(&salt), text(&hash)))
}

/// Is this the password behind a PHC string? Compared exactly, nothing is cut off.
pub fn verify(password: &str, stored: &str) -> bool {
    let Ok(parsed) = PasswordHash::new(stored) else { return false };
    let (Ok(params), Some(salt), Some(expected)) = (Params::try_from(&parsed), parsed.salt, parsed.hash) else {
        return false;
    };
    let version = parsed.version.and_then(|v| Version::try_from(v).ok()).unwrap_or(Version::V0x13);
    let Ok(algorithm) = Algorithm::try_from(parsed.algorithm.as_str()) else { return false };
    let mut out = vec![0; expected.as_bytes().len()];
    derive(&Argon2::new(algorithm, version, params), password, &salt, &mut out)
        && same_digest(&out, expected.as_bytes())
}

/// Was it made with other parameters than those of today?
pub fn is_outdated(stored: &str) -> bool {
    !stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$")
}

/// A PHC string that no password is behind: what is compared with where there is no such account, so that the answer
/// takes the same time.
pub fn nobody() -> &'static str {
    "$argon2id$v=19$m=19456,t=2,p=1$c2NpbS1hcHBsaWFuY2U$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_that_everybody_tries_are_refused() {
        for weak in [
            "password1234",
            "Password1234!",
            "P4ssw0rd!2026",
            "passwordpassword",
            "administrator",
            "Administrator1!",
            "qwertyuiop12",
            "1234567890123",
            "123456789012",
            "abcdefghijkl",
            "aaaaaaaaaaaa",
            "abcabcabcabc",
            "1q2w3e4r5t6y",
            "1qaz2wsx3edc",
            "Welcome2026!!",
            "letmein123456",
            "changeme1234",
            "iloveyou1234",
            "correct horse battery staple",
            "correcthorsebatterystaple",
            "zxcvbnm12345",
            "lkjhgfdsa321",
            "password qwerty 123",
            "scim-appliance-1",
        ] {
            assert_eq!(weakness(weak, "ada"), Some(Weakness::Common), "{weak}");
        }
        for name in ["ada.lovelace1", "AdaLovelace2026", "ada.lovelace-ada.lovelace"] {
            assert_eq!(weakness(name, "ada.lovelace@example.com"), Some(Weakness::Name), "{name}");
        }
        for good in [
            "tangerine-lamp-overhead",
            "Xk9#mQ2$vL7p",
            "ещё один длинный пароль",
            "my cat eats blue cheese",
            "4d2f9a7c1e8b",
        ] {
            assert_eq!(weakness(good, "ada"), None, "{good}");
        }
    }

    #[test]
    fn length_is_counted_in_characters() {
        assert_eq!(weakness("kurz", "ada"), Some(Weakness::Short));
        assert_eq!(weakness("äöüßéèáàñçø", "ada"), Some(Weakness::Short), "eleven letters, more bytes");
        let long: String = ('a'..='z').cycle().zip(('0'..='9').cycle()).flat_map(|(a, b)| [a, b]).take(MOST).collect();
        assert_eq!(weakness(&long, "ada"), None);
        assert_eq!(weakness(&format!("{long}x"), "ada"), Some(Weakness::Long));
    }

    #[test]
    fn a_password_is_verified_to_the_last_character() {
        let stored = hash("tangerine-lamp-overhead").unwrap();
        assert!(verify("tangerine-lamp-overhead", &stored));
        for other in ["tangerine-lamp-overhea", "tangerine-lamp-overhead ", "Tangerine-lamp-overhead", ""] {
            assert!(!verify(other, &stored), "{other}");
        }
        assert!(!is_outdated(&stored) && is_outdated("$argon2id$v=19$m=4096,t=3,p=1$c2FsdHNhbHQ$AAAA"));
        assert_ne!(stored, hash("tangerine-lamp-overhead").unwrap(), "a salt of its own");
        // What other programs make of it: the string is read by the crate's own verifier.
        let parsed = PasswordHash::new(&stored).unwrap();
        assert!(
            argon2::PasswordVerifier::verify_password(&Argon2::default(), b"tangerine-lamp-overhead", &parsed).is_ok()
        );
        let other = "$argon2id$v=19$m=256,t=1,p=1$c29tZXNhbHQxMjM0NTY$";
        assert!(!verify("x", other));
        assert!(!verify("", nobody()) && PasswordHash::new(nobody()).is_ok());
        assert!(!verify("x", "nonsense"));
    }
}
