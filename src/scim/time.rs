//! Points in time as text: what counts as an xsd:dateTime (RFC 7643 §2.3.5), and which moment a text means.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, civil};

/// Is it an xsd:dateTime (XML Schema part 2, §3.3.7)? Of years those from 0000 to 9999.
pub fn is_date_time(text: &str) -> bool {
    // yyyy-mm-ddThh:mm:ss, then a fraction and an offset, or either, or neither.
    const FORM: &[u8] = b"0000-00-00T00:00:00";
    let fits = |(form, is): (&u8, &u8)| if *form == b'0' { is.is_ascii_digit() } else { form == is };
    let Some((start, rest)) = text.split_at_checked(FORM.len()) else { return false };
    if !FORM.iter().zip(start.as_bytes()).all(fits) || start.ends_with("60") {
        return false;
    }
    let offset = match rest.strip_prefix('.') {
        Some(fraction) => {
            let offset = fraction.trim_start_matches(|c: char| c.is_ascii_digit());
            if offset.len() == fraction.len() {
                return false;
            }
            offset
        }
        None => rest,
    };
    is_offset(offset) && date_time(text).is_some()
}

/// `Z`, or up to fourteen hours with their minutes; or nothing.
fn is_offset(text: &str) -> bool {
    match text.strip_prefix(['+', '-']).map(|t| t.split_once(':')) {
        None => matches!(text, "" | "Z"),
        Some(Some((hours, minutes))) => {
            let number =
                |t: &str| if t.len() == 2 && t.bytes().all(|b| b.is_ascii_digit()) { t.parse().ok() } else { None };
            matches!((number(hours), number(minutes)), (Some(0..=13u8), Some(0..=59u8)) | (Some(14), Some(0)))
        }
        Some(None) => false,
    }
}

/// The moment that a text means. One without an offset is taken as UTC: an interpretation, since XML Schema leaves its
/// place on the time line open. More forms are read than [`is_date_time`] lets in: in filters, and of values that were
/// stored when it was less strict.
pub fn date_time(text: &str) -> Option<Timestamp> {
    if !text.contains(['T', 't']) {
        return None;
    }
    if let Some(moment) = moment(text) {
        return Some(moment);
    }
    // XML Schema has an hour 24: the first instant of the next day.
    const MIDNIGHT: &str = "24:00:00";
    let (day, rest) = (text.get(..11)?, text.get(11..)?.strip_prefix(MIDNIGHT)?);
    let fraction = rest.strip_prefix('.').unwrap_or_default();
    if fraction.trim_start_matches('0').starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let start = moment(&format!("{day}00:00:00{rest}"))?;
    Some(start.checked_add(SignedDuration::from_hours(24)).unwrap_or(Timestamp::MAX))
}

fn moment(text: &str) -> Option<Timestamp> {
    if let Ok(time) = text.parse::<Timestamp>() {
        return Some(time);
    }
    // "For ever" is often written as the last second of the year 9999, which is a little beyond jiff's last instant.
    if text.starts_with("9999-12-3") && text.trim_end_matches('Z').parse::<civil::DateTime>().is_ok() {
        return Some(Timestamp::MAX);
    }
    let local: civil::DateTime = text.parse().ok()?;
    TimeZone::UTC.to_timestamp(local).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_a_date_time_and_what_is_not() {
        for good in [
            "2024-06-01T10:00:00Z",
            "2024-06-01T10:00:00",
            "2024-06-01T10:00:00.123456789+14:00",
            "2024-02-29T23:59:59-13:59",
            "0001-01-01T00:00:00Z",
            "9999-12-31T23:59:59Z",
            "2024-06-01T24:00:00Z",
            "2024-06-01T24:00:00.000-01:00",
        ] {
            assert!(is_date_time(good), "{good}");
        }
        for bad in [
            "",
            "2024-06-01",
            "2024-06-01T10",
            "2024-06-01T10:00",
            "2024-06-01T10:00Z",
            "20240601T100000Z",
            "2024-06-01T10:00:00Z[UTC]",
            "2024-06-01T10:00:00+25:00",
            "2024-06-01T10:00:00+14:01",
            "2024-06-01T10:00:00+0100",
            "2024-06-01T10:00:00+01",
            "2024-06-01T10:00:00,5Z",
            "2024-06-01T10:00:00.Z",
            "2024-06-01 10:00:00Z",
            "2024-06-01t10:00:00Z",
            "2024-06-01T10:00:00z",
            "2024-06-01T23:59:60Z",
            "2024-06-01T24:00:01Z",
            "2024-06-01T24:00:00.1Z",
            "2023-02-29T00:00:00Z",
            "2024-13-01T00:00:00Z",
            "+2024-06-01T10:00:00Z",
            " 2024-06-01T10:00:00Z",
            "2024-06-01T10:00:00Z ",
            "\u{662}024-06-01T10:00:00Z",
        ] {
            assert!(!is_date_time(bad), "{bad}");
        }
        assert_eq!(date_time("2023-12-31T24:00:00Z"), date_time("2024-01-01T00:00:00Z"));
        assert_eq!(date_time("2024-01-01T24:00:00.0+01:00"), date_time("2024-01-01T23:00:00Z"));
        assert_eq!(date_time("2024-06-01T10:00:00+0100"), date_time("2024-06-01T09:00:00Z"), "in filters");
    }
}
