//! Ends connections whose answer is overdue: one look at all of a thread's connections ten times a second is cheaper
//! than a timer for each request.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    time::Duration,
};

use tokio::task::AbortHandle;

use super::Shared;

/// Between two looks.
const LOOK: Duration = Duration::from_millis(100);
/// How long an answer is waited for once the load is told to stop, microseconds.
const LAST_US: u64 = 1_000_000;

/// One connection as the watch sees it.
#[derive(Debug, Default)]
pub(super) struct Line {
    /// Since when an answer is waited for, microseconds since the start of the run.
    pub(super) since_us: Cell<Option<u64>>,
    /// The task that moves its bytes.
    pub(super) mover: RefCell<Option<AbortHandle>>,
    /// It was ended here.
    pub(super) is_overdue: Cell<bool>,
}

impl Line {
    /// Ends the connection; whoever waits for an answer is told at once.
    pub(super) fn cut(&self) {
        if let Some(mover) = self.mover.borrow_mut().take() {
            mover.abort();
        }
    }
}

/// Looks until it is aborted.
pub(super) async fn watch(lines: Vec<Rc<Line>>, shared: std::sync::Arc<Shared>) {
    let mut stopped_us = None;
    loop {
        tokio::time::sleep(LOOK).await;
        let now_us = shared.clock.now_us();
        if stopped_us.is_none() && shared.reins.is_stopped() {
            stopped_us = Some(now_us);
        }
        for line in &lines {
            let Some(since_us) = line.since_us.get() else { continue };
            let is_overdue = now_us.saturating_sub(since_us) > shared.answer_within_us
                || stopped_us.is_some_and(|stopped_us| now_us.saturating_sub(stopped_us) > LAST_US);
            if is_overdue {
                line.is_overdue.set(true);
                line.cut();
            }
        }
    }
}
