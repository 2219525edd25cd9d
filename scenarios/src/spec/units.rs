//! Values with units, as people write them: `"1500ms"`, `"64 KiB"`, `"24k/s"`.
//!
//! Each is a newtype over the unit the code counts in, and reads from a string only: a bare number would leave
//! the reader guessing.

use std::{fmt, time::Duration};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;

/// A length of time, microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Span(pub u64);

/// A size, bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Size(pub u64);

/// Records a second.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Default)]
pub struct Rate(pub f64);

/// CPU time per time, thousandths of a core.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Cpu(pub u32);

/// Why a text is no such value.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum UnitError {
    /// No number at its head.
    #[error("`{0}` does not begin with a number; write for example {1}")]
    Number(String, &'static str),
    /// A number alone.
    #[error("`{0}` has no unit; write for example {1}")]
    Bare(String, &'static str),
    /// A unit that is none.
    #[error("`{0}` has the unknown unit `{1}`; use one of {2}")]
    Unit(String, String, &'static str),
    /// Larger than can be counted.
    #[error("`{0}` is too large")]
    Large(String),
}

impl Span {
    /// As the standard library's duration.
    pub fn duration(self) -> Duration {
        Duration::from_micros(self.0)
    }

    /// Seconds.
    pub fn seconds(self) -> f64 {
        self.0 as f64 / 1e6
    }
}

impl std::str::FromStr for Span {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        let units = [("us", 1.0), ("ms", 1e3), ("s", 1e6), ("min", 60e6), ("m", 60e6), ("h", 3600e6)];
        scaled(text, &units, "\"1500ms\", \"2s\" or \"1min\"", "us, ms, s, min, h").map(|us| Self(us as u64))
    }
}

impl std::str::FromStr for Size {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        let units = [
            ("b", 1.0),
            ("kb", 1e3),
            ("mb", 1e6),
            ("gb", 1e9),
            ("kib", 1024.0),
            ("mib", 1024.0 * 1024.0),
            ("gib", 1024.0 * 1024.0 * 1024.0),
        ];
        scaled(text, &units, "\"300 B\", \"64 KiB\" or \"2MB\"", "B, kB, MB, GB, KiB, MiB, GiB")
            .map(|bytes| Self(bytes as u64))
    }
}

impl std::str::FromStr for Rate {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        let head = text.trim().strip_suffix("/s").unwrap_or(text.trim());
        let units = [("", 1.0), ("k", 1e3), ("m", 1e6)];
        scaled(head, &units, "\"500/s\", \"24k/s\" or \"1.5M/s\"", "/s, k/s, M/s").map(Self)
    }
}

impl std::str::FromStr for Cpu {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        let units = [("", 1e3), ("m", 1.0)];
        let milli = scaled(text, &units, "\"150m\" or \"2\"", "m (thousandths of a core), or none for cores")?;
        if milli <= 1e6 { Ok(Self(milli as u32)) } else { Err(UnitError::Large(text.to_owned())) }
    }
}

fn scaled(text: &str, units: &[(&str, f64)], example: &'static str, list: &'static str) -> Result<f64, UnitError> {
    let trimmed = text.trim();
    let digits = trimmed.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(trimmed.len());
    let number: f64 = trimmed[..digits].parse().map_err(|_| UnitError::Number(text.to_owned(), example))?;
    let unit = trimmed[digits..].trim().to_ascii_lowercase();
    if unit.is_empty() && !units.iter().any(|(name, _)| name.is_empty()) {
        return Err(UnitError::Bare(text.to_owned(), example));
    }
    let factor = units
        .iter()
        .find(|(name, _)| *name == unit)
        .map(|(_, factor)| factor)
        .ok_or_else(|| UnitError::Unit(text.to_owned(), trimmed[digits..].trim().to_owned(), list))?;
    let value = number * factor;
    if value.is_finite() && value < 9e15 { Ok(value) } else { Err(UnitError::Large(text.to_owned())) }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            us if us % 1_000_000 == 0 => write!(f, "{}s", us / 1_000_000),
            us if us % 1_000 == 0 => write!(f, "{}ms", us / 1_000),
            us => write!(f, "{us}us"),
        }
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            b if b > 0 && b % (1 << 20) == 0 => write!(f, "{} MiB", b >> 20),
            b if b > 0 && b % (1 << 10) == 0 => write!(f, "{} KiB", b >> 10),
            b => write!(f, "{b} B"),
        }
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A rate that was scaled is a hair off what it means.
        let rounded = (self.0 * 1e3).round() / 1e3;
        write!(f, "{}/s", if self.0 >= 1.0 { rounded } else { self.0 })
    }
}

impl fmt::Display for Cpu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}m", self.0)
    }
}

macro_rules! as_text {
    ($($name:ident, $pattern:literal, $example:literal);+) => {$(
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                String::deserialize(from)?.parse().map_err(serde::de::Error::custom)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.collect_str(self)
            }
        }

        impl JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "string", "pattern": $pattern, "examples": [$example] })
            }
        }
    )+};
}

as_text! {
    Span, r"^\s*[0-9.]+\s*(us|ms|s|min|m|h)\s*$", "1500ms";
    Size, r"^\s*[0-9.]+\s*([kKmMgG][iI]?)?[bB]\s*$", "64 KiB";
    Rate, r"^\s*[0-9.]+\s*[kKmM]?\s*(/s)?\s*$", "24k/s";
    Cpu, r"^\s*[0-9.]+\s*m?\s*$", "150m"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_read_as_people_write_them() {
        assert_eq!("1500ms".parse(), Ok(Span(1_500_000)));
        assert_eq!("2 s".parse(), Ok(Span(2_000_000)));
        assert_eq!("64 KiB".parse(), Ok(Size(65_536)));
        assert_eq!("2MB".parse(), Ok(Size(2_000_000)));
        assert_eq!("24k/s".parse(), Ok(Rate(24_000.0)));
    }

    #[test]
    fn what_is_no_unit_says_which_ones_there_are() {
        assert_eq!(
            "5 parsec".parse::<Span>().unwrap_err().to_string(),
            "`5 parsec` has the unknown unit `parsec`; use one of us, ms, s, min, h"
        );
        assert_eq!(
            "0".parse::<Span>().unwrap_err().to_string(),
            "`0` has no unit; write for example \"1500ms\", \"2s\" or \"1min\""
        );
        assert!(matches!("fast".parse::<Rate>(), Err(UnitError::Number(..))));
        assert!(matches!("99999999999999999h".parse::<Span>(), Err(UnitError::Large(_))));
    }

    #[test]
    fn what_is_written_out_reads_back() {
        for us in [1, 1_000, 1_500_000, 60_000_000] {
            assert_eq!(Span(us).to_string().parse(), Ok(Span(us)));
        }
        for bytes in [0, 300, 65_536, 10 << 20] {
            assert_eq!(Size(bytes).to_string().parse(), Ok(Size(bytes)));
        }
        assert_eq!(Rate(24_000.0).to_string().parse(), Ok(Rate(24_000.0)));
        assert_eq!(Rate(4_000.000_000_000_000_5).to_string(), "4000/s");
        assert_eq!(
            (Cpu(150).to_string().parse(), "0.5".parse(), "2".parse()),
            (Ok(Cpu(150)), Ok(Cpu(500)), Ok(Cpu(2_000)))
        );
    }
}
