//! The process is killed between any two of its steps with a chunk: what the peer sends again is delivered once.
//!
//! ```text
//! chunk ─▶ first batch written │ second batch written │ noted in Dedup_File │ answered
//! ```

use std::{fs, path::Path};

use super::*;

/// A process: everything in it goes when it is dropped, at once.
struct Process {
    runtime: tokio::runtime::Runtime,
    around: Around,
    address: SocketAddr,
}

impl Process {
    fn start(around: Around, chunks: &Path) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let dedup = Some((chunks.to_owned(), 100));
        let address = runtime.block_on(async { start(ForwardInput { dedup, ..plan() }, &around) });
        Self { runtime, around, address }
    }

    /// With a buffer on disk, and a filter that makes two batches of a chunk.
    fn on_disk(place: &Path) -> Self {
        let filters = "[FILTER]\nName rewrite_tag\nMatch kube.*\nRule $n ^[1357]$ odd false\n";
        Self::start(Around::on_disk(&place.join("buffer"), filters), &place.join("chunks"))
    }

    /// Sends a message and waits for its answer, unless `answered` says that none can come.
    fn send(&self, bytes: &[u8], answered: bool) {
        self.runtime.block_on(async {
            let mut stream = TcpStream::connect(self.address).await.unwrap();
            stream.write_all(bytes).await.unwrap();
            if answered {
                assert_eq!(ack(&mut stream).await, "one");
            }
        });
    }

    /// The numbers of all records that it hands out, sorted; they are delivered, but not taken.
    fn out(&self, count: usize) -> Vec<i64> {
        let mut numbers = self.runtime.block_on(async {
            let (seen, _) = self.around.look(count).await;
            assert!(self.around.is_quiet().await, "more than {count} records");
            numbers(&seen)
        });
        numbers.sort_unstable();
        numbers
    }
}

fn segments(place: &Path) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(place.join("buffer")).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.extension().is_some_and(|extension| extension == "seg")).collect()
}

/// Forgets the note of the last chunk.
fn unnoted(place: &Path) {
    let chunks = fs::read(place.join("chunks")).unwrap();
    assert_eq!(chunks.len(), 8 + 20, "one chunk is noted");
    fs::write(place.join("chunks"), &chunks[..8]).unwrap();
}

#[test]
fn killed_at_any_byte_of_writing_a_chunk_it_delivers_each_record_once() {
    let bytes = message(Mode::Packed, 0..8, Some("one"));
    let whole = place();
    let process = Process::on_disk(whole.path());
    process.send(&bytes, true);
    assert_eq!(process.runtime.block_on(process.around.look(8)).1, 2, "one chunk, two batches");
    drop(process);
    let [segment] = <[_; 1]>::try_from(segments(whole.path())).unwrap();
    let written = fs::read(&segment).unwrap();
    // At the end all of it is written, and only the note is missing.
    for len in (0..written.len()).step_by(41).chain([written.len()]) {
        let place = place();
        drop(Process::on_disk(place.path()));
        fs::write(place.path().join("buffer").join(segment.file_name().unwrap()), &written[..len]).unwrap();
        let process = Process::on_disk(place.path());
        process.send(&bytes, true);
        assert_eq!(process.out(8), (0..8).collect::<Vec<_>>(), "cut at {len} of {}", written.len());
        // Now it is noted as well.
        process.send(&bytes, true);
        assert_eq!(process.out(8).len(), 8);
    }
}

#[test]
fn killed_between_delivering_a_chunk_and_noting_it_it_does_not_deliver_it_again() {
    let (place, bytes) = (place(), message(Mode::Packed, 0..8, Some("one")));
    let first = Process::on_disk(place.path());
    first.send(&bytes, true);
    let batches = first.runtime.block_on(first.around.look(8)).1;
    first.around.taken(batches);
    drop(first);
    unnoted(place.path());
    // Killed again before the peer comes back, more than once.
    for n in 20..23 {
        let between = Process::on_disk(place.path());
        between.send(&message(Mode::Packed, n..n + 1, Some("one")), true);
        let batches = between.runtime.block_on(between.around.look(1)).1;
        between.around.taken(batches);
        drop(between);
        unnoted(place.path());
    }
    let process = Process::on_disk(place.path());
    process.send(&bytes, true);
    process.send(&bytes, true);
    assert_eq!(process.out(0), [] as [i64; 0]);
}

#[test]
fn what_goes_down_with_the_process_is_not_noted() {
    let (place, bytes) = (place(), message(Mode::Packed, 0..8, Some("one")));
    let chunks = place.path().join("chunks");
    let first = Process::start(Around::new(), &chunks);
    first.send(&bytes, false);
    assert_eq!(first.out(8).len(), 8);
    drop(first);
    let second = Process::start(Around::new(), &chunks);
    second.send(&bytes, false);
    assert_eq!(second.out(8), (0..8).collect::<Vec<_>>());
}
