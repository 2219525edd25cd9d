//! Rates over the measure phase, from the samples of the timeline.

use crate::{
    books::Books,
    event::{Event, Phase, Sample, What},
    outcome::Rates,
};

/// Records and bytes a second, delivered over all routes, between the first and the last sample of the measure phase. A phase too short for two
/// samples takes what was written in all, over its length.
pub fn rates(events: &[Event], books: &Books) -> Rates {
    let mut start = None;
    let mut end = events.last().map_or(0, |event| event.t_us);
    let mut samples: Vec<(u64, &Sample)> = Vec::new();
    for event in events {
        match &event.what {
            What::Phase(Phase::Measure) => start = Some(event.t_us),
            What::Phase(_) if start.is_some() => {
                end = event.t_us;
                break;
            }
            What::Sample(sample) if start.is_some() => samples.push((event.t_us, sample)),
            _ => {}
        }
    }
    let Some(start) = start else { return Rates::default() };
    let per_s = |count: u64, from: u64, to: u64| count as f64 * 1e6 / to.saturating_sub(from).max(1) as f64;
    if let ([(from, first), .., (to, last)], true) = (&samples[..], samples.len() > 1) {
        return Rates {
            sent_per_s: per_s(last.written.saturating_sub(first.written), *from, *to),
            delivered_per_s: per_s(last.delivered.saturating_sub(first.delivered), *from, *to),
            sent_bytes_per_s: per_s(last.written_bytes.saturating_sub(first.written_bytes), *from, *to),
        };
    }
    let totals = books.totals();
    let written_by = &books.streams()[..books.routes().streams()];
    let bytes = written_by.iter().map(|book| book.marks().bytes).sum();
    Rates {
        sent_per_s: per_s(totals.written, start, end),
        delivered_per_s: per_s(totals.delivered, start, end),
        sent_bytes_per_s: per_s(bytes, start, end),
    }
}
