//! A script in a state of its own, with bounds on instructions and memory.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use mlua::{Function, HookTriggers, LuaOptions, StdLib, Value, VmState};

use super::{LuaPlan, convert::Converter};
use crate::{
    event::{Event, Fields},
    parse::time::Time,
};

/// Most instructions a record, in units of [`UNIT`].
const BUDGET: u64 = 5_000;
/// Instructions from one look at the budget to the next.
const UNIT: u32 = 1_000;
/// Most memory of a script, bytes.
const MEMORY_MAX: usize = 32 << 20;

/// Catching an error must not catch the end of the budget; nothing may block, end the process or write to its output.
const PRELUDE: &str = "
local over, say = ...
local function checked(f)
  local function done(...) over() return ... end
  return function(...) return done(f(...)) end
end
pcall, xpcall, coroutine.resume = checked(pcall), checked(xpcall), checked(coroutine.resume)
function print(...)
  local words = {}
  for i = 1, select('#', ...) do words[i] = tostring((select(i, ...))) end
  say(table.concat(words, '\\t'))
end
os.execute, os.exit, io.popen, io.read, io.lines, io.stdin, io.stdout, io.stderr, io.write = nil
";

/// A script that is loaded.
#[derive(Debug)]
pub(super) struct Script {
    lua: mlua::Lua,
    function: Function,
    /// What is left of the budget of the current call.
    left: Arc<AtomicU64>,
    converter: Converter,
    time_as_table: bool,
}

/// What a call came to.
pub(super) enum Returned {
    Drop,
    Same,
    Records(Option<Time>, Vec<Fields>),
}

impl Script {
    /// Loads the script of a plan and runs what stands outside of its functions; else why it cannot be used.
    pub(super) fn load(plan: &LuaPlan) -> Result<Self, String> {
        let libraries = StdLib::TABLE | StdLib::STRING | StdLib::MATH | StdLib::OS | StdLib::IO | StdLib::PACKAGE;
        let lua = mlua::Lua::new_with(libraries, LuaOptions::default()).map_err(|error| short(&error))?;
        let left = Arc::new(AtomicU64::new(BUDGET));
        let run = || -> mlua::Result<Function> {
            lua.set_memory_limit(MEMORY_MAX)?;
            bound(&lua, &left)?;
            if plan.nulls {
                lua.globals().set("flb_null", Value::NULL)?;
            }
            lua.load(&plan.code).set_name(format!("={}", plan.origin)).exec()?;
            match lua.globals().get::<Value>(plan.call.as_str())? {
                Value::Function(function) => Ok(function),
                _ => Err(mlua::Error::runtime(format!("it defines no function `{}`; name one with Call", plan.call))),
            }
        };
        let function = run().map_err(|error| short(&error))?;
        let converter = Converter::new(plan);
        Ok(Self { lua, function, left, converter, time_as_table: plan.time_as_table })
    }

    /// Calls it for one record.
    pub(super) fn call(&self, tag: &str, event: &Event) -> Result<Returned, String> {
        self.left.store(BUDGET, Ordering::Relaxed);
        self.run(tag, event).map_err(|error| {
            // What a failed call left behind may be most of the memory.
            let _ = self.lua.gc_collect();
            short(&error)
        })
    }

    fn run(&self, tag: &str, event: &Event) -> mlua::Result<Returned> {
        let record = self.converter.table(&self.lua, &event.fields)?;
        let seconds = event.time.seconds as f64 + f64::from(event.time.nanos) / 1e9;
        let time = if self.time_as_table {
            let table = self.lua.create_table_with_capacity(0, 2)?;
            table.set("sec", event.time.seconds as f64)?;
            table.set("nsec", event.time.nanos)?;
            Value::Table(table)
        } else {
            Value::Number(seconds)
        };
        let (code, time, record): (Value, Value, Value) = self.function.call((tag, time, record))?;
        let code = code.as_i64().or_else(|| code.as_f64().map(|code| code as i64));
        let time = match code {
            Some(-1) => return Ok(Returned::Drop),
            Some(0) => return Ok(Returned::Same),
            Some(1) => Some(stamp(&time, seconds, event.time)?),
            Some(2) => None,
            _ => return Err(mlua::Error::runtime("it returned another code than -1, 0, 1 or 2; correct the script")),
        };
        Ok(Returned::Records(time, self.converter.records(&record, &event.fields)?))
    }
}

/// Sets the bounds.
fn bound(lua: &mlua::Lua, left: &Arc<AtomicU64>) -> mlua::Result<()> {
    let over = || Err(mlua::Error::runtime("it ran for more than 5 million instructions; look for an endless loop"));
    let spent = Arc::clone(left);
    lua.set_global_hook(HookTriggers::new().every_nth_instruction(UNIT), move |_, _| {
        let before = spent.load(Ordering::Relaxed);
        spent.store(before.saturating_sub(1), Ordering::Relaxed);
        if before == 0 { over() } else { Ok(VmState::Continue) }
    })?;
    let spent = Arc::clone(left);
    let check = lua.create_function(move |_, ()| {
        if spent.load(Ordering::Relaxed) == 0 { over() } else { Ok(VmState::Continue) }.map(|_| ())
    })?;
    let say = lua.create_function(|_, text: mlua::LuaString| {
        tracing::info!(text = ?text.to_string_lossy(), "the script says");
        Ok(())
    })?;
    lua.load(PRELUDE).set_name("=prelude").call::<()>((check, say))
}

/// The time that a script returned; the very same if it did not change it.
fn stamp(time: &Value, given: f64, before: Time) -> mlua::Result<Time> {
    let wrong =
        || mlua::Error::runtime("it returned no time; return the timestamp that it was given or another number");
    let number = |value: &Value| value.as_f64().or_else(|| value.as_i64().map(|whole| whole as f64));
    let (seconds, nanos) = match time {
        Value::Table(table) => {
            let (seconds, nanos) = (number(&table.raw_get("sec")?), number(&table.raw_get("nsec")?));
            (seconds.ok_or_else(wrong)?, nanos.unwrap_or(0.0))
        }
        other => {
            let seconds = number(other).ok_or_else(wrong)?;
            if seconds.to_bits() == given.to_bits() {
                return Ok(before);
            }
            (seconds.floor(), (seconds - seconds.floor()) * 1e9)
        }
    };
    if !(seconds.abs() < 1e12 && (0.0..1e9).contains(&nanos)) {
        return Err(wrong());
    }
    Ok(Time { seconds: seconds as i64, nanos: nanos as u32 })
}

/// The first line of an error: the others are a trace through our own code.
fn short(error: &mlua::Error) -> String {
    let text = match error {
        mlua::Error::CallbackError { cause, .. } => cause.to_string(),
        other => other.to_string(),
    };
    text.lines().next().unwrap_or_default().trim_start_matches("runtime error: ").to_owned()
}
