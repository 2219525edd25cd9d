//! The document inside the page: all that the page shows, for programs and for its own charts, so that nobody parses HTML.
//! What is too long for it is counted and lies in the run folder.

use serde_json::{Value, json};

use crate::report::{Report, lanes::Lane};

/// Version of the document.
const SCHEMA: u32 = 1;
/// Generations in it.
const MOST_GENERATIONS: usize = 20_000;
/// Causes and stalls in it, each.
const MOST_CAUSES: usize = 1_000;
/// Rotations in it.
const MOST_ROTATIONS: usize = 20_000;

/// The document of a run.
pub(super) fn document(report: &Report) -> Value {
    let mut outcome = report.outcome.clone();
    let left_out = [outcome.causes.len().saturating_sub(MOST_CAUSES), outcome.stalls.len().saturating_sub(MOST_CAUSES)];
    outcome.causes.truncate(MOST_CAUSES);
    outcome.stalls.truncate(MOST_CAUSES);
    let (generations, paths) = generations(report);
    json!({
        "schema": SCHEMA,
        "whole_data": { "folder": report.outcome.run, "files": ["run.json", "events.jsonl", "books.bin"], "events": report.events },
        "left_out": {
            "causes": left_out[0],
            "stalls": left_out[1],
            "spans": report.spans.1,
            "generations": report.generations.len().saturating_sub(MOST_GENERATIONS),
            "rotations": report.rotations.len().saturating_sub(MOST_ROTATIONS),
        },
        "outcome": outcome,
        "question": report.question,
        "environment": report.manifest.environment,
        "end_s": seconds(report.end_us),
        "streams": report.names.iter().take(MOST_GENERATIONS).collect::<Vec<_>>(),
        "lanes": report.lanes.iter().map(lane).collect::<Vec<_>>(),
        "spans": report.spans.0.iter().map(|span| json!({
            "kind": span.kind.word(),
            "name": span.name,
            "from_s": seconds(span.from_us),
            "until_s": seconds(span.until_us),
            "ended": span.ended,
            "detail": span.detail,
        })).collect::<Vec<_>>(),
        "rotations": report.rotations.iter().take(MOST_ROTATIONS).map(|(t_us, _)| seconds(*t_us)).collect::<Vec<_>>(),
        "generation_columns": [
            "stream", "generation", "path", "device", "inode", "opened_s", "closed_s", "unlinked_s", "first_seq", "end_seq",
            "bytes", "lost", "reuses_stream", "reuses_generation", "steered",
        ],
        "paths": paths,
        "generations": generations,
    })
}

/// A row per generation, and the paths that the rows name by index.
fn generations(report: &Report) -> (Vec<Value>, Vec<&str>) {
    let mut paths: Vec<&str> = Vec::new();
    let mut places = std::collections::BTreeMap::new();
    let rows = report.generations.iter().take(MOST_GENERATIONS).map(|one| {
        let path = *places.entry(one.path.as_str()).or_insert_with(|| {
            paths.push(&one.path);
            paths.len() - 1
        });
        json!([
            one.stream,
            one.generation,
            path,
            one.file.device,
            one.file.inode,
            seconds(one.opened_us),
            one.closed_us.map(seconds),
            one.unlinked_us.map(seconds),
            one.seqs.0,
            one.seqs.1,
            one.bytes,
            one.lost,
            one.reuses.map(|reuse| reuse.0),
            one.reuses.map(|reuse| reuse.1),
            one.steered,
        ])
    });
    (rows.collect(), paths)
}

/// The times of a lane, and for each of its series the means; the extremes where a column has more than one value.
fn lane(lane: &Lane) -> Value {
    let mut columns: Vec<(usize, u64)> =
        lane.series.iter().flat_map(|series| series.cells.iter().map(|cell| (cell.column, cell.t_us))).collect();
    columns.sort_unstable();
    columns.dedup_by_key(|column| column.0);
    let series: Vec<Value> = lane
        .series
        .iter()
        .map(|series| {
            let of = |value: fn(&crate::report::sampling::Cell) -> f64| -> Vec<Value> {
                let mut cells = series.cells.iter().peekable();
                let at = |(column, _): &(usize, u64)| {
                    cells.next_if(|cell| cell.column == *column).map_or(Value::Null, |cell| number(value(cell)))
                };
                columns.iter().map(at).collect()
            };
            let mut one = json!({ "name": series.name, "colour": series.nth, "mean": of(|cell| cell.mean) });
            if series.cells.iter().any(|cell| cell.max > cell.min) {
                one["max"] = of(|cell| cell.max).into();
                one["min"] = of(|cell| cell.min).into();
            }
            one
        })
        .collect();
    json!({
        "id": lane.id,
        "title": lane.title,
        "unit": lane.unit.word(),
        "log": lane.log,
        "t": columns.iter().map(|(_, t_us)| seconds(*t_us)).collect::<Vec<_>>(),
        "series": series,
    })
}

/// Five digits are more than a pixel shows.
fn number(value: f64) -> Value {
    if value == 0.0 || !value.is_finite() {
        return json!(0);
    }
    let unit = 10f64.powf(value.abs().log10().floor() - 4.0);
    let rounded = (value / unit).round() * unit;
    if rounded.abs() >= 1000.0 { json!(rounded.round() as i64) } else { json!((rounded * 1e6).round() / 1e6) }
}

fn seconds(us: u64) -> f64 {
    us as f64 / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::examples::{failed, report, stall_story};

    #[test]
    fn every_series_of_a_lane_has_a_value_or_none_at_each_of_its_times() {
        let document = document(&report(failed(), stall_story()));
        for lane in document["lanes"].as_array().unwrap() {
            let times = lane["t"].as_array().unwrap().len();
            for series in lane["series"].as_array().unwrap() {
                assert_eq!(series["mean"].as_array().unwrap().len(), times, "{lane}");
            }
        }
        assert_eq!(document["lanes"][0]["t"].as_array().unwrap().len(), 22);
    }

    #[test]
    fn a_row_of_a_generation_has_a_cell_for_each_column() {
        let document = document(&report(failed(), stall_story()));
        let columns = document["generation_columns"].as_array().unwrap().len();
        let rows = document["generations"].as_array().unwrap();
        assert_eq!(rows.len(), 5);
        assert!(rows.iter().all(|row| row.as_array().unwrap().len() == columns));
        assert_eq!(document["paths"], json!(["pods/web-00/0.log"]));
    }

    #[test]
    fn numbers_are_as_long_as_a_pixel_needs() {
        assert_eq!([0.0, 1.0 / 3.0, 123_456.789].map(number), [json!(0), json!(0.33333), json!(123_460)]);
        assert_eq!(number(f64::NAN), json!(0));
    }
}
