//! Names that Microsoft Entra ID gives to people whom it has deleted softly.

/// Hexadecimal digits in front of the name: the id of the object in Entra ID, without hyphens.
const DIGITS: usize = 32;

/// The userName of before, when this is one of a soft deletion: `3f2504e04f8941d39a0c0305e82c3301ada@x.io` was
/// `ada@x.io`. Entra ID sends it together with `active: false`, and the old name again when the person is restored; whoever
/// is active has no such name, however it looks.
pub fn name_before(user_name: &str, active: bool) -> Option<&str> {
    let (digits, rest) = user_name.split_at_checked(DIGITS)?;
    let is_one = !active && !rest.is_empty() && digits.bytes().all(|b| b.is_ascii_hexdigit());
    is_one.then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::name_before;

    #[test]
    fn only_thirty_two_digits_before_a_name_are_a_soft_deletion() {
        let id = "3f2504e04f8941d39a0c0305e82c3301";
        assert_eq!(name_before(&format!("{id}ada@x.io"), false), Some("ada@x.io"));
        assert_eq!(name_before(&format!("{}ada@x.io", id.to_uppercase()), false), Some("ada@x.io"));
        for (name, active) in [
            (format!("{id}ada@x.io"), true),
            (id.to_owned(), false),
            ("3f2504e04f8941d39a0c0305e82c330x@x.io".to_owned(), false),
            ("ada@x.io".to_owned(), false),
            ("é".repeat(40), false),
        ] {
            assert_eq!(name_before(&name, active), None, "{name}");
        }
    }
}
