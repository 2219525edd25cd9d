//! Gives up what is overdue: one look at all of a thread's connections ten times a second is cheaper than a timer for
//! each request.

use std::{rc::Rc, sync::Arc, time::Duration};

use super::{Shared, line::Line};

/// Between two looks.
const LOOK: Duration = Duration::from_millis(100);
/// How long an answer is waited for once the load is told to stop, microseconds.
const LAST_US: u64 = 1_000_000;

/// Looks until it is aborted.
pub(super) async fn watch(lines: Vec<Rc<Line>>, shared: Arc<Shared>) {
    let mut stopped_us = None;
    loop {
        tokio::time::sleep(LOOK).await;
        let now_us = shared.clock.now_us();
        if stopped_us.is_none() && shared.reins.is_stopped() {
            stopped_us = Some(now_us);
        }
        let is_last = stopped_us.is_some_and(|stopped_us| now_us.saturating_sub(stopped_us) > LAST_US);
        for line in &lines {
            let waited_us = line.since_us().map(|since_us| now_us.saturating_sub(since_us));
            if waited_us.is_some_and(|waited_us| is_last || waited_us > shared.answer_within_us) {
                line.give_up();
            }
        }
    }
}
