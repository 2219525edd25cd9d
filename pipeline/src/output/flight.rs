//! Several deliveries under way at once (`Workers`), taken in the order in which they were handed out.
//!
//! ```text
//! lane  ▣▣▣│▣▣│▣▣▣▣│▣ ▣ ▣      each stretch travels with a worker of its own; a stretch that arrives before the one in
//!        ✓   …   ✓             front of it is taken only after that, so acks stay in order
//! ```
//! With one worker, the default, records also arrive in order.

use std::{collections::VecDeque, sync::Arc};

use tokio::task::JoinSet;

use super::Context;
use crate::parse::Batch;

/// Delivers one stretch of a lane at a time.
pub(super) trait Courier: Send + 'static {
    /// Ends when every record is taken or given up for a stated reason.
    fn deliver(&mut self, batches: &[Arc<Batch>]) -> impl Future<Output = ()> + Send;
}

/// Delivers until the buffer is closed and empty; at most about `most` bytes of text at once.
pub(super) async fn run<C: Courier>(context: &Context, most: usize, couriers: Vec<C>) {
    let (mut idle, mut running) = (couriers, JoinSet::new());
    // Count of batches of each stretch that is under way, and whether it has arrived.
    let mut stretches: VecDeque<(usize, bool)> = VecDeque::new();
    let mut first = 0u64;
    let mut open = true;
    while open || !running.is_empty() {
        tokio::select! {
            batches = context.buffer.next(context.lane, most, context.linger), if open && !idle.is_empty() => {
                let Some(batches) = batches else {
                    open = false;
                    continue;
                };
                let mut courier = idle.pop().expect("it was asked for");
                let place = first + stretches.len() as u64;
                stretches.push_back((batches.len(), false));
                running.spawn(async move {
                    courier.deliver(&batches).await;
                    // The buffer wants the memory of its batches back.
                    drop(batches);
                    (place, courier)
                });
            }
            Some(arrived) = running.join_next(), if !running.is_empty() => {
                let (place, courier) = match arrived {
                    Ok(arrived) => arrived,
                    Err(error) => std::panic::resume_unwind(error.into_panic()),
                };
                idle.push(courier);
                stretches[(place - first) as usize].1 = true;
                while let Some(&(count, true)) = stretches.front() {
                    context.buffer.taken(context.lane, count);
                    stretches.pop_front();
                    first += 1;
                }
            }
        }
    }
}
