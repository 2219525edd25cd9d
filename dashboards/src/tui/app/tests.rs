use super::*;
use crate::tui::look::Theme;

const LOOK: Look = Look { color: false, theme: Theme::Auto, unicode: true, frames_per_s: 10 };

fn press(app: &mut App, code: KeyCode) -> Option<Wish> {
    app.press(KeyEvent::new(code, KeyModifiers::NONE))
}

fn type_in(app: &mut App, text: &str) {
    for c in text.chars() {
        assert_eq!(press(app, KeyCode::Char(c)), None);
    }
}

#[test]
fn what_is_drastic_is_done_only_after_a_yes() {
    let mut app = App::new(LOOK, true);
    for no in [KeyCode::Char('n'), KeyCode::Esc, KeyCode::Enter, KeyCode::Char('k')] {
        assert_eq!(press(&mut app, KeyCode::Char('k')), None);
        assert_eq!(app.prompt, Some(Prompt::Confirm(Act::KillAgent)));
        assert_eq!(press(&mut app, no), None);
        assert_eq!(app.prompt, None);
    }
    press(&mut app, KeyCode::Char('k'));
    assert_eq!(press(&mut app, KeyCode::Char('y')), Some(Wish::Act(Act::KillAgent)));
    assert_eq!(press(&mut app, KeyCode::Char('r')), Some(Wish::Act(Act::Rotate)));
}

#[test]
fn control_c_leaves_whatever_is_asked_or_shown() {
    let interrupt = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
    for keys in ["", "/ab", "?", "k"] {
        let mut app = App::new(LOOK, true);
        type_in(&mut app, keys);
        assert_eq!(app.press(interrupt), Some(Wish::Quit(false)), "after {keys:?}");
    }
}

#[test]
fn a_filter_is_taken_with_enter_and_left_with_escape() {
    let mut app = App::new(LOOK, false);
    type_in(&mut app, "/webq");
    press(&mut app, KeyCode::Backspace);
    press(&mut app, KeyCode::Enter);
    assert_eq!((app.filter.as_str(), &app.prompt), ("web", &None));
    type_in(&mut app, "/xyz");
    press(&mut app, KeyCode::Esc);
    assert_eq!(app.filter, "web");
}

#[test]
fn any_key_leaves_the_help_to_where_it_was_asked_for() {
    let mut app = App::new(LOOK, true);
    type_in(&mut app, "2?");
    assert_eq!(app.view, View::Help);
    type_in(&mut app, "k");
    assert_eq!((app.view, &app.prompt), (View::Streams, &None));
}

#[test]
fn times_are_read_as_people_type_them() {
    let got = ["95", "95.5s", "1:35", "1:01:35", "", ":", "-3", "1:2:3:4", "1.5:2", "inf", "1e9"].map(moment);
    let s = |s: f64| Some((s * 1e6) as u64);
    assert_eq!(got, [s(95.0), s(95.5), s(95.0), s(3695.0), None, None, None, None, None, None, None]);
    let mut app = App::new(LOOK, false);
    type_in(&mut app, "t2:40");
    assert_eq!(press(&mut app, KeyCode::Enter), Some(Wish::SeekTo(160_000_000)));
    type_in(&mut app, "tx");
    assert_eq!(press(&mut app, KeyCode::Enter), None);
    assert!(app.notice.is_some());
}
