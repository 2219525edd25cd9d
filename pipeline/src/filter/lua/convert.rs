//! Records into tables and back.
//!
//! Lua 5.1 knows one kind of number and no order of keys. What a script hands back as it got it stays what it was: a
//! large number keeps all its digits, keys keep their places, an empty array stays one. New keys come in the order of
//! their bytes. Tables that go round or grow without end are refused.

use mlua::{Lua, Result, Table, Value as LuaValue};

use super::LuaPlan;
use crate::event::{DEPTH_MAX, Fields, Text, Value};

/// Most values of what a script returns.
const VALUES_MAX: usize = 100_000;

/// How values are handed over.
#[derive(Debug)]
pub(super) struct Converter {
    int_keys: Vec<Text>,
    array_keys: Vec<Text>,
    nulls: bool,
}

impl Converter {
    pub(super) fn new(plan: &LuaPlan) -> Self {
        Self { int_keys: plan.int_keys.clone(), array_keys: plan.array_keys.clone(), nulls: plan.nulls }
    }

    /// Fields as a table.
    pub(super) fn table(&self, lua: &Lua, fields: &Fields) -> Result<Table> {
        let table = lua.create_table_with_capacity(0, fields.len())?;
        // The first of a key that comes twice counts.
        for (key, value) in fields.0.iter().rev() {
            table.raw_set(lua.create_string(key)?, self.value(lua, value)?)?;
        }
        Ok(table)
    }

    fn value(&self, lua: &Lua, value: &Value) -> Result<LuaValue> {
        Ok(match value {
            Value::Null if self.nulls => LuaValue::NULL,
            Value::Null => LuaValue::Nil,
            Value::Bool(value) => LuaValue::Boolean(*value),
            Value::Int(value) => LuaValue::Number(*value as f64),
            Value::Unsigned(value) => LuaValue::Number(*value as f64),
            Value::Float(value) => LuaValue::Number(*value),
            Value::Text(text) | Value::Binary(text) => LuaValue::String(lua.create_string(text)?),
            Value::Map(fields) => LuaValue::Table(self.table(lua, fields)?),
            Value::Array(values) => {
                let table = lua.create_table_with_capacity(values.len(), 0)?;
                for (index, value) in values.iter().enumerate() {
                    table.raw_set(index + 1, self.value(lua, value)?)?;
                }
                LuaValue::Table(table)
            }
        })
    }

    /// The records that a script returned: one, or a table of several.
    pub(super) fn records(&self, returned: &LuaValue, before: &Fields) -> Result<Vec<Fields>> {
        let mut left = VALUES_MAX;
        let LuaValue::Table(table) = returned else { return Err(wrong("it returned no record; return a table")) };
        let first: LuaValue = table.raw_get(1)?;
        if !matches!(first, LuaValue::Table(_)) {
            return Ok(vec![self.fields(table, Some(before), 0, &mut left)?]);
        }
        let one = |index: usize| match table.raw_get(index + 1)? {
            LuaValue::Table(record) => self.fields(&record, Some(before), 0, &mut left),
            _ => Err(wrong("it returned a list in which not everything is a record")),
        };
        (0..table.raw_len()).map(one).collect()
    }

    fn fields(&self, table: &Table, before: Option<&Fields>, depth: usize, left: &mut usize) -> Result<Fields> {
        if depth > DEPTH_MAX {
            return Err(wrong("it returned a table that is nested too deeply, or in itself"));
        }
        let mut fields = Vec::with_capacity(before.map_or(8, Fields::len));
        for pair in table.pairs::<LuaValue, LuaValue>() {
            let (key, value) = pair?;
            let key = match key {
                LuaValue::String(text) => text.as_bytes().to_vec(),
                LuaValue::Integer(number) => number.to_string().into_bytes(),
                LuaValue::Number(number) => number.to_string().into_bytes(),
                _ => return Err(wrong("it returned a table with a key that is neither text nor number")),
            };
            let was = before.and_then(|fields| fields.get(&key));
            let place = before.and_then(|fields| fields.0.iter().position(|(name, _)| *name == key));
            let value = self.back(value, &key, was, depth + 1, left)?;
            fields.push((place.unwrap_or(usize::MAX), key, value));
        }
        fields.sort_by(|one, other| (one.0, &one.1).cmp(&(other.0, &other.1)));
        Ok(Fields(fields.into_iter().map(|(_, key, value)| (key, value)).collect()))
    }

    fn back(&self, value: LuaValue, key: &[u8], was: Option<&Value>, depth: usize, left: &mut usize) -> Result<Value> {
        *left = left.checked_sub(1).ok_or_else(|| wrong("it returned more than 100000 values"))?;
        Ok(match value {
            LuaValue::Nil | LuaValue::LightUserData(_) => Value::Null,
            LuaValue::Boolean(value) => Value::Bool(value),
            LuaValue::Integer(number) => self.number(number as f64, key, was),
            LuaValue::Number(number) => self.number(number, key, was),
            LuaValue::String(text) => match was {
                Some(Value::Binary(bytes)) if *bytes == *text.as_bytes() => Value::Binary(bytes.clone()),
                _ => Value::Text(text.as_bytes().to_vec()),
            },
            LuaValue::Table(table) => self.inner(&table, key, was, depth, left)?,
            other => return Err(wrong(&format!("it returned a {} in the record", other.type_name()))),
        })
    }

    fn inner(&self, table: &Table, key: &[u8], was: Option<&Value>, depth: usize, left: &mut usize) -> Result<Value> {
        if depth > DEPTH_MAX {
            return Err(wrong("it returned a table that is nested too deeply, or in itself"));
        }
        let length = table.raw_len();
        let listed = self.array_keys.iter().any(|name| name == key) || matches!(was, Some(Value::Array(_)));
        let array = if length == 0 {
            listed && table.is_empty()
        } else {
            table.pairs::<LuaValue, LuaValue>().count() == length
        };
        if !array {
            let before = was.and_then(Value::as_map);
            return self.fields(table, before, depth, left).map(Value::Map);
        }
        let before = |index: usize| match was {
            Some(Value::Array(values)) => values.get(index),
            _ => None,
        };
        let values = (0..length).map(|index| self.back(table.raw_get(index + 1)?, key, before(index), depth + 1, left));
        values.collect::<Result<_>>().map(Value::Array)
    }

    fn number(&self, number: f64, key: &[u8], was: Option<&Value>) -> Value {
        let whole = number.fract() == 0.0 && number.abs() < 9e18;
        let same = match was {
            Some(Value::Int(value)) => (*value as f64).to_bits() == number.to_bits(),
            Some(Value::Unsigned(value)) => (*value as f64).to_bits() == number.to_bits(),
            Some(Value::Float(value)) => value.to_bits() == number.to_bits(),
            _ => false,
        };
        match was {
            _ if self.int_keys.iter().any(|name| name == key) && number.abs() < 9e18 => match was {
                Some(value @ (Value::Int(_) | Value::Unsigned(_))) if same => value.clone(),
                _ => Value::Int(number as i64),
            },
            Some(value) if same => value.clone(),
            _ if whole => Value::Int(number as i64),
            _ => Value::Float(number),
        }
    }
}

fn wrong(what: &str) -> mlua::Error {
    mlua::Error::runtime(format!("{what}; correct the script"))
}
