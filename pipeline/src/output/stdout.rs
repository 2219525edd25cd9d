//! `stdout`: JSON on standard output, a line for each record unless asked otherwise.

use std::{io::Write, sync::Arc};

use super::{
    Context,
    encode::{Encoder, Layout},
    plan::{OutputPlan, RecordFormat, record},
    retry::Retry,
};
use crate::{
    config::{error::At, keys::Keys},
    parse::Batch,
};

pub(crate) const KEYS: &[&str] = &["Format", "Json_date_key", "Json_date_format"];
const FORMATS: &[&str] = &["json_lines", "json", "json_stream"];
const BYTES: usize = 256 << 10;

/// What is printed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StdoutPlan {
    /// How a record is written.
    pub record: RecordFormat,
    /// Lines, or objects of one write in an array or one behind the other, with a line feed at their end.
    pub layout: Layout,
}

pub(crate) fn plan(keys: &Keys<'_>) -> At<StdoutPlan> {
    let layout = match keys.word("Format", FORMATS)? {
        Some(1) => Layout::Array,
        Some(2) => Layout::Stream,
        _ => Layout::Lines,
    };
    Ok(StdoutPlan { record: record(keys)?, layout })
}

pub(super) async fn run(output: &OutputPlan, plan: &StdoutPlan, context: &Context) {
    let mut encoder = Encoder::new(plan.record.clone(), plan.layout);
    let mut retry = Retry::new(output, context, 0);
    let mut text = Vec::new();
    while let Some(batches) = context.buffer.next(context.lane, BYTES, context.linger).await {
        let records: usize = batches.iter().map(|batch| batch.len()).sum();
        text.clear();
        if records > 0 {
            render(&batches, plan.layout, &mut encoder, &mut text);
        }
        loop {
            let Err(error) = print(&text) else {
                retry.confirmed(records, text.len());
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

/// At least one record.
fn render(batches: &[Arc<Batch>], layout: Layout, encoder: &mut Encoder, text: &mut Vec<u8>) {
    if layout == Layout::Array {
        text.push(b'[');
    }
    for batch in batches {
        encoder.batch(batch, 0..batch.len(), text);
    }
    match layout {
        Layout::Array => {
            // In the place of the comma behind the last.
            text.pop();
            text.extend_from_slice(b"]\n");
        }
        Layout::Stream => text.push(b'\n'),
        Layout::Lines | Layout::Prefixed => {}
    }
}

fn print(text: &[u8]) -> std::io::Result<()> {
    let mut stdout = std::io::stdout().lock();
    stdout.write_all(text)?;
    stdout.flush()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{buffer::tests::batch, output::plan::DateFormat};

    #[test]
    fn records_of_one_write_are_lines_an_array_or_one_behind_the_other() {
        let format = RecordFormat { date_key: None, date: DateFormat::Double };
        let rendered = |layout| {
            let (mut encoder, mut text) = (Encoder::new(format.clone(), layout), Vec::new());
            render(&[Arc::new(batch("t", 100)), Arc::new(batch("t", 200))], layout, &mut encoder, &mut text);
            String::from_utf8(text).unwrap()
        };
        let lines = rendered(Layout::Lines);
        let records: Vec<&str> = lines.lines().collect();
        assert_eq!(records, [r#"{"log":"line 100"}"#, r#"{"log":"line 200"}"#]);
        assert_eq!(rendered(Layout::Array), format!("[{}]\n", records.join(",")));
        assert_eq!(rendered(Layout::Stream), format!("{}\n", records.concat()));
    }
}
