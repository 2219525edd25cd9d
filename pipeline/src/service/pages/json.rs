//! The figures as JSON, in the shape that Fluent Bit gives them.

use serde_json::{Map, Value, json};

use crate::service::board::Figures;

pub(super) fn program() -> String {
    line(&json!({"tailproof": {"version": env!("CARGO_PKG_VERSION")}}))
}

pub(super) fn uptime(seconds: u64) -> String {
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
    let words = format!("{days} days, {hours} hours, {minutes} minutes and {} seconds", seconds % 60);
    line(&json!({"uptime_sec": seconds, "uptime_hr": format!("tailproof has been running: {words}")}))
}

pub(super) fn metrics(figures: &Figures) -> String {
    let inputs: Map<String, Value> = figures
        .inputs
        .iter()
        .map(|input| {
            let mut of = json!({
                "records": input.records, "bytes": input.bytes,
                "malformed_records": input.malformed, "lost_records": input.lost,
            });
            if let Some(files) = &input.files {
                of["files_opened"] = files.opened.into();
                of["files_closed"] = files.closed.into();
                of["files_rotated"] = files.rotated.into();
                of["unread_bytes"] = files.unread_bytes.into();
            }
            (input.name.clone(), of)
        })
        .collect();
    let filters: Map<String, Value> = figures
        .filters
        .iter()
        .map(|filter| {
            let of = json!({
                "records": filter.records, "add_records": filter.added, "drop_records": filter.dropped,
                "failed_records": filter.failed, "held_records": filter.held,
            });
            (filter.name.clone(), of)
        })
        .collect();
    let outputs: Map<String, Value> = figures
        .outputs
        .iter()
        .map(|output| {
            let of = json!({
                "proc_records": output.records, "proc_bytes": output.bytes, "errors": output.refused,
                "retries": output.retries, "retries_failed": output.dropped,
                "dropped_records": output.dropped + output.refused,
            });
            (output.name.clone(), of)
        })
        .collect();
    line(&json!({"input": inputs, "filter": filters, "output": outputs, "unrouted_records": figures.unrouted}))
}

pub(super) fn storage(figures: &Figures) -> String {
    let inputs: Map<String, Value> = figures
        .inputs
        .iter()
        .map(|input| {
            let status = json!({
                "overlimit": input.paused,
                "mem_size": format!("{}b", input.waiting_bytes), "mem_limit": format!("{}b", input.limit_bytes),
            });
            (input.name.clone(), json!({"status": status}))
        })
        .collect();
    let waiting: Map<String, Value> =
        figures.outputs.iter().map(|output| (output.name.clone(), output.stored_bytes.into())).collect();
    let segments = figures.store.as_ref().map_or(0, |store| store.segments);
    let mut layer = json!({"chunks": {"total_chunks": segments, "mem_chunks": 0, "fs_chunks": segments}});
    if let Some(store) = &figures.store {
        layer["damaged_records"] = store.damaged.into();
        layer["known_records"] = store.again.into();
        layer["refused_writes"] = store.refused.into();
        layer["held_bytes"] = store.held_bytes.into();
        layer["output_bytes"] = waiting.into();
    }
    line(&json!({"input_chunks": inputs, "storage_layer": layer}))
}

pub(super) fn reloads(figures: &Figures) -> String {
    line(&json!({"hot_reload_count": figures.reloads}))
}

pub(super) fn no_reload() -> String {
    line(&json!({"reload": "refused: send SIGHUP to the process", "status": -1}))
}

fn line(value: &Value) -> String {
    format!("{value}\n")
}
