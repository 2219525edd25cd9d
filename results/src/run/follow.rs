//! Reading the timeline of a run while it is being written.

use std::{
    fs::File,
    io::{BufRead, BufReader, Read},
    path::{Path, PathBuf},
};

use super::{EVENTS, RunError, stored::MAX_LINE};
use crate::event::Event;

/// Events read at once at most; the rest is read the next time.
const MOST: usize = 100_000;

/// Reads events as they are appended.
#[derive(Debug)]
pub struct Follow {
    path: PathBuf,
    input: BufReader<File>,
    /// The begin of a line that is not whole yet.
    line: Vec<u8>,
    /// Whole lines read so far.
    lines: u64,
}

impl Follow {
    /// From the begin of the run in `folder`.
    pub fn open(folder: &Path) -> Result<Self, RunError> {
        let path = folder.join(EVENTS);
        let file = File::open(&path).map_err(|source| RunError::Read { path: path.clone(), source })?;
        Ok(Self { path, input: BufReader::new(file), line: Vec::new(), lines: 0 })
    }

    /// The events that were appended since.
    pub fn read(&mut self) -> Result<Vec<Event>, RunError> {
        let mut events = Vec::new();
        while events.len() < MOST {
            let room = MAX_LINE - self.line.len() as u64;
            let got = self.input.by_ref().take(room).read_until(b'\n', &mut self.line);
            got.map_err(|source| RunError::Read { path: self.path.clone(), source })?;
            if self.line.last() != Some(&b'\n') {
                if self.line.len() as u64 == MAX_LINE {
                    let (path, line) = (self.path.clone(), self.lines + 1);
                    return Err(RunError::LongLine { path, line, most: MAX_LINE });
                }
                break;
            }
            self.lines += 1;
            let event = serde_json::from_slice(&self.line);
            self.line.clear();
            let failed = |source| RunError::Event { path: self.path.clone(), line: self.lines, source };
            events.push(event.map_err(failed)?);
        }
        Ok(events)
    }
}

#[cfg(test)]
mod tests {
    use std::{fs::OpenOptions, io::Write};

    use super::*;
    use crate::event::{Phase, What};

    #[test]
    fn a_line_that_is_written_in_two_parts_is_one_event_once_it_is_whole() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join(EVENTS);
        let mut file = OpenOptions::new().create(true).append(true).open(&path).unwrap();
        let mut follow = Follow::open(place.path()).unwrap();
        assert_eq!(follow.read().unwrap(), []);
        let event = |t_us| Event { t_us, what: What::Phase(Phase::Drain) };
        let line = |t_us| serde_json::to_string(&event(t_us)).unwrap() + "\n";
        let (one, two) = (line(1), line(2));
        file.write_all(one.as_bytes()).unwrap();
        file.write_all(&two.as_bytes()[..9]).unwrap();
        assert_eq!(follow.read().unwrap(), [event(1)]);
        assert_eq!(follow.read().unwrap(), []);
        file.write_all(&two.as_bytes()[9..]).unwrap();
        assert_eq!(follow.read().unwrap(), [event(2)]);
        file.write_all(b"{}\n").unwrap();
        assert!(follow.read().unwrap_err().to_string().contains("line 3"));
    }
}
