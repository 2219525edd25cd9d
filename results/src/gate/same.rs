//! Whether figures may be compared at all, and if not, why.

use serde_json::Value;

use super::{Baseline, Facts};

/// Differing values named in one sentence.
const MAX_NAMED: usize = 3;

/// What keeps the figures of two runs from being compared, one sentence each. Of an agent only the name counts: telling two
/// versions apart is what runs side by side are for.
pub(super) fn differences(old: &Facts, new: &Facts) -> Vec<String> {
    let mut found = named(&old.scenario, &old.agent, new);
    if old.scenario_hash != new.scenario_hash && old.scenario == new.scenario {
        found.push(format!("the scenario was performed differently: {}", values(&old.settled, &new.settled)));
    }
    found.extend(old.machine.differences(&new.machine).into_iter().map(|what| format!("another machine: {what}")));
    found
}

/// What keeps a run from being held to a baseline. Where the other side of the figures was measured `here`, beside the run,
/// machine and version of the baseline do not matter.
pub(super) fn from_baseline(baseline: &Baseline, new: &Facts, here: bool) -> Vec<String> {
    let mut found = named(&baseline.scenario, &baseline.agent, new);
    if baseline.scenario_hash != new.scenario_hash && baseline.scenario == new.scenario {
        found.push(format!(
            "the scenario was performed differently: the baseline is of `{}`, the run of `{}`, or the scenario file has changed",
            baseline.repeat, new.repeat
        ));
    }
    if here {
        return found;
    }
    if baseline.agent_version != new.agent_version {
        found.push(format!("{} instead of {} of {}", new.agent_version, baseline.agent_version, baseline.agent));
    }
    let machine = baseline.machine.differences(&new.machine).into_iter();
    found.extend(machine.map(|what| format!("another machine: {what}")));
    found
}

fn named(scenario: &str, agent: &str, new: &Facts) -> Vec<String> {
    let mut found = Vec::new();
    if scenario != new.scenario {
        found.push(format!("the scenario is {}, not {scenario}", new.scenario));
    }
    if agent != new.agent {
        found.push(format!("the agent is {}, not {agent}", new.agent));
    }
    found
}

/// The values in which two settled scenarios differ: `measure 8000000 -> 3000000, …`.
fn values(old: &Value, new: &Value) -> String {
    let mut found = Vec::new();
    walk("", old, new, &mut found);
    let more = found.len().saturating_sub(MAX_NAMED);
    found.truncate(MAX_NAMED);
    let more = if more > 0 { format!(", and {more} more") } else { String::new() };
    format!("{}{more}", found.join(", "))
}

fn walk(path: &str, old: &Value, new: &Value, found: &mut Vec<String>) {
    let below = |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
    match (old, new) {
        (Value::Object(left), Value::Object(right)) => {
            let mut keys: Vec<&String> = left.keys().chain(right.keys()).collect();
            keys.sort();
            keys.dedup();
            for key in keys.into_iter().filter(|key| !(path.is_empty() && *key == "question")) {
                let side = |map: &serde_json::Map<String, Value>| map.get(key).cloned().unwrap_or(Value::Null);
                walk(&below(key), &side(left), &side(right), found);
            }
        }
        (Value::Array(left), Value::Array(right)) if left.len() == right.len() => {
            left.iter().zip(right).enumerate().for_each(|(at, (left, right))| {
                walk(&below(&at.to_string()), left, right, found);
            });
        }
        (left, right) if left == right => {}
        (left, right) => found.push(format!("{path} {} -> {}", short(left), short(right))),
    }
}

fn short(value: &Value) -> String {
    match value {
        Value::Array(items) => format!("[{} items]", items.len()),
        Value::Object(keys) => format!("{{{} keys}}", keys.len()),
        plain => plain.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn two_performances_differ_by_name_and_value() {
        let old = json!({"question": "old?", "measure": 8_000_000, "streams": [{"rate": 1.0}, {"rate": 2.0}]});
        let new =
            json!({"question": "new?", "measure": 3_000_000, "streams": [{"rate": 1.0}, {"rate": 3.0}], "keep": true});
        assert_eq!(values(&old, &new), "keep null -> true, measure 8000000 -> 3000000, streams.1.rate 2.0 -> 3.0");
        assert_eq!(values(&json!({"a": [1, 2]}), &json!({"a": [1]})), "a [2 items] -> [1 items]");
    }

    #[test]
    fn a_list_of_differences_ends() {
        let many = |by: u64| Value::Object((0..9).map(|key| (format!("k{key}"), json!(key * by))).collect());
        assert_eq!(values(&many(1), &many(2)), "k1 1 -> 2, k2 2 -> 4, k3 3 -> 6, and 5 more");
    }
}
