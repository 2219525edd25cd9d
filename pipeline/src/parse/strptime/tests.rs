use proptest::prelude::*;

use super::*;

const NOW: Time = Time { seconds: 1_795_240_000, nanos: 0 };

fn read(format: &str, text: &str) -> Option<String> {
    let time = TimeFormat::new(format).unwrap().read(text.as_bytes(), NOW)?;
    Some(jiff::Timestamp::new(time.seconds, time.nanos as i32).unwrap().to_string())
}

#[test]
fn the_formats_of_known_logs_are_read() {
    let table = [
        ("%d/%b/%Y:%H:%M:%S %z", "10/Oct/2000:13:55:36 -0700", "2000-10-10T20:55:36Z"),
        ("%Y-%m-%dT%H:%M:%S.%L%z", "2026-11-21T05:50:01.123456789Z", "2026-11-21T05:50:01.123456789Z"),
        ("%Y-%m-%dT%H:%M:%S.%L%z", "2026-11-21T05:50:01.5+09:00", "2026-11-20T20:50:01.5Z"),
        ("%Y-%m-%d %H:%M:%S,%3N", "2026-11-21 05:50:01,042", "2026-11-21T05:50:01.042Z"),
        ("%s.%L", "1763704201.25", "2025-11-21T05:50:01.25Z"),
        ("%b %d %H:%M:%S", "Nov  2 05:50:01", "2026-11-02T05:50:01Z"),
        ("%a %b %e %I:%M:%S %p %Z %Y", "Sat Nov 21 12:00:01 AM EST 2026", "2026-11-21T05:00:01Z"),
        ("%a, %d %B %y %T", "Friday, 1 January 99 00:00:60", "1999-01-01T00:00:59Z"),
        ("%Y %j", "2024 366", "2024-12-31T00:00:00Z"),
        ("%F %T %z", "2026-11-21 05:50:01 +05", "2026-11-21T00:50:01Z"),
        // Seen with Fluent Bit 5.1.1: what follows the time is not looked at.
        ("%Y-%m-%dT%H:%M:%S.%L", "2026-11-21T05:50:01.123456789Z", "2026-11-21T05:50:01.123456789Z"),
        ("%Y-%m-%d", "2026-02-03 and more", "2026-02-03T00:00:00Z"),
        ("%s", "1700000000.5", "2023-11-14T22:13:20Z"),
        ("%d/%b/%Y:%H:%M:%S %Z", "21/Nov/2026:05:50:01 CET", "2026-11-21T04:50:01Z"),
    ];
    for (format, text, expected) in table {
        assert_eq!(read(format, text).as_deref(), Some(expected), "{format} {text}");
    }
}

#[test]
fn a_time_without_a_year_is_the_nearest_one() {
    let format = TimeFormat::new("%b %d %H:%M:%S").unwrap();
    let at = |text: &str| text.parse::<jiff::Timestamp>().unwrap().as_second();
    let read =
        |text: &str, now: &str| format.read(text.as_bytes(), Time { seconds: at(now), nanos: 0 }).unwrap().seconds;
    assert_eq!(read("Dec 31 23:59:59", "2027-01-01T00:00:05Z"), at("2026-12-31T23:59:59Z"));
    assert_eq!(read("Jan  1 00:00:01", "2026-12-31T23:59:50Z"), at("2027-01-01T00:00:01Z"));
    assert_eq!(read("Feb 29 12:00:00", "2028-03-01T00:00:00Z"), at("2028-02-29T12:00:00Z"));
    let clock = TimeFormat::new("%H:%M").unwrap();
    let now = Time { seconds: at("2026-12-31T23:59:50Z"), nanos: 0 };
    assert_eq!(clock.read(b"00:01", now).unwrap().seconds, at("2027-01-01T00:01:00Z"));
}

#[test]
fn what_does_not_follow_the_format_is_no_time() {
    for (format, text) in [
        ("%Y-%m-%d", "2026-13-01"),
        ("%Y-%m-%d", "2026-02-30"),
        ("%Y-%m-%d %H:%M:%S", "2026-02-03 05:50"),
        ("%H:%M:%S", "24:00:00"),
        ("%I %p", "13 PM"),
        ("%z", "+99:99"),
        ("%Z", "NOWHERE"),
        ("%b", "Foo"),
        ("%L", ""),
        ("%s", "-"),
    ] {
        assert_eq!(read(format, text), None, "{format} {text}");
    }
    assert_eq!(TimeFormat::new("%Y %Q").unwrap_err(), 'Q');
    // Seen with Fluent Bit 5.1.1 and `Time_Strict off`: what was read until then counts.
    let lenient = TimeFormat::new("%Y-%m-%d %H:%M:%S").unwrap().lenient(true);
    let at = |text: &str| lenient.read(text.as_bytes(), NOW).map(|time| time.seconds - 1_795_219_200);
    assert_eq!(at("2026-11-21 05:50"), Some(5 * 3600 + 50 * 60));
    assert_eq!((at("2026-11-21"), at("2026-11"), at("")), (Some(0), None, None));
}

/// Seen with Fluent Bit 5.1.1.
#[test]
fn a_fraction_behind_another_mark_is_not_left_out() {
    assert_eq!(read("%Y-%m-%d %H:%M:%S,%L", "2026-11-21 05:50:01.25"), None);
    assert_eq!(read("%Y-%m-%d %H:%M:%S.%L", "2026-11-21 05:50:01,25"), None);
    let whole = read("%Y-%m-%d %H:%M:%S.%L", "2026-11-21 05:50:01, then");
    assert_eq!(whole.as_deref(), Some("2026-11-21T05:50:01Z"));
}

#[test]
fn a_zone_may_be_given_from_outside() {
    let zone = tz::Offset::from_hours(9).unwrap().to_time_zone();
    let format = TimeFormat::new("%Y-%m-%d %H").unwrap().in_zone(zone);
    let time = format.read(b"2026-11-21 09", NOW).unwrap();
    assert_eq!(jiff::Timestamp::from_second(time.seconds).unwrap().to_string(), "2026-11-21T00:00:00Z");
}

proptest! {
    #[test]
    fn a_reader_that_remembers_reads_as_one_that_does_not(seconds in proptest::collection::vec(0i64..50, 1..20)) {
        let format = TimeFormat::new("%d/%b/%Y:%H:%M:%S %z").unwrap();
        let mut reader = FormatReader::new(format.clone());
        for second in seconds {
            let at = jiff::Timestamp::from_second(1_763_704_201 + second).unwrap();
            let text = at.strftime("%d/%b/%Y:%H:%M:%S +0000").to_string();
            prop_assert_eq!(reader.read(text.as_bytes(), NOW), Some(Time { seconds: at.as_second(), nanos: 0 }));
        }
    }

    #[test]
    fn no_text_and_no_format_make_it_panic(
        format in "[%a-zA-Z0-9 .:/-]{0,16}", text in proptest::collection::vec(any::<u8>(), 0..40), now in any::<i64>(),
    ) {
        if let Ok(format) = TimeFormat::new(&format) {
            format.read(&text, Time { seconds: now, nanos: 0 });
        }
    }
}
