//! Whose a record is, where an agent says it in an object of its own: `"kubernetes":{"pod_id":"<uid>",…}`.

use super::object::{first_member, skip_space, skip_value, string, walk};

/// The value under the two keys, as it stands; empty if it is missing or no string.
pub(super) fn of<'a>(object: &'a [u8], keys: &(String, String)) -> &'a [u8] {
    let inner = member(object, keys.0.as_bytes()).filter(|inner| inner.first() == Some(&b'{'));
    let value = inner.and_then(|inner| member(inner, keys.1.as_bytes()));
    value.and_then(|value| string(value, 0)).filter(|(value, _)| !value.is_escaped).map_or(b"", |(value, _)| value.raw)
}

/// The last value under a key, as JSON has it.
fn member<'a>(object: &'a [u8], wanted: &[u8]) -> Option<&'a [u8]> {
    let mut found = None;
    let first = first_member(object)?;
    walk(object, first, |key, at| {
        let at = skip_space(object, at);
        let end = skip_value(object, at)?;
        if key == wanted {
            found = object.get(at..end);
        }
        Some(end)
    })?;
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(object: &str) -> String {
        let keys = ("kubernetes".to_owned(), "pod_id".to_owned());
        String::from_utf8(of(object.as_bytes(), &keys).to_vec()).unwrap()
    }

    #[test]
    fn the_owner_is_found_where_it_belongs_and_nowhere_else() {
        assert_eq!(find(r#"{"log":"x","kubernetes":{"pod_name":"a","pod_id":"u-1","labels":{"pod_id":"no"}}}"#), "u-1");
        for other in [
            r#"{"log":"x","pod_id":"u-1"}"#,
            r#"{"log":"x","kubernetes":{"labels":{"pod_id":"u-1"}}}"#,
            r#"{"log":"\"kubernetes\":{\"pod_id\":\"u-1\"}"}"#,
            r#"{"kubernetes":"pod_id"}"#,
            r#"{"kubernetes":{"pod_id":7}}"#,
            r#"{"kubernetes":{"pod_id":"u-1""#,
            "",
        ] {
            assert_eq!(find(other), "", "{other}");
        }
    }
}
