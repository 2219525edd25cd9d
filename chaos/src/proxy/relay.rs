//! What all connections of a link share, on its one thread.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;
use tokio::{
    sync::watch,
    time::{Instant, sleep_until},
};

use super::{
    LinkPlan,
    setting::{Fault, Setting, Tally, add},
};

/// A link at work.
#[derive(Debug, Clone)]
pub(super) struct Relay {
    pub(super) to: SocketAddr,
    pub(super) settings: watch::Receiver<Setting>,
    pub(super) tally: Arc<Tally>,
    dice: Arc<Mutex<Pcg64Mcg>>,
}

/// What went over the wire, and when it arrives at the earliest.
#[derive(Debug)]
pub(super) struct Piece<B> {
    pub(super) due: Option<Instant>,
    pub(super) bytes: B,
}

impl Relay {
    pub(super) fn new(plan: LinkPlan, settings: watch::Receiver<Setting>, tally: Arc<Tally>) -> Self {
        let dice = Arc::new(Mutex::new(Pcg64Mcg::seed_from_u64(plan.seed)));
        Self { to: plan.to, settings, tally, dice }
    }

    /// Notes when a piece of so many bytes that came now is to arrive.
    pub(super) fn piece<B>(&self, fault: Option<Fault>, length: usize, bytes: B) -> Piece<B> {
        let due = match fault {
            Some(Fault::Delay { ms }) => {
                add(&self.tally.delayed, 1);
                add(&self.tally.delayed_bytes, length as u64);
                Some(Instant::now() + Duration::from_millis(ms))
            }
            _ => None,
        };
        Piece { due, bytes }
    }

    /// Whether a piece that came now is the one by which chance cuts.
    pub(super) fn is_cut(&self, fault: Option<Fault>) -> bool {
        let Some(Fault::CutEvery { n }) = fault else { return false };
        self.dice.lock().unwrap_or_else(PoisonError::into_inner).random_range(0..n.max(1)) == 0
    }
}

impl<B> Piece<B> {
    /// Waits until it may arrive.
    pub(super) async fn arrives(&self) {
        if let Some(due) = self.due {
            sleep_until(due).await;
        }
    }
}

/// The link ends: nothing is set any more.
#[derive(Debug)]
pub(super) struct Over;

/// Waits for a change of what is in force.
pub(super) async fn changed(settings: &mut watch::Receiver<Setting>) -> Result<Setting, Over> {
    settings.changed().await.map_err(|_| Over)?;
    let setting = *settings.borrow_and_update();
    if setting.is_over { Err(Over) } else { Ok(setting) }
}

/// Waits until something may go through that is cut off once there were more than so many cuts.
pub(super) async fn thawed(settings: &mut watch::Receiver<Setting>, cuts: u64) -> Result<Setting, Over> {
    let may_pass = |setting: &Setting| !setting.is_frozen() && setting.cuts <= cuts;
    let setting = settings.wait_for(|setting| setting.is_over || may_pass(setting)).await.map(|setting| *setting);
    setting.ok().filter(|setting| !setting.is_over).ok_or(Over)
}
