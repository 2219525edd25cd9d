//! `file`: lines in files, named by `File`, by the tag made safe, or by a tag that is a path itself.
//!
//! ```text
//! Path /out  File a.log     /out/a.log
//! Path /out                 /out/<tag, made safe>
//! Match /out/*              the tag is the path, component by component made safe; never outside of /out
//! ```
//! A write that the disk takes only in part is finished before anything else, from the byte at which it stopped, so
//! that no torn line is followed by another. A torn last line, which a kill in mid-write can leave, is cut off when
//! the file is opened: its batch was not acknowledged and comes again.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, Write},
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    Context,
    encode::{Encoder, Layout},
    plan::{DateFormat, OutputPlan, RecordFormat},
    retry::Retry,
};
use crate::{
    buffer::route::Matching,
    config::{
        error::At,
        keys::{Keys, bad},
    },
    parse::Batch,
};

mod format;
mod open;
mod place;

use format::Lines;
use open::Root;
pub use place::Place;

pub(crate) const KEYS: &[&str] = &[
    "Path",
    "File",
    "Path_From_Tag",
    "Mkdir",
    "Format",
    "Delimiter",
    "Label_Delimiter",
    "Template",
    "Csv_Column_Names",
];
const FORMATS: &[&str] = &["out_file", "plain", "json", "csv", "ltsv", "template"];
/// Bytes that are taken at once.
const BYTES: usize = 1 << 20;
/// Files kept open.
const OPEN_MAX: usize = 256;

/// Lines in files.
#[derive(Debug, Clone, PartialEq)]
pub struct FilePlan {
    /// Which files.
    pub place: Place,
    /// Whether missing folders are made.
    pub mkdir: bool,
    /// How a record is written.
    pub format: FileFormat,
}

/// How a record is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileFormat {
    /// `tag: [time, {…}]`.
    Prefixed,
    /// JSON.
    Plain,
    /// The time and the values between delimiters.
    Csv {
        /// Between two cells.
        delimiter: String,
        /// A first line with the keys, when a file is new.
        names: bool,
    },
    /// `key:value` between delimiters.
    Ltsv {
        /// Between two fields.
        delimiter: String,
        /// Between key and value.
        label: String,
    },
    /// A text with `{key}` in it.
    Template(Vec<Part>),
}

/// A part of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// As it stands.
    Text(String),
    /// The value of a key.
    Key(String),
}

pub(crate) fn plan(keys: &Keys<'_>, matches: &Matching) -> At<FilePlan> {
    let delimiter = |key, default: &str| {
        let text = keys.text(key).unwrap_or_else(|| default.to_owned());
        match text.to_ascii_lowercase().as_str() {
            "tab" | "\\t" => "\t".to_owned(),
            "space" => " ".to_owned(),
            "comma" => ",".to_owned(),
            _ => text,
        }
    };
    let format = match keys.word("Format", FORMATS)? {
        Some(1 | 2) => FileFormat::Plain,
        Some(3) => {
            FileFormat::Csv { delimiter: delimiter("Delimiter", ","), names: keys.boolean("Csv_Column_Names", false)? }
        }
        Some(4) => {
            FileFormat::Ltsv { delimiter: delimiter("Delimiter", "tab"), label: delimiter("Label_Delimiter", ":") }
        }
        Some(5) => {
            let text = keys.text("Template").unwrap_or_else(|| "{time} {message}".to_owned());
            FileFormat::Template(format::template(&text))
        }
        _ => FileFormat::Prefixed,
    };
    let file = keys.text("File");
    if let Some(name) = &file
        && (name.contains('/') || name.starts_with('.') || name.len() > 255)
    {
        let entry = keys.need("File")?;
        return Err((entry.line, bad(entry, "a plain file name; its folder is Path")));
    }
    let from_tag = match keys.get("Path_From_Tag") {
        Some(_) => keys.boolean("Path_From_Tag", false)?,
        None => keys.get("Path").is_none() && file.is_none() && place::root_of(matches).is_some(),
    };
    let folder = keys.text("Path").map(PathBuf::from);
    let place = if from_tag {
        let root = folder.or_else(|| place::root_of(matches));
        let Some(root) = root.filter(|root| root.is_absolute() && root.parent().is_some()) else {
            let entry = keys.need("Path_From_Tag")?;
            return Err((entry.line, bad(entry, "on only with a Path or a Match below which the tags lie")));
        };
        Place::Tag { root }
    } else {
        // Without a folder Fluent Bit writes where it was started.
        Place::Folder { folder: folder.unwrap_or_else(|| ".".into()), file }
    };
    Ok(FilePlan { place, mkdir: keys.boolean("Mkdir", true)?, format })
}

pub(super) async fn run(output: &OutputPlan, plan: &FilePlan, context: &Context) {
    let mut files = Files { root: Root::new(plan.place.root(), plan.mkdir), open: BTreeMap::new() };
    let mut retry = Retry::new(output, context, 0);
    let mut lines = Lines::new(plan.format.clone());
    while let Some(batches) = context.buffer.next(context.lane, BYTES, context.linger).await {
        // Runs of batches for the same file are written together, in order.
        for run in batches.chunk_by(|one, other| one.tag == other.tag) {
            if let Some(path) = plan.place.path(&run[0].tag) {
                files.deliver(&path, run, &mut lines, &mut retry).await;
            } else {
                let why = "the tag does not lie below the folder of this output; correct Match or Path";
                for batch in run {
                    retry.refused(batch, 0..batch.len(), why);
                }
            }
        }
        context.buffer.taken(context.lane, batches.len());
    }
}

struct Files {
    root: Root,
    open: BTreeMap<PathBuf, File>,
}

impl Files {
    async fn deliver(&mut self, path: &Path, run: &[Arc<Batch>], lines: &mut Lines, retry: &mut Retry) {
        let records: usize = run.iter().map(|batch| batch.len()).sum();
        let (mut text, mut done) = (Vec::new(), 0);
        for batch in run {
            lines.batch(batch, &mut text);
        }
        while let Err(error) = self.write(path, &text, &mut done, lines, run) {
            let told = format!("write {}: {error}; make room or correct the path", path.display());
            if !retry.again(&told, None).await {
                self.open.remove(path);
                for batch in run {
                    retry.dropped(batch, 0..batch.len(), &told);
                }
                return;
            }
        }
        if records > 0 {
            retry.confirmed(records, done);
        }
    }

    /// Writes `text` from `done` on; after an error `done` tells how far it came.
    fn write(
        &mut self,
        path: &Path,
        text: &[u8],
        done: &mut usize,
        lines: &Lines,
        run: &[Arc<Batch>],
    ) -> io::Result<()> {
        if !self.open.contains_key(path) {
            if self.open.len() >= OPEN_MAX {
                self.open.clear();
            }
            let mut file = self.root.open(path)?;
            if let Some(head) = lines.head(run).filter(|_| file.metadata().is_ok_and(|about| about.len() == 0)) {
                file.write_all(&head)?;
            }
            self.open.insert(path.to_owned(), file);
        }
        let file = self.open.get_mut(path).expect("it was just opened");
        append(file, text, done)
    }
}

fn append(file: &mut impl Write, lines: &[u8], done: &mut usize) -> io::Result<()> {
    while *done < lines.len() {
        match file.write(&lines[*done..]) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => *done += written,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// The encoder of the two JSON formats.
fn encoder(prefixed: bool) -> Encoder {
    let layout = if prefixed { Layout::Prefixed } else { Layout::Lines };
    Encoder::new(RecordFormat { date_key: None, date: DateFormat::Double }, layout)
}

#[cfg(test)]
mod tests;
