//! The keys: one table, from which keys are looked up and the help is drawn.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::act::Act;

/// The pages of the dashboard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum View {
    /// Everything at a glance.
    Overview,
    /// All streams.
    Streams,
    /// Faults and steps.
    Faults,
    /// The agent's process.
    Agent,
    /// Findings with their evidence.
    Findings,
    /// The keys.
    Help,
}

/// What a key does.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Do {
    /// Another page.
    Show(View),
    /// Leaves; a run under way is broken off. `true`: the last frame stays on the screen.
    Quit(bool),
    /// The view stands still while the run goes on.
    Freeze,
    /// Zooms the time axis in (`1`), out (`-1`), or shows all of it (`0`).
    Zoom(i8),
    /// Moves the time axis by quarters of what is shown.
    Move(i8),
    /// Chooses another row.
    Choose(i32),
    /// Another order of the streams.
    Sort,
    /// Asks which columns of the streams are shown.
    Columns,
    /// Asks for a part of a stream's name.
    Filter,
    /// The next or the one before; a finding.
    Finding(bool),
    /// The next or the one before; a fault.
    Fault(bool),
    /// The next of several runs.
    NextRun,
    /// Plays or pauses a stored run.
    Play,
    /// Moves in a stored run, seconds.
    Seek(i32),
    /// Asks for a time to go to.
    SeekTo,
    /// To the begin (`false`) or end (`true`) of a stored run.
    Edge(bool),
    /// Doubles or halves the speed.
    Speed(bool),
    /// Puts a hand on the run.
    Act(Act),
}

/// Where a key works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Where {
    /// Everywhere.
    Any,
    /// With a run that this program performs.
    Live,
    /// With a stored run, or one that another program performs.
    Watch,
}

/// One row of the table.
#[derive(Debug, Clone, Copy)]
pub struct Key {
    /// The keys.
    pub codes: &'static [KeyCode],
    /// What they do.
    pub does: Do,
    /// Where they work.
    pub works: Where,
    /// What that is, for the help.
    pub words: &'static str,
}

const fn key(codes: &'static [KeyCode], does: Do, works: Where, help: &'static str) -> Key {
    Key { codes, does, works, words: help }
}

use KeyCode::{BackTab, Char, Down, End, Home, Left, PageDown, PageUp, Right, Tab, Up};
use Where::{Any, Live, Watch};

const fn hand(codes: &'static [KeyCode], does: Act, words: &'static str) -> Key {
    key(codes, Do::Act(does), Live, words)
}

