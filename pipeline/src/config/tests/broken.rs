//! Broken configurations, each with the one line that a person gets to read.

use super::*;

#[test]
fn every_broken_configuration_has_its_clear_error() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/broken");
    let mut files: Vec<_> = folder.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.is_file());
    files.sort();
    assert!(files.len() >= 20, "{files:?}");
    let mut text = String::new();
    for path in files {
        let error = Config::load(&path, &|_| None).and_then(|config| config.plan()).map(|_| ()).unwrap_err();
        let error = error.to_string().replace(&format!("{}/", folder.display()), "");
        let name = path.file_name().unwrap().display().to_string();
        text.push_str(&format!("{name}\n    failed to {error}\n"));
    }
    insta::assert_snapshot!(text);
}
