//! The head of a value: its kind, and how many bytes or values follow.

use rmp::Marker as M;

use super::MsgpackError;

/// What a head says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Kind {
    Nil,
    Bool(bool),
    Int(i64),
    Uint(u64),
    Float(f64),
    Str,
    Bin,
    Ext(i8),
    Array,
    Map,
}

/// A head: its own length, and how many bytes and values follow it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Head {
    pub(super) kind: Kind,
    pub(super) len: usize,
    pub(super) bytes: usize,
    pub(super) values: u64,
}

impl Head {
    fn plain(kind: Kind, len: usize) -> Self {
        Self { kind, len, bytes: 0, values: 0 }
    }

    fn of(kind: Kind, len: usize, count: u64) -> Self {
        match kind {
            Kind::Array => Self { kind, len, bytes: 0, values: count },
            Kind::Map => Self { kind, len, bytes: 0, values: 2 * count },
            _ => Self { kind, len, bytes: count as usize, values: 0 },
        }
    }
}

/// The head at `at`.
pub(super) fn head(all: &[u8], at: usize) -> Result<Head, MsgpackError> {
    let (&first, rest) = all.get(at..).and_then(<[u8]>::split_first).ok_or(MsgpackError::Short)?;
    let uint = |width: usize| {
        let bytes = rest.get(..width).ok_or(MsgpackError::Short)?;
        Ok(bytes.iter().fold(0u64, |value, &byte| value << 8 | u64::from(byte)))
    };
    let sized = |kind, width| Ok(Head::of(kind, 1 + width, uint(width)?));
    let ext = |width: usize| {
        let kind = *rest.get(width).ok_or(MsgpackError::Short)?;
        Ok(Head::of(Kind::Ext(kind as i8), 2 + width, uint(width)?))
    };
    let fixed = |len| Ok(Head::of(Kind::Ext(uint(1)? as i8), 2, len));
    let signed = |width: usize| {
        let unused = 64 - 8 * width as u32;
        Ok(Head::plain(Kind::Int((uint(width)? << unused) as i64 >> unused), 1 + width))
    };
    let unsigned = |width| Ok(Head::plain(Kind::Uint(uint(width)?), 1 + width));
    match M::from_u8(first) {
        M::Null => Ok(Head::plain(Kind::Nil, 1)),
        M::False => Ok(Head::plain(Kind::Bool(false), 1)),
        M::True => Ok(Head::plain(Kind::Bool(true), 1)),
        M::FixPos(value) => Ok(Head::plain(Kind::Uint(value.into()), 1)),
        M::FixNeg(value) => Ok(Head::plain(Kind::Int(value.into()), 1)),
        M::U8 => unsigned(1),
        M::U16 => unsigned(2),
        M::U32 => unsigned(4),
        M::U64 => unsigned(8),
        M::I8 => signed(1),
        M::I16 => signed(2),
        M::I32 => signed(4),
        M::I64 => signed(8),
        M::F32 => Ok(Head::plain(Kind::Float(f32::from_bits(uint(4)? as u32).into()), 5)),
        M::F64 => Ok(Head::plain(Kind::Float(f64::from_bits(uint(8)?)), 9)),
        M::FixStr(len) => Ok(Head::of(Kind::Str, 1, len.into())),
        M::Str8 => sized(Kind::Str, 1),
        M::Str16 => sized(Kind::Str, 2),
        M::Str32 => sized(Kind::Str, 4),
        M::Bin8 => sized(Kind::Bin, 1),
        M::Bin16 => sized(Kind::Bin, 2),
        M::Bin32 => sized(Kind::Bin, 4),
        M::FixArray(len) => Ok(Head::of(Kind::Array, 1, len.into())),
        M::Array16 => sized(Kind::Array, 2),
        M::Array32 => sized(Kind::Array, 4),
        M::FixMap(len) => Ok(Head::of(Kind::Map, 1, len.into())),
        M::Map16 => sized(Kind::Map, 2),
        M::Map32 => sized(Kind::Map, 4),
        M::FixExt1 => fixed(1),
        M::FixExt2 => fixed(2),
        M::FixExt4 => fixed(4),
        M::FixExt8 => fixed(8),
        M::FixExt16 => fixed(16),
        M::Ext8 => ext(1),
        M::Ext16 => ext(2),
        M::Ext32 => ext(4),
        M::Reserved => Err(MsgpackError::Reserved { at }),
    }
}
