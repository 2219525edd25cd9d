//! Where a value ends whose bytes are still arriving: each byte is looked at once, however many pieces they come in.

use super::{
    MsgpackError,
    head::{Head, head},
};
use crate::event::DEPTH_MAX;

/// The search for the end of one value.
#[derive(Debug)]
pub struct Scan {
    at: usize,
    /// Values that are still due, one count for each open level.
    due: Vec<u64>,
    most: usize,
}

impl Scan {
    /// A search that refuses a value longer than `most` bytes as soon as that is certain.
    pub fn new(most: usize) -> Self {
        Self { at: 0, due: vec![1], most }
    }

    /// Goes on in `bytes`, which begin with the value and with all that was seen before: its length once it is whole.
    pub fn advance(&mut self, bytes: &[u8]) -> Result<Option<usize>, MsgpackError> {
        while let Some(due) = self.due.last_mut() {
            if *due == 0 {
                self.due.pop();
                continue;
            }
            let Head { len, bytes: body, values, .. } = match head(bytes, self.at) {
                Err(MsgpackError::Short) if bytes.len() < self.most => return Ok(None),
                Err(MsgpackError::Short) => {
                    return Err(MsgpackError::Long { at: self.at, len: bytes.len() as u64 + 1, most: self.most });
                }
                other => other?,
            };
            let end = (self.at + len).saturating_add(body);
            // Whatever is still due has at least one byte a value.
            let least = (end as u64).saturating_add(values);
            if least > self.most as u64 {
                return Err(MsgpackError::Long { at: self.at, len: least, most: self.most });
            }
            if end > bytes.len() {
                return Ok(None);
            }
            *due -= 1;
            if values > 0 {
                if self.due.len() > DEPTH_MAX {
                    return Err(MsgpackError::Deep { at: self.at });
                }
                self.due.push(values);
            }
            self.at = end;
        }
        Ok(Some(self.at))
    }
}
