//! A pipeline that consists of one input: what it pushes is collected, and taken when the test says so.

use std::{
    collections::VecDeque,
    net::SocketAddr,
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::sync::watch;

use super::intake::Intake;
use crate::{
    buffer::{Buffer, Lane, route::Matching, tests::opened},
    config::Config,
    event::Event,
    filter::{Chain, FilterPlan},
    parse::Batch,
    service::clock::Clock,
};

/// What stands around an input.
pub(crate) struct Around {
    pub(crate) intake: Intake,
    pub(crate) buffer: Arc<Buffer>,
    /// What was looked at and is not taken yet.
    in_hand: Mutex<VecDeque<Arc<Batch>>>,
    stop: watch::Sender<bool>,
}

impl Around {
    pub(crate) fn new() -> Self {
        Self::with_room(1 << 20)
    }

    pub(crate) fn with_room(bytes: usize) -> Self {
        Self::with(Buffer::new(vec![bytes], vec![Matching::from("*")]).unwrap(), &[])
    }

    /// With filters in front of a buffer that is kept in a folder.
    pub(crate) fn on_disk(folder: &Path, filters: &str) -> Self {
        let text = format!(
            "[SERVICE]\nstorage.path {}\n[INPUT]\nName dummy\nstorage.type filesystem\n{filters}\n[OUTPUT]\nName null\nMatch *\n",
            folder.display()
        );
        let plan = Config::parse(Path::new("x"), &text, &|_| None).unwrap().plan().unwrap();
        let buffer = opened(|| Buffer::new(vec![1 << 20], vec![Matching::from("*")]).unwrap().kept(&plan, 7));
        Self::with(buffer, &plan.filters)
    }

    fn with(buffer: Buffer, filters: &[FilterPlan]) -> Self {
        let buffer = Arc::new(buffer);
        let (stop, stopped) = watch::channel(false);
        let chain = Arc::new(Chain::open(filters, &buffer).unwrap());
        let intake = Intake::new("test.0", 0, Arc::clone(&buffer), chain, Clock::start(), stopped);
        Self { intake, buffer, in_hand: Mutex::default(), stop }
    }

    pub(crate) fn stop(&self) {
        self.stop.send_replace(true);
    }

    /// All records that are not taken yet with their tags, at least `count`, and how many batches they are.
    pub(crate) async fn look(&self, count: usize) -> (Vec<(String, Event)>, usize) {
        let enough = async {
            loop {
                let events = self.seen();
                if events.len() >= count {
                    return events;
                }
                let batches = self.buffer.next(Lane(0), 64 << 20, Duration::ZERO).await.unwrap();
                self.in_hand.lock().unwrap().extend(batches);
            }
        };
        let events = within(enough).await;
        (events, self.in_hand.lock().unwrap().len())
    }

    fn seen(&self) -> Vec<(String, Event)> {
        let in_hand = self.in_hand.lock().unwrap();
        let of = |batch: &Arc<Batch>| -> Vec<_> {
            (0..batch.len()).map(|n| (batch.tag.to_string(), batch.event(n))).collect()
        };
        in_hand.iter().flat_map(of).collect()
    }

    /// The first batches are taken.
    pub(crate) fn taken(&self, batches: usize) {
        self.in_hand.lock().unwrap().drain(..batches);
        self.buffer.taken(Lane(0), batches);
    }

    /// The next `count` records with their tags; they are taken.
    pub(crate) async fn take(&self, count: usize) -> Vec<(String, Event)> {
        let (events, batches) = self.look(count).await;
        assert_eq!(events.len(), count, "more than was asked for");
        self.taken(batches);
        events
    }

    /// Whether nothing more comes; what was pushed before is there at once.
    pub(crate) async fn is_quiet(&self) -> bool {
        let next = self.buffer.next(Lane(0), 64 << 20, Duration::ZERO);
        tokio::time::timeout(Duration::from_millis(10), next).await.is_err()
    }

    /// Takes whatever comes, for ever.
    pub(crate) async fn take_all(&self, each: impl Fn(&str, &Event)) {
        while let Some(batches) = self.buffer.next(Lane(0), 64 << 20, Duration::ZERO).await {
            for batch in &batches {
                (0..batch.len()).for_each(|n| each(&batch.tag, &batch.event(n)));
            }
            self.buffer.taken(Lane(0), batches.len());
        }
    }
}

/// The result of something that must not hang.
pub(crate) async fn within<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(20), what).await.expect("it hangs")
}

/// The address of a socket on loopback.
pub(crate) fn loopback() -> super::listen::Address {
    super::listen::Address::Ip { host: "127.0.0.1".to_owned(), port: 0 }
}

/// Limits of connections that no test meets by accident.
pub(crate) fn connections() -> super::listen::Connections {
    super::listen::Connections { tls: None, idle_ms: 20_000, most: 64 }
}

/// A folder on the disk that the tree is built on.
pub(crate) fn place() -> tempfile::TempDir {
    let target = std::env::current_exe().unwrap().parent().unwrap().to_owned();
    tempfile::tempdir_in(target).unwrap()
}

/// The address of a socket that was opened there.
pub(crate) fn at(open: &super::listen::Open) -> SocketAddr {
    open.socket.address().unwrap()
}
