//! The figures as Prometheus reads them. Names that begin with `fluentbit_` mean what they mean there; ours begin with
//! `tailproof_`.
//!
//! ```text
//! # HELP fluentbit_input_records_total Records that were read.
//! # TYPE fluentbit_input_records_total counter
//! fluentbit_input_records_total{name="tail.0"} 57
//! ```

use std::fmt::Write;

use crate::buffer::StoreCounters;
use crate::service::board::{Figures, FileFigures, FilterFigures, InputFigures, OutputFigures};

const COUNTER: &str = "counter";
const GAUGE: &str = "gauge";

/// Everything there is to tell, `uptime_s` after the start.
pub(super) fn text(figures: &Figures, uptime_s: u64) -> String {
    let mut page = Page(String::with_capacity(8 << 10));
    page.alone("fluentbit_uptime", "Seconds since the start.", uptime_s);
    page.alone(
        "fluentbit_process_start_time_seconds",
        "When the process started, seconds since 1970.",
        figures.started_unix_s,
    );
    page.alone("fluentbit_hot_reloaded_times", "How often a new configuration was taken over.", figures.reloads);
    page.head("fluentbit_build_info", "The program.", GAUGE);
    page.row("fluentbit_build_info", &[("version", env!("CARGO_PKG_VERSION")), ("program", "tailproof")], 1);
    for (name, help, kind, of) in INPUT {
        page.family(name, help, kind, figures.inputs.iter().map(|input| (input.name.as_str(), of(input))));
    }
    for (name, help, kind, of) in FILES {
        let files = figures.inputs.iter().filter_map(|input| Some((input.name.as_str(), of(input.files.as_ref()?))));
        page.family(name, help, kind, files);
    }
    for (name, help, kind, of) in FILTER {
        page.family(name, help, kind, figures.filters.iter().map(|filter| (filter.name.as_str(), of(filter))));
    }
    for (name, help, kind, of) in OUTPUT {
        page.family(name, help, kind, figures.outputs.iter().map(|output| (output.name.as_str(), of(output))));
    }
    for (name, help, kind, of) in STORE {
        if let Some(store) = &figures.store {
            page.head(name, help, kind);
            page.row(name, &[], of(store));
        }
    }
    page.head("tailproof_unrouted_records_total", "Records whose tag no output wants.", COUNTER);
    page.row("tailproof_unrouted_records_total", &[], figures.unrouted);
    page.alone("tailproof_unwell_reasons", "Reasons for which the health page is bad.", figures.unwell.len() as u64);
    page.0
}

