//! The parts of a time format, and reading each from the head of a text.

/// One part of a format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Item {
    Byte(u8),
    /// Any blanks, also none.
    Blanks,
    Year,
    YearOfCentury,
    Month,
    MonthName,
    Day,
    DayOfYear,
    DayName,
    Hour,
    Hour12,
    HalfDay,
    Minute,
    Second,
    Fraction,
    /// The point and the fraction behind it; both may be missing.
    PointFraction(u8),
    Epoch,
    Offset,
    ZoneName,
}

/// What a text says.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Found {
    pub(super) year: Option<i16>,
    pub(super) month: Option<i8>,
    pub(super) day: Option<i8>,
    pub(super) day_of_year: Option<i16>,
    pub(super) hour: i8,
    pub(super) afternoon: Option<bool>,
    pub(super) minute: i8,
    pub(super) second: i8,
    pub(super) nanos: u32,
    pub(super) epoch: Option<i64>,
    pub(super) offset_seconds: Option<i32>,
}

impl Found {
    pub(super) fn names_a_day(&self) -> bool {
        self.epoch.is_some() || self.day_of_year.is_some() || self.month.is_some() && self.day.is_some()
    }

    pub(super) fn hour_of_day(&self) -> Option<i8> {
        match self.afternoon {
            None => Some(self.hour),
            Some(afternoon) => (1..=12).contains(&self.hour).then(|| self.hour % 12 + if afternoon { 12 } else { 0 }),
        }
    }
}

/// The parts of `format`; else the unknown letter.
pub(super) fn items(format: &str) -> Result<Vec<Item>, char> {
    let mut items = Vec::new();
    let mut chars = format.chars().peekable();
    while let Some(c) = chars.next() {
        if c.is_whitespace() {
            items.push(Item::Blanks);
        } else if c != '%' {
            let mut bytes = [0; 4];
            items.extend(c.encode_utf8(&mut bytes).bytes().map(Item::Byte));
        } else {
            // Alternative spellings and widths mean the same here.
            while chars.next_if(|c| "EO-_0123456789".contains(*c)).is_some() {}
            one(chars.next().unwrap_or('%'), &mut items)?;
            if let [.., Item::Byte(point @ (b'.' | b',')), Item::Fraction] = items[..] {
                items.truncate(items.len() - 2);
                items.push(Item::PointFraction(point));
            }
        }
    }
    Ok(items)
}

fn one(letter: char, items: &mut Vec<Item>) -> Result<(), char> {
    items.push(match letter {
        'Y' => Item::Year,
        'y' => Item::YearOfCentury,
        'm' => Item::Month,
        'b' | 'B' | 'h' => Item::MonthName,
        'd' | 'e' => Item::Day,
        'j' => Item::DayOfYear,
        'a' | 'A' => Item::DayName,
        'H' | 'k' => Item::Hour,
        'I' | 'l' => Item::Hour12,
        'p' | 'P' => Item::HalfDay,
        'M' => Item::Minute,
        'S' => Item::Second,
        'L' | 'N' | 'f' => Item::Fraction,
        's' => Item::Epoch,
        'z' => Item::Offset,
        'Z' => Item::ZoneName,
        'n' | 't' => Item::Blanks,
        '%' => Item::Byte(b'%'),
        'T' | 'X' => return several("%H:%M:%S", items),
        'R' => return several("%H:%M", items),
        'r' => return several("%I:%M:%S %p", items),
        'D' | 'x' => return several("%m/%d/%y", items),
        'F' => return several("%Y-%m-%d", items),
        'c' => return several("%a %b %e %H:%M:%S %Y", items),
        other => return Err(other),
    });
    Ok(())
}

fn several(format: &str, items: &mut Vec<Item>) -> Result<(), char> {
    items.extend(self::items(format)?);
    Ok(())
}

/// Reads the parts from `text`; what follows them.
pub(super) fn read<'a>(items: &[Item], mut text: &'a [u8], found: &mut Found) -> Option<&'a [u8]> {
    for item in items {
        text = match item {
            Item::Byte(byte) => text.strip_prefix(std::slice::from_ref(byte))?,
            Item::Blanks => text.trim_ascii_start(),
            Item::Fraction => fraction(text, found)?,
            Item::PointFraction(point) => match text.split_first() {
                Some((first, rest)) if first == point => fraction(rest, found)?,
                // A fraction behind another mark: without it the time would be another one.
                Some((b'.' | b',', [b'0'..=b'9', ..])) => return None,
                _ => text,
            },
            Item::Epoch => epoch(text, found)?,
            Item::Offset => offset(text, found)?,
            Item::MonthName | Item::DayName | Item::HalfDay | Item::ZoneName => name(*item, text, found)?,
            number => self::number(*number, text, found)?,
        };
    }
    Some(text)
}

