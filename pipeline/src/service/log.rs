//! The log: to standard error or a file, as much of it as `Log_Level` of the service and of each plugin asks for.
//!
//! Every plugin works on a thread of its own or within a [`Scope`], which says what of it is logged. The level and the
//! file follow a reload; a file that was renamed is opened anew then.

use std::{
    cell::Cell,
    fs::{File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError, RwLock,
        atomic::{AtomicU8, Ordering},
    },
};

use tracing::{Level, Metadata, level_filters::LevelFilter};
use tracing_subscriber::{Registry, fmt::MakeWriter, layer::SubscriberExt, reload, util::SubscriberInitExt};

use crate::config::{Plan, plan::LogLevel};

thread_local! {
    static PLUGIN: Cell<Option<LogLevel>> = const { Cell::new(None) };
}

/// While it lives, this thread works for a plugin.
#[derive(Debug)]
pub(crate) struct Scope(Option<LogLevel>);

impl Scope {
    /// Begins to work for a plugin whose `Log_Level` this is.
    pub(crate) fn enter(level: Option<LogLevel>) -> Self {
        Self(PLUGIN.replace(level))
    }
}

impl Drop for Scope {
    fn drop(&mut self) {
        PLUGIN.set(self.0);
    }
}

/// The log of a process.
#[derive(Debug)]
pub(crate) struct Log {
    sink: Sink,
    /// None if somebody else has set up the log: then theirs stays.
    filter: Option<reload::Handle<LevelFilter, Registry>>,
}

impl Log {
    /// Begins to log as `plan` says.
    pub(crate) fn start(plan: &Plan) -> io::Result<Self> {
        let sink = Sink::open(plan)?;
        let (filter, handle) = reload::Layer::new(most(plan));
        let lines = tracing_subscriber::fmt::layer().with_target(false).with_ansi(false).with_writer(sink.clone());
        let ours = tracing_subscriber::registry().with(filter).with(lines).try_init().is_ok();
        Ok(Self { sink, filter: ours.then_some(handle) })
    }

    /// Goes on as `plan` says. The old file stays if the new one cannot be opened.
    pub(crate) fn follow(&self, plan: &Plan) -> io::Result<()> {
        let new = Sink::open(plan)?;
        self.sink.0.level.store(new.0.level.load(Ordering::Relaxed), Ordering::Relaxed);
        let file = new.0.file.read().unwrap_or_else(PoisonError::into_inner).clone();
        *self.sink.0.file.write().unwrap_or_else(PoisonError::into_inner) = file;
        if let Some(filter) = &self.filter {
            // It fails only once the log is gone.
            let _ = filter.reload(most(plan));
        }
        Ok(())
    }
}

/// The most that anybody wants to be logged.
fn most(plan: &Plan) -> LevelFilter {
    let inputs = plan.inputs.iter().filter_map(|input| input.log_level);
    let filters = plan.filters.iter().filter_map(|filter| filter.log_level);
    let outputs = plan.outputs.iter().filter_map(|output| output.log_level);
    let levels = inputs.chain(filters).chain(outputs).chain([plan.service.log_level]);
    match levels.max().unwrap_or(LogLevel::Info) {
        LogLevel::Off => LevelFilter::OFF,
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    }
}

fn rank(level: Level) -> LogLevel {
    match level {
        Level::ERROR => LogLevel::Error,
        Level::WARN => LogLevel::Warn,
        Level::INFO => LogLevel::Info,
        Level::DEBUG => LogLevel::Debug,
        Level::TRACE => LogLevel::Trace,
    }
}

/// Where lines go, and from which level on.
#[derive(Debug, Clone)]
struct Sink(Arc<Wanted>);

#[derive(Debug)]
struct Wanted {
    level: AtomicU8,
    file: RwLock<Option<Arc<Mutex<File>>>>,
}

impl Sink {
    fn open(plan: &Plan) -> io::Result<Self> {
        let file = plan.service.log_file.as_deref().map(append).transpose()?;
        let level = AtomicU8::new(plan.service.log_level as u8);
        Ok(Self(Arc::new(Wanted { level, file: RwLock::new(file) })))
    }

    fn wants(&self, level: Level) -> bool {
        match PLUGIN.get() {
            Some(plugin) => rank(level) <= plugin,
            None => rank(level) as u8 <= self.0.level.load(Ordering::Relaxed),
        }
    }
}

fn append(path: &Path) -> io::Result<Arc<Mutex<File>>> {
    let file = OpenOptions::new().create(true).append(true).open(path);
    let place = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", PathBuf::from(path).display()));
    Ok(Arc::new(Mutex::new(file.map_err(place)?)))
}

impl<'a> MakeWriter<'a> for Sink {
    type Writer = Line;

    fn make_writer(&'a self) -> Line {
        match &*self.0.file.read().unwrap_or_else(PoisonError::into_inner) {
            Some(file) => Line::File(Arc::clone(file)),
            None => Line::Stderr,
        }
    }

    fn make_writer_for(&'a self, about: &Metadata<'_>) -> Line {
        if self.wants(*about.level()) { self.make_writer() } else { Line::Nowhere }
    }
}

/// Where one line goes.
enum Line {
    Nowhere,
    Stderr,
    File(Arc<Mutex<File>>),
}

impl Write for Line {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Nowhere => Ok(bytes.len()),
            Self::Stderr => io::stderr().write(bytes),
            Self::File(file) => file.lock().unwrap_or_else(PoisonError::into_inner).write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn plan(service: &str, output: &str) -> Plan {
        let text = format!("[SERVICE]\n{service}\n[INPUT]\nName dummy\n[OUTPUT]\nName null\nMatch *\n{output}\n");
        Config::parse(Path::new("x"), &text, &|_| None).unwrap().plan().unwrap()
    }

    #[test]
    fn a_plugin_may_say_more_or_less_than_the_rest() {
        let sink = Sink::open(&plan("Log_Level warn", "")).unwrap();
        assert!(sink.wants(Level::WARN) && !sink.wants(Level::INFO));
        {
            let _loud = Scope::enter(Some(LogLevel::Debug));
            assert!(sink.wants(Level::DEBUG) && !sink.wants(Level::TRACE));
            let _quiet = Scope::enter(Some(LogLevel::Off));
            assert!(!sink.wants(Level::ERROR));
        }
        assert!(sink.wants(Level::WARN) && !sink.wants(Level::INFO));
        assert_eq!(most(&plan("Log_Level warn", "Log_Level debug")), LevelFilter::DEBUG);
        assert_eq!(most(&plan("Log_Level warn", "Log_Level error")), LevelFilter::WARN);
    }
}
