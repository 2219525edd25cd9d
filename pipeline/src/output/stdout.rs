//! `stdout`: JSON lines on standard output.

use std::io::Write;

use super::{
    Context,
    encode::{Encoder, Layout},
    plan::{OutputPlan, RecordFormat, record},
    retry::Retry,
};
use crate::config::{error::At, keys::Keys};

pub(crate) const KEYS: &[&str] = &["Format", "Json_date_key", "Json_date_format"];
const FORMATS: &[&str] = &["json_lines"];
const BYTES: usize = 256 << 10;

pub(crate) fn plan(keys: &Keys<'_>) -> At<RecordFormat> {
    keys.word("Format", FORMATS)?;
    record(keys)
}

pub(super) async fn run(output: &OutputPlan, format: &RecordFormat, context: &Context) {
    let mut encoder = Encoder::new(format.clone(), Layout::Lines);
    let mut retry = Retry::new(output, context, 0);
    let mut lines = Vec::new();
    while let Some(batches) = context.buffer.next(context.lane, BYTES, context.linger).await {
        lines.clear();
        for batch in &batches {
            encoder.batch(batch, 0..batch.len(), &mut lines);
        }
        let records: usize = batches.iter().map(|batch| batch.len()).sum();
        loop {
            let Err(error) = print(&lines) else {
                retry.confirmed(records, lines.len());
                break;
            };
            if !retry.again(&error, None).await {
                for batch in &batches {
                    retry.dropped(batch, 0..batch.len(), &error);
                }
                break;
            }
        }
        context.buffer.taken(context.lane, batches.len());
    }
}

fn print(lines: &[u8]) -> std::io::Result<()> {
    let mut stdout = std::io::stdout().lock();
    stdout.write_all(lines)?;
    stdout.flush()
}