type Family<T> = (&'static str, &'static str, &'static str, fn(&T) -> u64);

const INPUT: &[Family<InputFigures>] = &[
    ("fluentbit_input_records_total", "Records that were read.", COUNTER, |input| input.records),
    ("fluentbit_input_bytes_total", "Bytes that were read.", COUNTER, |input| input.bytes),
    ("fluentbit_input_storage_memory_bytes", "Bytes that wait for outputs.", GAUGE, |input| input.waiting_bytes),
    ("fluentbit_input_storage_overlimit", "1 while the buffer is full.", GAUGE, |input| input.paused.into()),
    ("fluentbit_input_ingestion_paused", "1 while nothing is read.", GAUGE, |input| input.paused.into()),
    ("tailproof_input_buffer_limit_bytes", "Bytes that may wait for outputs.", GAUGE, |input| input.limit_bytes),
    ("tailproof_input_malformed_total", "Messages that could not be understood.", COUNTER, |input| input.malformed),
    ("tailproof_input_lost_records_total", "Records lost before they could be read.", COUNTER, |input| input.lost),
];

const FILES: &[Family<FileFigures>] = &[
    ("fluentbit_input_files_opened_total", "Files that were opened.", COUNTER, |files| files.opened),
    ("fluentbit_input_files_closed_total", "Files that were read to their end and closed.", COUNTER, |files| {
        files.closed
    }),
    ("fluentbit_input_files_rotated_total", "Files whose name was taken over by another.", COUNTER, |files| {
        files.rotated
    }),
    ("fluentbit_input_long_line_skipped_total", "Lines that were too long.", COUNTER, |files| files.long_lines),
    ("tailproof_input_files_truncated_total", "Files that were cut and read anew.", COUNTER, |files| files.truncated),
    ("tailproof_input_files_missing_total", "Files that vanished before they were read.", COUNTER, |files| {
        files.missing
    }),
    ("tailproof_input_file_errors_total", "Opens and reads that failed.", COUNTER, |files| files.errors),
    ("tailproof_input_unread_bytes", "Bytes in the files that were not read yet.", GAUGE, |files| files.unread_bytes),
    ("tailproof_input_stalled_seconds", "How long unread bytes have not moved.", GAUGE, |files| {
        files.stalled_ms / 1_000
    }),
];

const FILTER: &[Family<FilterFigures>] = &[
    ("fluentbit_filter_records_total", "Records that came in.", COUNTER, |filter| filter.records),
    ("fluentbit_filter_add_records_total", "Records that were made beside them.", COUNTER, |filter| filter.added),
    ("fluentbit_filter_drop_records_total", "Records dropped on purpose.", COUNTER, |filter| filter.dropped),
    ("tailproof_filter_failed_records_total", "Records that passed as they were.", COUNTER, |filter| filter.failed),
    ("tailproof_filter_held_records", "Records that are kept back now.", GAUGE, |filter| filter.held),
];

const OUTPUT: &[Family<OutputFigures>] = &[
    ("fluentbit_output_proc_records_total", "Records that were delivered.", COUNTER, |output| output.records),
    ("fluentbit_output_proc_bytes_total", "Bytes that were delivered.", COUNTER, |output| output.bytes),
    ("fluentbit_output_errors_total", "Records that can never be taken.", COUNTER, |output| output.refused),
    ("fluentbit_output_retries_total", "Deliveries that failed and were repeated.", COUNTER, |output| output.retries),
    ("fluentbit_output_retries_failed_total", "Records given up at a limit.", COUNTER, |output| output.dropped),
    ("fluentbit_output_dropped_records_total", "Records that were not delivered.", COUNTER, |output| {
        output.dropped + output.refused
    }),
    ("tailproof_output_stored_bytes", "Bytes on disk that wait for it.", GAUGE, |output| output.stored_bytes),
    ("tailproof_output_deliveries_total", "Deliveries that were confirmed.", COUNTER, |output| output.deliveries),
];

const STORE: &[Family<StoreCounters>] = &[
    ("fluentbit_storage_fs_chunks", "Segments on disk.", GAUGE, |store| store.segments),
    ("tailproof_storage_held_bytes", "Bytes that the disk does not take now.", GAUGE, |store| store.held_bytes),
    ("tailproof_storage_refused_writes_total", "Writes that the disk refused.", COUNTER, |store| store.refused),
    ("tailproof_storage_damaged_records_total", "Records that were damaged on disk.", COUNTER, |store| store.damaged),
    ("tailproof_storage_known_records_total", "Records that came again and were known.", COUNTER, |store| store.again),
];

struct Page(String);

impl Page {
    fn head(&mut self, name: &str, help: &str, kind: &str) {
        write!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}\n").expect("a String takes everything");
    }

    fn row(&mut self, name: &str, labels: &[(&str, &str)], value: u64) {
        let labels: Vec<String> = labels.iter().map(|(key, value)| format!("{key}=\"{}\"", escaped(value))).collect();
        let braces = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
        writeln!(self.0, "{name}{braces} {value}").expect("a String takes everything");
    }

    fn alone(&mut self, name: &str, help: &str, value: u64) {
        self.head(name, help, GAUGE);
        self.row(name, &[], value);
    }

    fn family<'a>(&mut self, name: &str, help: &str, kind: &str, rows: impl Iterator<Item = (&'a str, u64)>) {
        let mut rows = rows.peekable();
        if rows.peek().is_some() {
            self.head(name, help, kind);
            rows.for_each(|(plugin, value)| self.row(name, &[("name", plugin)], value));
        }
    }
}

/// A label value; quotes, backslashes and line ends are escaped.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}
