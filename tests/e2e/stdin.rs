//! `tailproof pipeline` at the end of a shell's pipe: it takes what comes, delivers it, and ends when the pipe does.

use std::{fs, fs::File, process::Command};

use crate::support::{place, program, start_command};

#[test]
fn it_ends_with_its_standard_input_once_everything_is_delivered() {
    let place = place();
    let at = place.path().display().to_string();
    let config = place.path().join("pipeline.conf");
    let text = format!("[INPUT]\nName stdin\n[OUTPUT]\nName file\nMatch *\nPath {at}\nFile out.log\nFormat plain\n");
    fs::write(&config, text).unwrap();
    let lines: Vec<String> = (0..5_000).map(|n| format!("{{\"n\":{n}}}")).collect();
    fs::write(place.path().join("in"), lines.join("\n")).unwrap();
    let mut command = Command::new("sh");
    // The shell's own redirection: whoever starts programs here gives them no input.
    command.args(["-c", "exec \"$0\" pipeline -c \"$1\" < \"$2\""]);
    command.arg(program()).arg(&config).arg(place.path().join("in"));
    start_command(command, "tailproof pipeline < in".to_owned()).wait(30).expect(0);
    let out = std::io::read_to_string(File::open(place.path().join("out.log")).unwrap()).unwrap();
    assert_eq!(out.lines().collect::<Vec<_>>(), lines);
}
