//! One connection. It has no task of its own: whoever asks reads and writes itself, so that a request costs one wake-up.

use std::{
    cell::{Cell, RefCell},
    future::{Future, poll_fn},
    io,
    net::SocketAddr,
    pin::{Pin, pin},
    task::{Context, Poll, ready},
    time::Duration,
};

use socket2::SockRef;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::timeout,
};

use super::answer::Answer;

/// Between two looks whether a connection that does not open is overdue.
const LOOK: Duration = Duration::from_millis(20);
/// Room for what is read at once, bytes; doubled for a longer head.
const ROOM: usize = 8 * 1024;

/// A request that got no whole answer.
#[derive(Debug)]
pub(super) struct Broken {
    /// Not a byte of it left.
    pub(super) is_unsent: bool,
    pub(super) why: io::Error,
}

/// The connection of one stream, as its asker and the watch see it.
#[derive(Debug, Default)]
pub(super) struct Line {
    since_us: Cell<Option<u64>>,
    is_overdue: Cell<bool>,
    wire: RefCell<Option<Wire>>,
}

impl Line {
    /// A request begins, whose answer is waited for from now on.
    pub(super) fn begin(&self, now_us: u64) {
        self.since_us.set(Some(now_us));
        self.is_overdue.set(false);
    }

    /// Nothing is waited for any more.
    pub(super) fn end(&self) {
        self.since_us.set(None);
    }

    /// Since when an answer is waited for, microseconds since the start of the run.
    pub(super) fn since_us(&self) -> Option<u64> {
        self.since_us.get()
    }

    /// True if the request that began last was given up.
    pub(super) fn is_overdue(&self) -> bool {
        self.is_overdue.get()
    }

    /// Gives up the request under way; whoever waits for its answer finds the connection ended.
    pub(super) fn give_up(&self) {
        self.is_overdue.set(true);
        if let Some(wire) = &*self.wire.borrow() {
            // It may have ended by itself.
            let _ = SockRef::from(&wire.stream).shutdown(std::net::Shutdown::Both);
        }
    }

    /// Ends the connection.
    pub(super) fn cut(&self) {
        self.wire.take();
    }

    /// A new connection in place of the last one.
    pub(super) async fn open(&self, to: SocketAddr) -> io::Result<()> {
        let mut connecting = pin!(TcpStream::connect(to));
        let stream = loop {
            match timeout(LOOK, connecting.as_mut()).await {
                Ok(stream) => break stream?,
                Err(_) if self.is_overdue() => return Err(io::Error::new(io::ErrorKind::TimedOut, "timed out")),
                Err(_) => {}
            }
        };
        stream.set_nodelay(true)?;
        *self.wire.borrow_mut() = Some(Wire { stream, room: vec![0; ROOM], held: 0 });
        Ok(())
    }

    /// True if there is a connection that the server has not closed, as far as is known.
    pub(super) async fn is_open(&self) -> bool {
        poll_fn(|context| Poll::Ready(self.look(context))).await
    }

    /// Waits for `what`, and meanwhile does not keep a server waiting that closes the connection.
    pub(super) async fn idle<T>(&self, what: impl Future<Output = T>) -> T {
        let mut what = pin!(what);
        poll_fn(|context| {
            self.look(context);
            what.as_mut().poll(context)
        })
        .await
    }

    /// Ends a connection on which something comes that nobody asked for, mostly its end.
    fn look(&self, context: &mut Context<'_>) -> bool {
        let mut wire = self.wire.borrow_mut();
        if wire.as_mut().is_some_and(|open| open.poll_read(context).is_ready()) {
            *wire = None;
        }
        wire.is_some()
    }

    /// Sends a request on the open connection, and reads the whole answer; its status.
    pub(super) async fn ask(&self, request: &[u8]) -> Result<u16, Broken> {
        let (mut sent, mut answer) = (0, Answer::default());
        let done = poll_fn(|context| match &mut *self.wire.borrow_mut() {
            Some(wire) => wire.poll_ask(context, request, &mut sent, &mut answer),
            None => Poll::Ready(Err(io::ErrorKind::NotConnected.into())),
        });
        let done = match done.await {
            // Whatever came of it: what was cut may look like an answer that ends with its connection.
            _ if self.is_overdue() => Err(io::Error::new(io::ErrorKind::TimedOut, "no answer in time")),
            done => done,
        };
        let is_used_up = answer.is_last() || self.wire.borrow().as_ref().is_some_and(|wire| wire.held > 0);
        if done.is_err() || is_used_up {
            self.cut();
        }
        done.map(|()| answer.status()).map_err(|why| Broken { is_unsent: sent == 0, why })
    }
}

/// An open connection.
#[derive(Debug)]
struct Wire {
    stream: TcpStream,
    room: Vec<u8>,
    /// So many bytes of it have been read and belong to what is not there yet.
    held: usize,
}

impl Wire {
    fn poll_ask(
        &mut self,
        context: &mut Context<'_>,
        request: &[u8],
        sent: &mut usize,
        answer: &mut Answer,
    ) -> Poll<io::Result<()>> {
        while *sent < request.len() {
            match ready!(Pin::new(&mut self.stream).poll_write(context, &request[*sent..]))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                more => *sent += more,
            }
        }
        while !answer.is_whole() {
            if ready!(self.poll_read(context))? == 0 {
                return Poll::Ready(answer.end());
            }
            let taken = answer.take(&self.room[..self.held])?;
            self.room.copy_within(taken..self.held, 0);
            self.held -= taken;
        }
        Poll::Ready(Ok(()))
    }

    fn poll_read(&mut self, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if self.held == self.room.len() {
            self.room.resize(2 * self.held, 0);
        }
        let mut free = ReadBuf::new(&mut self.room[self.held..]);
        ready!(Pin::new(&mut self.stream).poll_read(context, &mut free))?;
        let read = free.filled().len();
        self.held += read;
        Poll::Ready(Ok(read))
    }
}