/// All keys, in the order of the help.
pub const KEYS: &[Key] = &[
    key(&[Char('1')], Do::Show(View::Overview), Any, "everything at a glance"),
    key(&[Char('2')], Do::Show(View::Streams), Any, "streams, stalled ones first"),
    key(&[Char('3')], Do::Show(View::Faults), Any, "faults, rotations, archives"),
    key(&[Char('4')], Do::Show(View::Agent), Any, "the agent's process"),
    key(&[Char('5')], Do::Show(View::Findings), Any, "findings with their evidence"),
    key(&[Char('?')], Do::Show(View::Help), Any, "these keys; any key goes back"),
    key(&[Char('+'), Char('=')], Do::Zoom(1), Any, "zoom in"),
    key(&[Char('-')], Do::Zoom(-1), Any, "zoom out"),
    key(&[Char('0')], Do::Zoom(0), Any, "the whole run"),
    key(&[Char('<'), Char(',')], Do::Move(-1), Any, "earlier"),
    key(&[Char('>'), Char('.')], Do::Move(1), Any, "later"),
    key(&[Up], Do::Choose(-1), Any, "the row above"),
    key(&[Down], Do::Choose(1), Any, "the row below"),
    key(&[PageUp], Do::Choose(-10), Any, "ten rows up"),
    key(&[PageDown], Do::Choose(10), Any, "ten rows down"),
    key(&[Char('s')], Do::Sort, Any, "another order of the streams"),
    key(&[Char('C')], Do::Columns, Any, "which columns streams have"),
    key(&[Char('/')], Do::Filter, Any, "only streams named so"),
    key(&[Char('n')], Do::Finding(true), Any, "to the next finding"),
    key(&[Char('N')], Do::Finding(false), Any, "to the finding before"),
    key(&[Char('f')], Do::Freeze, Any, "freeze the view, not the run"),
    key(&[Char('q')], Do::Quit(false), Any, "leave; a live run is ended"),
    key(&[Char('Q')], Do::Quit(true), Any, "leave, keep this screen"),
    key(&[Char(' ')], Do::Play, Watch, "play, pause"),
    key(&[Left], Do::Seek(-5), Watch, "5 s back"),
    key(&[Right], Do::Seek(5), Watch, "5 s on"),
    key(&[Char('t')], Do::SeekTo, Watch, "to a time, such as 2:40"),
    key(&[Home, Char('g')], Do::Edge(false), Watch, "to the begin"),
    key(&[End, Char('G')], Do::Edge(true), Watch, "to the end, follow it"),
    key(&[Char(']')], Do::Speed(true), Watch, "twice as fast"),
    key(&[Char('[')], Do::Speed(false), Watch, "half as fast"),
    key(&[Char('e')], Do::Fault(true), Watch, "to the next fault"),
    key(&[Char('E')], Do::Fault(false), Watch, "to the fault before"),
    key(&[Char('c')], Do::Columns, Watch, "as C"),
    key(&[Tab, BackTab], Do::NextRun, Watch, "the next of several runs"),
    hand(&[Char('p')], Act::PauseLoad, "pause the load"),
    hand(&[Char('P')], Act::ResumeLoad, "resume the load"),
    hand(&[Char('i')], Act::ScaleLoad(1.5), "half as much load again"),
    hand(&[Char('d')], Act::ScaleLoad(1.0 / 1.5), "a third less load"),
    hand(&[Char('r')], Act::Rotate, "rotate now"),
    hand(&[Char('a')], Act::Archive, "archive now"),
    hand(&[Char('w')], Act::Swap, "swap the links now"),
    hand(&[Char('x')], Act::StopAgent, "stop the agent"),
    hand(&[Char('c')], Act::ContinueAgent, "let it go on"),
    hand(&[Char('k')], Act::KillAgent, "kill it"),
    hand(&[Char('R')], Act::RestartAgent, "restart it"),
    hand(&[Char('o')], Act::TakeSinkAway, "take the sink away"),
    hand(&[Char('O')], Act::BringSinkBack, "bring it back"),
];

/// What a key does; `live`: whether this program performs the run.
pub(super) fn find(event: KeyEvent, live: bool) -> Option<Do> {
    if event.modifiers.contains(KeyModifiers::CONTROL) {
        return (event.code == Char('c')).then_some(Do::Quit(false));
    }
    let works = |key: &&Key| match key.works {
        Where::Any => true,
        Where::Live => live,
        Where::Watch => !live,
    };
    KEYS.iter().filter(works).find(|key| key.codes.contains(&event.code)).map(|key| key.does)
}

/// How a key is called.
pub(super) fn name(code: KeyCode) -> String {
    match code {
        Char(' ') => "space".to_owned(),
        Char(c) => c.to_string(),
        Up => "up".to_owned(),
        Down => "down".to_owned(),
        Left => "left".to_owned(),
        Right => "right".to_owned(),
        PageUp => "page up".to_owned(),
        PageDown => "page down".to_owned(),
        Home => "home".to_owned(),
        End => "end".to_owned(),
        Tab => "tab".to_owned(),
        other => format!("{other:?}").to_lowercase(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_key_does_two_things_at_one_place() {
        for live in [false, true] {
            let mut seen = Vec::new();
            for key in KEYS.iter().filter(|key| key.works == Any || (key.works == Live) == live) {
                for code in key.codes {
                    assert!(!seen.contains(code), "{code:?} twice");
                    seen.push(*code);
                }
            }
        }
    }

    #[test]
    fn hands_are_off_a_stored_run_and_control_c_leaves_everywhere() {
        let press = |code| KeyEvent::new(code, KeyModifiers::NONE);
        assert_eq!(find(press(Char('k')), false), None);
        assert_eq!(find(press(Char('k')), true), Some(Do::Act(Act::KillAgent)));
        assert_eq!(find(press(Char(' ')), true), None);
        let interrupt = KeyEvent::new(Char('c'), KeyModifiers::CONTROL);
        assert_eq!([find(interrupt, true), find(interrupt, false)], [Some(Do::Quit(false)); 2]);
        assert_eq!(find(KeyEvent::new(Char('k'), KeyModifiers::CONTROL), true), None);
    }
}