fn number<'a>(item: Item, text: &'a [u8], found: &mut Found) -> Option<&'a [u8]> {
    let (most, range) = match item {
        Item::Year => (4, 0..=9999),
        Item::YearOfCentury => (2, 0..=99),
        Item::Month | Item::Hour12 => (2, 1..=12),
        Item::Day => (2, 1..=31),
        Item::DayOfYear => (3, 1..=366),
        Item::Hour => (2, 0..=23),
        Item::Second => (2, 0..=60),
        _ => (2, 0..=59),
    };
    let text = text.trim_ascii_start();
    let length = text.iter().take(most).take_while(|byte| byte.is_ascii_digit()).count();
    if length == 0 {
        return None;
    }
    let value = text[..length].iter().fold(0i16, |value, digit| value * 10 + i16::from(digit - b'0'));
    if !range.contains(&value) {
        return None;
    }
    match item {
        Item::Year => found.year = Some(value),
        // As POSIX has it: 69 to 99 lie in the last century.
        Item::YearOfCentury => found.year = Some(if value < 69 { 2000 } else { 1900 } + value),
        Item::Month => found.month = Some(value as i8),
        Item::Day => found.day = Some(value as i8),
        Item::DayOfYear => found.day_of_year = Some(value),
        Item::Hour | Item::Hour12 => found.hour = value as i8,
        Item::Second => found.second = value as i8,
        _ => found.minute = value as i8,
    }
    Some(&text[length..])
}

fn fraction<'a>(text: &'a [u8], found: &mut Found) -> Option<&'a [u8]> {
    let length = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if length == 0 {
        return None;
    }
    let digits = text[..length].iter().chain(std::iter::repeat(&b'0'));
    found.nanos = digits.take(9).fold(0, |value, digit| value * 10 + u32::from(digit - b'0'));
    Some(&text[length..])
}

fn epoch<'a>(text: &'a [u8], found: &mut Found) -> Option<&'a [u8]> {
    let sign = usize::from(text.first() == Some(&b'-'));
    // Twelve digits reach the year 33658.
    let length = sign + text[sign..].iter().take(12).take_while(|byte| byte.is_ascii_digit()).count();
    found.epoch = Some(str::from_utf8(&text[..length]).ok()?.parse().ok()?);
    Some(&text[length..])
}

/// `Z`, `UTC`, `+09:00`, `+0900` or `+09`.
fn offset<'a>(text: &'a [u8], found: &mut Found) -> Option<&'a [u8]> {
    let (sign, rest) = match text.first()? {
        b'+' => (1, &text[1..]),
        b'-' => (-1, &text[1..]),
        _ => return name(Item::ZoneName, text, found),
    };
    let two = |text: &[u8]| -> Option<i32> {
        let text = text.get(..2).filter(|text| text.iter().all(u8::is_ascii_digit))?;
        Some(i32::from(text[0] - b'0') * 10 + i32::from(text[1] - b'0'))
    };
    let (hours, rest) = (two(rest)?, &rest[2..]);
    let after = rest.strip_prefix(b":").unwrap_or(rest);
    let (minutes, rest) = two(after).map_or((0, rest), |minutes| (minutes, &after[2..]));
    if hours > 25 || minutes > 59 {
        return None;
    }
    found.offset_seconds = Some(sign * (hours * 3600 + minutes * 60));
    Some(rest)
}

const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];
const DAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
/// Names of zones by their minutes from UTC. Of a name that several regions have, the meaning that Fluent Bit gives it.
const ZONES: [(i32, &str); 28] = [
    (0, "UTC GMT UT Z WET"),
    (60, "CET WEST WAT"),
    (120, "CEST EET CAT SAST"),
    (180, "EEST MSK EAT"),
    (240, "GST"),
    (330, "IST"),
    (345, "NPT"),
    (360, "BDT"),
    (420, "ICT WIB"),
    (480, "SGT AWST MYT WITA"),
    (540, "JST KST WIT"),
    (570, "ACST"),
    (600, "AEST"),
    (630, "ACDT"),
    (660, "AEDT"),
    (720, "NZST"),
    (780, "NZDT"),
    (-120, "BRST"),
    (-150, "NDT"),
    (-180, "ADT ART BRT CLST"),
    (-210, "NST"),
    (-240, "EDT AST CLT"),
    (-300, "EST CDT"),
    (-360, "CST MDT"),
    (-420, "MST PDT"),
    (-480, "PST AKDT"),
    (-540, "AKST HADT"),
    (-600, "HST"),
];

fn name<'a>(item: Item, text: &'a [u8], found: &mut Found) -> Option<&'a [u8]> {
    let length = text.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
    let word = &text[..length];
    let is = |name: &str| word.eq_ignore_ascii_case(name.as_bytes());
    match item {
        Item::MonthName => {
            let month = MONTHS.iter().position(|name| is(name) || is(&name[..3]))?;
            found.month = Some(month as i8 + 1);
        }
        Item::DayName => {
            DAYS.iter().position(|name| is(name) || is(&name[..3]))?;
        }
        Item::HalfDay => found.afternoon = Some(if is("pm") { true } else { is("am").then_some(false)? }),
        _ => {
            let (minutes, _) = ZONES.iter().find(|(_, names)| names.split(' ').any(is))?;
            found.offset_seconds = Some(minutes * 60);
        }
    }
    Some(&text[length..])
}
