//! Switchable defects: bugs that real agents had, compiled in, off by default, loud when on.
//!
//! Adding one: a variant, a row in [`ALL`], and the one place in the pipeline that asks for it.

use std::{fmt, str::FromStr};

/// A planted bug. Ids are those of the failure-mode catalogue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Defect {
    /// A retired file leaves its (device, inode) in the "already tailed" set.
    StaleMembershipInodeReuse,
    /// The successor is looked up once at the rename; if it is not there yet, only the next periodic scan finds it.
    RenameCreateGap,
    /// A rename is taken as a final verdict: the file is purged and forgotten although it was renamed back.
    RenameBackStaysRotated,
    /// A rotated file is closed after a fixed time although unread bytes remain.
    RotateWaitPurge,
    /// A file whose last link is gone is closed at once, unread bytes and all.
    UnlinkDropsUnread,
    /// The offset is stored when the bytes are read, not when they are delivered.
    CheckpointBeforeDelivery,
    /// The offset is stored long after delivery.
    CheckpointLag,
    /// A bulk request that was answered with 200 counts as taken whole, whatever the answer says of its items.
    BulkPartialIgnored,
    /// Records that are given another tag wait in a small buffer of the filter; what does not fit is dropped.
    EmitterOverlimitDrop,
}

/// What the catalogue says about a defect.
#[derive(Debug, Clone, Copy)]
pub struct About {
    /// Which one.
    pub defect: Defect,
    /// Its id on the command line.
    pub id: &'static str,
    /// The agents known to have had it, with a public reference.
    pub ancestor: &'static str,
    /// What has to happen for it to show.
    pub trigger: &'static str,
    /// What is seen then.
    pub effect: &'static str,
    /// Shipped scenarios that catch it.
    pub scenarios: &'static [&'static str],
}

/// Every defect.
pub const ALL: &[About] = &[
    About {
        defect: Defect::StaleMembershipInodeReuse,
        id: "stale-membership-inode-reuse",
        ancestor: "Fluent Bit 1.8.13 (fluent-bit#4991, fixed by de69a6a95 in 1.8.14)",
        trigger: "a rotated file is archived and unlinked, and the next file of any stream gets its inode number",
        effect: "the new file is never opened: a permanent, silent stall of one path",
        scenarios: &["tail-stall", "daemonset-tail"],
    },
    About {
        defect: Defect::RenameCreateGap,
        id: "rename-create-gap",
        ancestor: "Fluent Bit, every version to date (fluent-bit#649, #1108, #2110)",
        trigger: "a file is renamed and its successor is created after the rename event was handled",
        effect: "whole generations are lost when they come and go between two periodic scans",
        scenarios: &["rename-gap"],
    },
    About {
        defect: Defect::RenameBackStaysRotated,
        id: "rename-back-stays-rotated",
        ancestor: "Fluent Bit 1.8.14 to date (kubelet renames back when the runtime's reopen fails)",
        trigger: "a rotation is rolled back: the file is renamed away and back, the writer goes on",
        effect: "the whole file is read again: duplicates",
        scenarios: &["rename-back"],
    },
    About {
        defect: Defect::RotateWaitPurge,
        id: "rotate-wait-purge",
        ancestor: "Fluent Bit, every version to date (fluent-bit#2847); Vector rotate_wait_secs; fluentd before 1.13.2",
        trigger: "a rotated file is still unread when its grace time ends, because the output is slow",
        effect: "the unread rest of the file is lost",
        scenarios: &["backpressure-rotation"],
    },
    About {
        defect: Defect::UnlinkDropsUnread,
        id: "unlink-drops-unread",
        ancestor: "Fluent Bit before 5.0.6 (pull request 11750)",
        trigger: "a file is unlinked while the agent still has bytes of it to read",
        effect: "the unread rest of the file is lost",
        scenarios: &["unlink-unread"],
    },
    About {
        defect: Defect::CheckpointBeforeDelivery,
        id: "checkpoint-before-delivery",
        ancestor: "Fluent Bit (database offset moves right after the append to memory); promtail",
        trigger: "the agent is killed while records that it has read are not yet delivered",
        effect: "those records are lost",
        scenarios: &["agent-killed", "sidecar-fluentd"],
    },
    About {
        defect: Defect::CheckpointLag,
        id: "checkpoint-lag",
        ancestor: "Filebeat, Vector, OpenTelemetry filelog, rsyslog PersistStateInterval (fluent-bit#1330)",
        trigger: "the agent is killed between a delivery and the next periodic checkpoint",
        effect: "records delivered and answered long before the kill are delivered again",
        scenarios: &["agent-killed", "forward-aggregate", "eks-cloudwatch"],
    },
    About {
        defect: Defect::BulkPartialIgnored,
        id: "bulk-partial-ignored",
        ancestor: "logstash-output-elasticsearch#35; vector#140",
        trigger: "the store refuses some items of a bulk request and answers the request itself with 200",
        effect: "the refused records are lost",
        scenarios: &["elk-syslog"],
    },
    About {
        defect: Defect::EmitterOverlimitDrop,
        id: "emitter-overlimit-drop",
        ancestor: "Fluent Bit's in_emitter behind rewrite_tag (fluent-bit#8198)",
        trigger: "more records are given another tag at once than the emitter's buffer holds",
        effect: "the records that do not fit are lost, and nothing says so",
        scenarios: &["sidecar-syslog"],
    },
];

impl Defect {
    /// Its row in the catalogue.
    ///
    /// # Panics
    /// Never: every variant has its row.
    pub fn about(self) -> &'static About {
        ALL.iter().find(|about| about.defect == self).expect("every defect has a row in ALL")
    }
}

impl fmt::Display for Defect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.about().id)
    }
}

impl FromStr for Defect {
    type Err = UnknownDefect;

    fn from_str(id: &str) -> Result<Self, UnknownDefect> {
        ALL.iter().find(|about| about.id == id).map(|about| about.defect).ok_or_else(|| UnknownDefect(id.to_owned()))
    }
}

/// No defect has this id.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("no defect is called `{0}`; `tailproof defects` lists them")]
pub struct UnknownDefect(pub String);
