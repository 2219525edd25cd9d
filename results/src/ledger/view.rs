//! What the ledger tells while the run goes on: counts, latencies, a sample a route.

use std::sync::atomic::Ordering;

use super::{
    LatencySample, LatencySamples, Ledger,
    latency::{self, Latencies},
    lock,
};
use crate::{
    books::{Books, StreamBook},
    event::{RouteSample, StreamSample},
    outcome::{BookTotals, Latency},
    route::Routes,
};

impl Ledger {
    /// The counts so far, over all routes. What is on its way counts as lost here.
    pub fn totals(&self) -> BookTotals {
        self.state().books.totals()
    }

    /// The same of each route; index = route.
    pub fn route_totals(&self) -> Vec<BookTotals> {
        let state = self.state();
        self.routes.ids().map(|route| state.books.route_totals(route)).collect()
    }

    /// Written and delivered records of every stream, on every route. Of a stream that must be dropped nothing is due.
    pub fn streams(&self) -> Vec<StreamSample> {
        let state = self.state();
        let due = |book: &StreamBook| if book.is_to_drop() { 0 } else { book.marks().written };
        let sample = |book: &StreamBook| StreamSample(due(book), book.arrived().count());
        state.books.streams().iter().map(sample).collect()
    }

    /// What each stream owes on each route, and what of it was delivered: [`Self::streams`] without what the source lost by
    /// name. A stream whose every record the source lost does not stand still, it has nothing to deliver.
    pub fn owed(&self) -> Vec<StreamSample> {
        let state = self.state();
        state.books.streams().iter().map(|book| StreamSample(book.owed(), book.arrived().count())).collect()
    }

    /// The routes.
    pub fn routes(&self) -> &Routes {
        &self.routes
    }

    /// What the samples of the timeline say of each route; nothing where `written` and `delivered` say it all.
    pub fn route_samples(&self, latency: &LatencySamples) -> Vec<RouteSample> {
        let totals = self.route_totals();
        if self.routes.is_single() && totals.iter().all(|route| route.to_drop == 0) {
            return Vec::new();
        }
        let sample = |(totals, latency): (&BookTotals, &LatencySample)| RouteSample {
            due: totals.expected,
            delivered: totals.delivered,
            duplicated: totals.duplicated,
            source_lost: totals.source_lost,
            p99_us: latency.p99_us,
        };
        totals.iter().zip(&latency.routes).map(sample).collect()
    }

    /// Bytes written so far, with framing.
    pub fn written_bytes(&self) -> u64 {
        self.marks.iter().map(|marks| marks.bytes.load(Ordering::Relaxed)).sum()
    }

    /// Delivery latency since the last call of this or of [`Self::take_latencies`].
    pub fn take_latency(&self) -> LatencySample {
        self.take_latencies().all
    }

    /// The same, of each route as well.
    pub fn take_latencies(&self) -> LatencySamples {
        let (routes, intervals): (Vec<_>, Vec<_>) = lock(&self.state).latencies.iter_mut().map(Latencies::take).unzip();
        LatencySamples { all: latency::sample(&latency::sum(&intervals)), routes }
    }

    /// Only records due in `[from_us, to_us)` count for [`Self::latency`]. Holds for what arrives from now on.
    pub fn measure(&self, from_us: u64, to_us: u64) {
        lock(&self.state).latencies.iter_mut().for_each(|route| route.measure(from_us, to_us));
    }

    /// Delivery latency of the records due in the measure window, over all routes.
    pub fn latency(&self) -> Latency {
        Latencies::measured_on_all(&lock(&self.state).latencies)
    }

    /// The same of each route; index = route.
    pub fn route_latencies(&self) -> Vec<Latency> {
        lock(&self.state).latencies.iter().map(Latencies::measured).collect()
    }

    /// A copy of the books as they are.
    pub fn snapshot(&self) -> Books {
        self.state().books.clone()
    }
}
