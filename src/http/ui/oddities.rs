//! What pages say of names that are not what they look like, and of an externalId that more than one have.

use super::lists::encoded;
use super::views::Link;
use crate::directory::oddities::Oddity;

/// The sentence for each, and whom it names. `at`: where people, or groups, have their pages.
pub fn told(all: &[Oddity], at: &str) -> Vec<(String, Vec<Link>)> {
    let one = |oddity: &Oddity| match oddity {
        Oddity::Unseen(name, marks) => {
            let points: Vec<String> = marks.iter().map(|c| format!("U+{:04X}", u32::from(*c))).collect();
            (format!("{name} has characters that nobody sees: {}.", points.join(", ")), Vec::new())
        }
        Oddity::Mixed(name) => {
            (format!("{name} mixes letters of different alphabets in one word; some of them look alike."), Vec::new())
        }
        Oddity::SameExternalId(others) => {
            let link =
                |(id, name): &(String, String)| Link { href: format!("{at}/{}", encoded(id)), words: name.clone() };
            let so = match at {
                "/people" => " Neither can sign in by it.",
                _ => "",
            };
            (format!("There are others with the same externalId.{so}"), others.iter().map(link).collect())
        }
    };
    all.iter().map(one).collect()
}
