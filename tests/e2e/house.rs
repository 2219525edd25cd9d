//! The house: arrows between crates point downwards only, and the tree keeps its own rules.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

/// What each crate may know, apart from libraries.
const MAY_KNOW: &[(&str, &[&str])] = &[
    ("results", &[]),
    ("pipeline", &[]),
    ("chaos", &[]),
    ("loadgen", &["results"]),
    ("dashboards", &["results"]),
    ("scenarios", &["results", "pipeline", "chaos", "loadgen"]),
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn knows(room: &str) -> BTreeSet<String> {
    let text = std::fs::read_to_string(root().join(room).join("Cargo.toml")).unwrap();
    let manifest: toml::Table = text.parse().unwrap();
    ["dependencies", "dev-dependencies", "build-dependencies"]
        .iter()
        .filter_map(|section| manifest.get(*section)?.as_table())
        .flat_map(|table| table.keys())
        .filter_map(|name| name.strip_prefix("tailproof-"))
        .map(str::to_owned)
        .collect()
}

#[test]
fn arrows_between_crates_point_downwards() {
    for (room, may) in MAY_KNOW {
        let may: BTreeSet<String> = may.iter().map(|name| (*name).to_owned()).collect();
        let knows = knows(room);
        let too_much: Vec<_> = knows.difference(&may).collect();
        assert!(too_much.is_empty(), "{room} may not know {too_much:?}: see the layers in ARCHITECTURE.md");
    }
}

#[test]
fn every_workspace_member_has_a_layer() {
    let text = std::fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let manifest: toml::Table = text.parse().unwrap();
    for member in manifest["workspace"]["members"].as_array().unwrap() {
        let member = member.as_str().unwrap();
        assert!(member == "." || MAY_KNOW.iter().any(|(room, _)| *room == member), "{member} has no row in MAY_KNOW");
    }
}

#[test]
fn no_source_file_is_longer_than_four_hundred_lines() {
    let mut long = Vec::new();
    for room in MAY_KNOW.iter().map(|(room, _)| *room).chain(["src", "tests"]) {
        rust_files(&root().join(room), &mut |path, text| {
            let lines = text.lines().count();
            if lines > 400 {
                long.push(format!("{} has {lines} lines", path.display()));
            }
        });
    }
    assert!(long.is_empty(), "{long:#?}");
}

fn rust_files(folder: &Path, look: &mut impl FnMut(&PathBuf, &str)) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.ends_with("runs") && !path.ends_with("target") {
            rust_files(&path, look);
        } else if path.extension().is_some_and(|ext| ext == "rs") {
            look(&path, &std::fs::read_to_string(&path).unwrap());
        }
    }
}
