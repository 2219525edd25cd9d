//! Records that were lost between two boxes: a link was cut with them on their way, or datagrams were dropped.

use std::ops::Range;

use super::{Case, Explained, Kind, SLACK_US};
use crate::{
    cause::{
        Dropped,
        who::CUT,
        words::{counted, name, seconds},
    },
    ranges::sentence,
};

/// A fault that resets connections again and again.
const CUT_EVERY: &str = "cut_link_every";

impl Case<'_> {
    /// Whoever dropped datagrams counted them, and that covers all that is missing of the route: nothing is left to the agent.
    pub(in crate::cause) fn on_the_wire(&self, dropped: &[Dropped<'_>], lost: u64) -> Vec<Explained> {
        let who = |dropped: &Dropped<'_>| match dropped.link {
            "" => format!("the kernel dropped {} on their way to its sink", counted(dropped.datagrams, "datagram")),
            link => format!("link {} lost {} on purpose", name(link), counted(dropped.datagrams, "datagram")),
        };
        let who = dropped.iter().map(who).collect::<Vec<_>>().join(", and ");
        let evidence = |hole: &Range<u64>| {
            let records = sentence([hole.clone()], 1);
            format!("records {records} are among the {lost} missing ones of the route, and {who}, by its own counter.")
        };
        let explained = |hole: Range<u64>| Explained {
            kind: Kind::DatagramsDropped,
            count: hole.end - hole.start,
            evidence: vec![evidence(&hole)],
            seqs: hole,
        };
        self.book().lost().map(explained).collect()
    }

    /// What is said of a hole at whose place deliveries stood when a link on the way was cut, while what came after arrived.
    pub(super) fn cut(&self, hole: &Range<u64>) -> Option<String> {
        let before = self.book().arrived().count_in(0..hole.start);
        let later = self.book().arrived().next_set(hole.end)?;
        let stood_us = self.history.delivered_us(self.entry, before.max(1))?;
        let at = |t_us| self.history.sample_at(self.entry, t_us);
        let (cut, until_us) = self.history.troubles().find_map(|trouble| {
            let until_us = match trouble.name.as_str() {
                CUT => trouble.from_us,
                CUT_EVERY => trouble.until_us.unwrap_or(u64::MAX - SLACK_US),
                _ => return None,
            };
            let fits = self.has_link(trouble)
                && stood_us <= until_us + SLACK_US
                && at(until_us + SLACK_US).is_some_and(|then| then.0 >= hole.end)
                && at(trouble.from_us.saturating_sub(SLACK_US)).is_none_or(|then| then.1 <= before);
            fits.then_some((trouble, until_us))
        })?;
        let when = match cut.name.as_str() {
            CUT_EVERY => format!("from {} to {}", seconds(cut.from_us), seconds(until_us)),
            _ => format!("at {}", seconds(cut.from_us)),
        };
        Some(format!(
            "link {} was cut {when} ({}); records {} were on their way then, record {later} after them arrived: what was in the \
             connections was given away and not sent again.",
            name(&cut.on),
            cut.detail,
            sentence([hole.clone()], 1)
        ))
    }
}
