//! The configurations of the five deployments, embedded as they are shipped in `configs/`, with the files they name.
//!
//! Adding one: a file in `configs/`, a line in [`ALL`], a row in `config/tests/deployments.rs`.

macro_rules! shipped {
    ($($name:literal),+ $(,)?) => {
        &[$(($name, include_str!(concat!("../configs/", $name)))),+]
    };
}

/// Name and text of every file in `configs/`.
pub const ALL: &[(&str, &str)] = shipped![
    "aggregator.conf",
    "daemonset-tail.conf",
    "eks-cloudwatch.conf",
    "elk-syslog.conf",
    "elk-syslog.lua",
    "forwarder-upstream.conf",
    "forwarder.conf",
    "parsers.conf",
    "sidecar-fluentd.conf",
    "sidecar-syslog.conf",
    "sidecar-syslog.lua",
];

/// The text of a shipped file.
pub fn find(name: &str) -> Option<&'static str> {
    ALL.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn every_file_of_the_folder_is_embedded() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("configs");
        let mut names: Vec<String> =
            folder.read_dir().unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        assert_eq!(names, ALL.iter().map(|(name, _)| (*name).to_owned()).collect::<Vec<_>>());
    }
}
