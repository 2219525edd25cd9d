//! The figures that a gate holds: their names, units, directions, and how much of a change is news.

use serde::{Deserialize, Serialize};

/// A figure of a run that may grow worse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// CPU time of the agent per delivered record, microseconds.
    AgentCpuUsPerRecord,
    /// Records delivered per second, where nothing paces the load.
    DeliveredPerS,
    /// Median of the delivery latency, milliseconds.
    LatencyP50Ms,
    /// 99th percentile of the delivery latency, milliseconds.
    LatencyP99Ms,
    /// Peak resident size of the agent, megabytes (10⁶ bytes).
    AgentRssMaxMb,
    /// The bench's share of the CPU time of both, percent.
    BenchSharePercent,
}

/// How much of a change is news. A slowdown of `percent` may fail, one of twice `percent` is ruled out by a pass.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// The smallest change that can fail, percent.
    pub percent: f64,
    /// And the smallest in the metric's own unit: both must be reached.
    pub absolute: f64,
    /// What runs of the same build differ by from session to session, percent; the whole interval must lie beyond it.
    pub noise_percent: f64,
}

impl Metric {
    /// All of them, in the order they are shown.
    pub const ALL: [Self; 6] = [
        Self::AgentCpuUsPerRecord,
        Self::DeliveredPerS,
        Self::LatencyP50Ms,
        Self::LatencyP99Ms,
        Self::AgentRssMaxMb,
        Self::BenchSharePercent,
    ];

    /// Its name in baselines and documents.
    pub fn name(self) -> &'static str {
        match self {
            Self::AgentCpuUsPerRecord => "agent_cpu_us_per_record",
            Self::DeliveredPerS => "delivered_per_s",
            Self::LatencyP50Ms => "latency_p50_ms",
            Self::LatencyP99Ms => "latency_p99_ms",
            Self::AgentRssMaxMb => "agent_rss_max_mb",
            Self::BenchSharePercent => "bench_share_percent",
        }
    }

    /// The metric of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|metric| metric.name() == name)
    }

    /// What people call it.
    pub fn title(self) -> &'static str {
        match self {
            Self::AgentCpuUsPerRecord => "agent CPU per record",
            Self::DeliveredPerS => "delivered rate",
            Self::LatencyP50Ms => "latency p50",
            Self::LatencyP99Ms => "latency p99",
            Self::AgentRssMaxMb => "agent memory peak",
            Self::BenchSharePercent => "bench's share of CPU",
        }
    }

    /// Its unit.
    pub fn unit(self) -> &'static str {
        match self {
            Self::AgentCpuUsPerRecord => "us",
            Self::DeliveredPerS => "/s",
            Self::LatencyP50Ms | Self::LatencyP99Ms => "ms",
            Self::AgentRssMaxMb => "MB",
            Self::BenchSharePercent => "%",
        }
    }

    /// True if more of it is worse.
    pub fn lower_is_better(self) -> bool {
        self != Self::DeliveredPerS
    }

    /// The rule of a baseline that was never calibrated. The bench's share has none: it rises when the agent gets faster.
    pub fn usual_rule(self) -> Option<Rule> {
        let rule = |percent, absolute, noise_percent| Some(Rule { percent, absolute, noise_percent });
        match self {
            Self::AgentCpuUsPerRecord => rule(5.0, 0.02, 1.0),
            Self::DeliveredPerS => rule(5.0, 500.0, 1.0),
            Self::LatencyP50Ms => rule(10.0, 2.0, 2.0),
            Self::LatencyP99Ms => rule(20.0, 5.0, 5.0),
            Self::AgentRssMaxMb => rule(10.0, 1.0, 2.0),
            Self::BenchSharePercent => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_metric_has_one_name_everywhere() {
        for metric in Metric::ALL {
            assert_eq!(serde_json::to_value(metric).unwrap(), metric.name());
            assert_eq!(Metric::named(metric.name()), Some(metric));
        }
        assert_eq!(Metric::named("latency"), None);
    }

    #[test]
    fn every_usual_rule_is_sound() {
        for rule in Metric::ALL.into_iter().filter_map(Metric::usual_rule) {
            assert!(rule.percent > rule.noise_percent && rule.noise_percent > 0.0 && rule.absolute > 0.0);
        }
    }
}
