//! Numbers as they compare: by what they are, not by the double that is next to them. Whole numbers have 64 bits here, and
//! a double tells them apart only up to 2^53.

use std::cmp::Ordering;

use serde_json::Number;

/// The order of two numbers, exactly.
pub fn compare(a: &Number, b: &Number) -> Ordering {
    match (whole(a), whole(b)) {
        (Some(a), Some(b)) => a.cmp(&b),
        (Some(a), None) => to_double(a, double(b)),
        (None, Some(b)) => to_double(b, double(a)).reverse(),
        (None, None) => double(a).total_cmp(&double(b)),
    }
}

/// A number as text of which the order is that of the numbers: the next double, and how far it is from there.
pub fn sortable(n: &Number) -> String {
    let near = double(n);
    let bits = near.to_bits();
    let ordered = if bits >> 63 == 1 { !bits } else { bits | 1 << 63 };
    // Between two doubles there are at most 2^11 whole numbers of 64 bits.
    let off = whole(n).map_or(0, |n| n - near as i128);
    format!("{ordered:016x}{:04x}", off + (1 << 12))
}

fn whole(n: &Number) -> Option<i128> {
    n.as_i64().map(i128::from).or_else(|| n.as_u64().map(i128::from))
}

/// JSON has no number that is none; -0 is 0.
fn double(n: &Number) -> f64 {
    n.as_f64().unwrap_or_default() + 0.0
}

/// The order of a whole number and a double.
fn to_double(whole: i128, double: f64) -> Ordering {
    // Beyond ±2^127 the conversion stops at the ends of its range, which are beyond every whole number here.
    let floor = double.floor();
    match whole.cmp(&(floor as i128)) {
        Ordering::Equal if double > floor => Ordering::Less,
        order => order,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_is_exact_and_so_is_that_of_the_texts() {
        let ascending = [
            "-1.7e308",
            "-9223372036854775808",
            "-9007199254740993",
            "-9007199254740992",
            "-9007199254740991.0",
            "-2.5",
            "-1",
            "-0.5",
            "0",
            "1e-9",
            "0.5",
            "1",
            "2",
            "9007199254740991",
            "9007199254740992",
            "9007199254740993",
            "9223372036854775807",
            "9223372036854775808",
            "18446744073709551614",
            "18446744073709551615",
            "18446744073709551616",
            "1.7e308",
        ];
        let numbers: Vec<Number> = ascending.iter().map(|n| serde_json::from_str(n).unwrap()).collect();
        for (i, a) in numbers.iter().enumerate() {
            for (j, b) in numbers.iter().enumerate() {
                assert_eq!(compare(a, b), i.cmp(&j), "{a} {b}");
                assert_eq!(sortable(a).cmp(&sortable(b)), i.cmp(&j), "{a} {b}");
            }
        }
        let number = |n: &str| serde_json::from_str::<Number>(n).unwrap();
        for (a, b) in [("1", "1.0"), ("0", "-0.0"), ("9007199254740992", "9007199254740992.0")] {
            assert_eq!(compare(&number(a), &number(b)), Ordering::Equal);
            assert_eq!(sortable(&number(a)), sortable(&number(b)));
        }
    }
}
