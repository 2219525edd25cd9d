//! Receivers: they take back what the agent delivers, read each record's identity and book it.
//!
//! The clock, sockets and files are theirs; what a record is and whether it is whole is the judge's.

pub mod datagram;
pub mod decode;
pub mod follow;
pub mod http;
mod inflate;
mod mode;

pub use datagram::{DatagramAt, DatagramCounters, DatagramError, DatagramReceiver};
pub use decode::{Format, Keys};
pub use follow::{FollowCounters, FollowPlan, Follower};
pub use http::{
    HttpPlan, Protocol, ReceiveError, Receiver, cloudwatch::CloudWatchPlan, elastic::ElasticPlan,
    stream::forward::ForwardPlan,
};
pub use inflate::{InflateError, gunzip as unpack_gzip};
pub use mode::{HttpCounters, Mode};

/// A name of something that was seen, short enough to remember millions of.
fn key(parts: &[&[u8]]) -> u64 {
    use std::hash::{DefaultHasher, Hasher};
    let mut hasher = DefaultHasher::new();
    for part in parts {
        hasher.write(part);
    }
    hasher.finish()
}
