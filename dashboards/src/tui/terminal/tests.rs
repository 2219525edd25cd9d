//! In a terminal of their own: a child process takes it and panics, the parent looks at what is left of it.

use std::{
    fs::{File, OpenOptions},
    io::Read,
    process::{Command, Stdio},
};

use rustix::{
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
    termios::{LocalModes, Winsize, tcgetattr, tcsetwinsize},
};

use super::*;

/// Runs one of the tests below in a terminal of its own; what it wrote, and how the terminal was left: whether lines are
/// edited, signs echoed, and control-C is a signal.
fn in_a_terminal(test: &str) -> (String, LocalModes, LocalModes) {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&master).unwrap();
    unlockpt(&master).unwrap();
    let name = ptsname(&master, Vec::new()).unwrap().into_string().unwrap();
    let slave = OpenOptions::new().read(true).write(true).open(name).unwrap();
    tcsetwinsize(&slave, Winsize { ws_row: 24, ws_col: 80, ws_xpixel: 0, ws_ypixel: 0 }).unwrap();
    let before = tcgetattr(&slave).unwrap().local_modes;
    let end = || Stdio::from(slave.try_clone().unwrap());
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([&format!("tui::terminal::tests::{test}"), "--exact", "--ignored", "--nocapture", "--test-threads=1"])
        .stdin(end())
        .stdout(end())
        .stderr(end())
        .spawn()
        .unwrap();
    let mut output = File::from(master);
    let reader = std::thread::spawn(move || {
        let (mut all, mut some) = (Vec::new(), [0; 4096]);
        // The end of a terminal is an error.
        while let Ok(got @ 1..) = output.read(&mut some) {
            all.extend_from_slice(&some[..got]);
        }
        String::from_utf8_lossy(&all).into_owned()
    });
    let status = child.wait().unwrap();
    let after = tcgetattr(&slave).unwrap().local_modes;
    drop(slave);
    let said = reader.join().unwrap();
    assert!(status.success(), "{said}");
    (said, before, after)
}

const ENTERED: &str = "\u{1b}[?1049h";
const LEFT: &str = "\u{1b}[?1049l";
const CURSOR_SHOWN: &str = "\u{1b}[?25h";

#[test]
#[ignore = "performed by a_panic_in_any_thread_gives_the_terminal_back_before_it_is_told"]
fn panics() {
    let _guard = Guard::take().expect("a terminal; this one is run by another test");
    assert!(is_taken());
    let elsewhere = std::thread::spawn(|| panic!("as planned"));
    assert!(elsewhere.join().is_err());
    assert!(!is_taken());
}

#[test]
fn a_panic_in_any_thread_gives_the_terminal_back_before_it_is_told() {
    let (said, before, after) = in_a_terminal("panics");
    let place = |what: &str| said.find(what).unwrap_or_else(|| panic!("no {what:?} in {said:?}"));
    assert!(place(ENTERED) < place(LEFT) && place(LEFT) < place("as planned"), "{said:?}");
    assert!(said.rfind(CURSOR_SHOWN) > said.rfind("\u{1b}[?25l"), "{said:?}");
    assert_eq!(said.matches(LEFT).count(), 1, "given back once: {said:?}");
    assert_eq!(after, before);
}

#[test]
#[ignore = "performed by a_guard_that_is_dropped_gives_the_terminal_back"]
fn drops() {
    let guard = Guard::take().expect("a terminal; this one is run by another test");
    let raw = tcgetattr(std::io::stdin()).unwrap().local_modes;
    assert!(!raw.intersects(LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG));
    drop(guard);
    assert!(!is_taken());
}

#[test]
fn a_guard_that_is_dropped_gives_the_terminal_back() {
    let (said, before, after) = in_a_terminal("drops");
    assert!(said.find(ENTERED) < said.find(LEFT) && said.contains(ENTERED), "{said:?}");
    assert_eq!(after, before);
    assert!(before.contains(LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG));
}
