//! One peer: its windows, and the answers to them.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use tokio::{
    io::{AsyncWriteExt, ReadHalf, WriteHalf},
    sync::mpsc,
    time::timeout,
};

use super::{
    BeatsInput,
    frame::{Frame, FrameError, ack, frame, record, unpack},
};
use crate::{
    event::Event,
    input::{
        intake::{Intake, Receipt},
        listen::{Inbox, InboxError, Peer},
    },
    parse::time::{Time, TimeReader},
    wire::stream::Stream,
};

/// Parts of a window that are under way at a time.
const UNDER_WAY: usize = 64;
/// A part is passed on with so many bytes of text, or with the end of its window.
const PART_BYTES: usize = 1 << 20;

/// Records that are under way, and the number of the last.
type Due = (Receipt, u32);

/// Serves a peer to its end.
pub(super) async fn serve(stream: Stream, peer: Peer, plan: Arc<BeatsInput>, intake: Intake) {
    let (reader, writer) = tokio::io::split(stream);
    let inbox = Inbox::new(reader, plan.connections.idle(), intake.clone());
    let (due, dues) = mpsc::channel(UNDER_WAY);
    let (plan, intake) = (&*plan, &intake);
    let mut window = Window { plan, intake, due, left: 0, last: 0, events: Vec::new(), bytes: 0 };
    let read = async move {
        let why = window.read(inbox).await;
        match why {
            Refused::Inbox(InboxError::Over | InboxError::Stopped) | Refused::Gone => {}
            Refused::Inbox(why) => tracing::info!(input = intake.name(), %peer, %why, "the connection has ended"),
            Refused::Frame(why) => {
                intake.counters().malformed.fetch_add(1, Ordering::Relaxed);
                tracing::warn!(input = intake.name(), %peer, %why, "the connection is closed");
            }
        }
    };
    tokio::join!(read, answer(writer, dues, plan));
}

#[derive(Debug)]
enum Refused {
    Inbox(InboxError),
    Frame(FrameError),
    Gone,
}

/// The records of a window that were not passed on yet.
struct Window<'a> {
    plan: &'a BeatsInput,
    intake: &'a Intake,
    due: mpsc::Sender<Due>,
    /// Records to the end of the window.
    left: u32,
    last: u32,
    events: Vec<Event>,
    bytes: usize,
}

impl Window<'_> {
    async fn read(&mut self, mut inbox: Inbox<ReadHalf<Stream>>) -> Refused {
        let mut times = TimeReader::default();
        loop {
            let (used, unpacked) = match frame(inbox.bytes(), self.plan.message_max) {
                Err(why) => return Refused::Frame(why),
                Ok(None) => {
                    if let Err(why) = inbox.more().await {
                        return Refused::Inbox(why);
                    }
                    continue;
                }
                Ok(Some((Frame::Compressed(packed), used))) => match unpack(packed, self.plan.message_max) {
                    Ok(unpacked) => (used, Some(unpacked)),
                    Err(why) => return Refused::Frame(why),
                },
                Ok(Some((frame, used))) => {
                    self.take(frame, &mut times);
                    (used, None)
                }
            };
            inbox.used(used);
            let mut rest = unpacked.as_deref().unwrap_or_default();
            while !rest.is_empty() {
                match frame(rest, self.plan.message_max) {
                    Ok(None | Some((Frame::Compressed(_), _))) => return Refused::Frame(FrameError::Nested),
                    Err(why) => return Refused::Frame(why),
                    Ok(Some((frame, used))) => {
                        self.take(frame, &mut times);
                        rest = &rest[used..];
                    }
                }
                if !self.pass().await {
                    return Refused::Gone;
                }
            }
            if !self.pass().await {
                return Refused::Gone;
            }
        }
    }

    fn take(&mut self, frame: Frame<'_>, times: &mut TimeReader) {
        match frame {
            Frame::Window(window) => self.left = window,
            Frame::Json { number, text } => {
                let now = Time::from_unix_ns(self.intake.now().unix_ns);
                let (event, whole) = record(text, now, times);
                if !whole {
                    self.intake.counters().malformed.fetch_add(1, Ordering::Relaxed);
                }
                self.events.push(event);
                self.bytes += text.len();
                self.last = number;
                self.left = self.left.saturating_sub(1);
            }
            Frame::Compressed(_) => unreachable!("the caller has unpacked it"),
        }
    }

    /// Passes on what there is if the window is whole or there is enough; false if nobody can be answered any more.
    async fn pass(&mut self) -> bool {
        if self.events.is_empty() || (self.left > 0 && self.bytes < PART_BYTES) {
            return true;
        }
        self.bytes = 0;
        self.intake.room().await;
        let receipt = self.intake.push(&self.plan.tag, std::mem::take(&mut self.events));
        self.due.send((receipt, self.last)).await.is_ok()
    }
}

/// Answers in order, each when it holds; meanwhile says that it is at it.
async fn answer(mut writer: WriteHalf<Stream>, mut dues: mpsc::Receiver<Due>, plan: &BeatsInput) {
    let mut open = true;
    while let Some((receipt, number)) = dues.recv().await {
        let mut taken = std::pin::pin!(receipt.taken());
        while timeout(Duration::from_millis(plan.keepalive_ms), taken.as_mut()).await.is_err() {
            open = open && send(&mut writer, ack(0), plan).await;
        }
        open = open && send(&mut writer, ack(number), plan).await;
    }
    let _ = writer.shutdown().await;
}

/// False if the peer is gone or does not read.
async fn send(writer: &mut WriteHalf<Stream>, ack: [u8; 6], plan: &BeatsInput) -> bool {
    let write = async {
        writer.write_all(&ack).await?;
        writer.flush().await
    };
    matches!(timeout(plan.connections.idle(), write).await, Ok(Ok(())))
}
