//! What the dashboard looks like: every page at three sizes with usual, extreme and hostile content; and that no size, key or
//! content makes it panic or lets anything through that a terminal would obey.

use proptest::prelude::*;
use ratatui::{
    Terminal,
    backend::TestBackend,
    buffer::Buffer,
    crossterm::event::{KeyCode, KeyEvent, KeyModifiers},
    style::Color,
};

use super::{
    app::App,
    board::Board,
    export,
    keys::{KEYS, View},
    look::{Look, Theme},
    scene::{Player, Scene},
};

mod content;

const LOOK: Look = Look { color: true, theme: Theme::Auto, unicode: true, frames_per_s: 10 };
const SIZES: [(u16, u16); 3] = [(80, 24), (120, 40), (200, 60)];
const VIEWS: [(View, &str); 6] = [
    (View::Overview, "overview"),
    (View::Streams, "streams"),
    (View::Faults, "faults"),
    (View::Agent, "agent"),
    (View::Findings, "findings"),
    (View::Help, "help"),
];

/// A frame as the real loop draws it.
fn drawn(boards: &[&Board], app: &App, player: Option<Player>, (width, height): (u16, u16)) -> Buffer {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| Scene { boards, app, player }.draw(frame.buffer_mut())).unwrap();
    terminal.backend().buffer().clone()
}

fn shown(board: &Board, app: &App, size: (u16, u16)) -> String {
    export::lines(&drawn(&[board], app, None, size)).join("\n")
}

fn every_page(content: &str, board: &Board) {
    for (view, name) in VIEWS {
        for size in SIZES {
            let app = App { view, ..App::new(LOOK, true) };
            let frame = shown(board, &app, size);
            assert_harmless(&frame);
            insta::assert_snapshot!(format!("{content}-{name}-{}x{}", size.0, size.1), frame);
        }
    }
}

/// Nothing but signs that show themselves.
fn assert_harmless(frame: &str) {
    for line in frame.lines() {
        assert_eq!(crate::display::display_whole(line), line);
    }
}

#[test]
fn every_page_of_a_usual_run() {
    every_page("usual", &content::usual());
}

#[test]
fn every_page_of_an_hour_with_ten_thousand_streams_and_a_thousand_findings() {
    every_page("extreme", &content::extreme());
}

#[test]
fn every_page_of_a_run_whose_names_attack_the_terminal() {
    every_page("hostile", &content::hostile());
}

#[test]
fn two_runs_stand_side_by_side_on_one_axis() {
    let (one, other) = (content::usual(), content::passed());
    let player = Player { playing: true, following: false, speed: 4.0, end_us: 20_000_000 };
    let frame = drawn(&[&one, &other], &App::new(LOOK, false), Some(player), (120, 40));
    insta::assert_snapshot!(export::lines(&frame).join("\n"));
}

#[test]
fn without_colours_and_signs_everything_is_still_said() {
    let look = Look { color: false, theme: Theme::Auto, unicode: false, frames_per_s: 10 };
    let frame = drawn(&[&content::usual()], &App::new(look, true), None, (80, 24));
    let text = export::lines(&frame).join("\n");
    assert!(text.is_ascii(), "{text}");
    let coloured = frame.content().iter().filter(|cell| cell.fg != Color::Reset || cell.bg != Color::Reset).count();
    assert_eq!(coloured, 0);
    insta::assert_snapshot!(text);
}

#[test]
fn the_background_is_always_the_terminals_own() {
    for (view, _) in VIEWS {
        let app = App { view, ..App::new(LOOK, true) };
        let frame = drawn(&[&content::usual()], &app, None, (120, 40));
        assert!(frame.content().iter().all(|cell| cell.bg == Color::Reset));
        assert!(frame.content().iter().any(|cell| cell.fg != Color::Reset) || view == View::Help);
    }
}

#[test]
fn below_forty_columns_or_eight_rows_there_is_one_line_that_says_how_things_stand() {
    for size in [(39, 24), (80, 7), (20, 3)] {
        let frame = shown(&content::usual(), &App::new(LOOK, true), size);
        assert!(frame.starts_with("00:1") && frame.lines().skip(1).all(str::is_empty), "{frame}");
    }
}

#[test]
fn a_question_is_asked_in_a_sentence_at_the_bottom() {
    let mut app = App::new(LOOK, true);
    app.press(KeyEvent::new(KeyCode::Char('k'), KeyModifiers::NONE));
    let frame = shown(&content::usual(), &app, (80, 24));
    assert_eq!(
        frame.lines().last().unwrap().trim(),
        "y/n Kill the agent? It stays away until R; what is in flight may come twice."
    );
}

#[test]
fn streams_are_filtered_and_sorted_and_the_stalled_ones_come_first() {
    let mut app = App { view: View::Streams, ..App::new(LOOK, true) };
    let first = |app: &App| shown(&content::extreme(), app, (120, 40)).lines().nth(4).unwrap().to_owned();
    assert!(first(&app).contains("stalled") && !first(&app).contains("stream-00000"), "{}", first(&app));
    app.filter = "stream-04242".to_owned();
    let frame = shown(&content::extreme(), &app, (120, 40));
    assert!(frame.contains("1 of 10,000") && first(&app).contains("stream-04242"), "{frame}");
    app.filter = String::new();
    app.press(KeyEvent::new(KeyCode::Char('s'), KeyModifiers::NONE));
    assert!(first(&app).contains("stream-00000"), "{}", first(&app));
}

#[test]
fn a_copy_breaks_a_promise_of_exactly_once_before_anybody_has_judged() {
    let mut board = content::passed();
    board.state.outcome = None;
    board.state.sample.duplicated = 3;
    let head = |board: &Board| shown(board, &App::new(LOOK, true), (120, 40)).lines().next().unwrap().trim().to_owned();
    board.about.limits.copies = None;
    assert!(head(&board).ends_with("✓ so far"), "{}", head(&board));
    board.about.limits.copies = Some(0);
    assert!(head(&board).ends_with("✗ 1 broken so far"), "{}", head(&board));
}

#[test]
fn what_a_route_may_lose_is_no_broken_book_and_what_it_delivers_is_not_held_against_what_is_written_once() {
    use results::event::{RouteInfo, Topology};
    let mut board = content::passed();
    board.state.outcome = Some(Box::new(crate::routes::tests::side_by_side()));
    let route = |name: &str| RouteInfo { name: name.into(), ..RouteInfo::default() };
    board.state.topology = Topology { routes: vec![route("tail"), route("syslog")], ..Topology::default() };
    let frame = shown(&board, &App::new(LOOK, true), (120, 40));
    let row = |word: &str| frame.lines().find(|line| line.trim_start().starts_with(word)).unwrap().to_owned();
    assert!(row("lost").contains("3 limit 3") && !row("lost").contains('✗'), "{frame}");
    assert!(row("delivered").contains("/s on 2 routes"), "{frame}");
}

#[test]
fn streams_that_are_called_alike_are_told_apart_at_eighty_columns() {
    use results::event::{Event, What};
    let mut board = content::passed();
    let names = ["ingress-00 → tail", "ingress-00 → sidecar", "x", "y"].map(str::to_owned).to_vec();
    board.fold(&Event { t_us: 14_000_000, what: What::Begun(names) });
    let frame = shown(&board, &App { view: View::Streams, ..App::new(LOOK, true) }, (80, 24));
    assert!(frame.contains(" ingress-00 → tail ") && frame.contains(" ingress-00 → sidecar "), "{frame}");
}

#[test]
fn who_went_beyond_the_end_of_a_list_is_back_with_one_key() {
    let board = content::usual();
    let mut app = App::new(LOOK, true);
    let mut press = |keys: &[(KeyCode, usize)]| {
        for &(code, times) in keys {
            for _ in 0..times {
                app.hold(Scene { boards: &[&board], app: &app, player: None }.ends());
                app.press(KeyEvent::new(code, KeyModifiers::NONE));
            }
        }
        (app.chosen, app.finding, app.zoom.back)
    };
    // Four streams, one finding; of 14 s the last 3 are shown.
    assert_eq!(press(&[(KeyCode::Char('2'), 1), (KeyCode::PageDown, 9), (KeyCode::Up, 1)]).0, 2);
    assert_eq!(press(&[(KeyCode::Char('5'), 1), (KeyCode::Down, 9), (KeyCode::Up, 1)]).1, 0);
    let (_, _, back) = press(&[(KeyCode::Char('+'), 2), (KeyCode::Char('<'), 99), (KeyCode::Char('>'), 1)]);
    assert!(back < 13, "{back}");
}

#[test]
fn a_stream_that_stood_twice_is_one_stream() {
    let mut board = content::passed();
    let mut outcome = crate::text::examples::failed_outcome();
    outcome.stalls.push(outcome.stalls[0].clone());
    board.state.outcome = Some(Box::new(outcome));
    let frame = shown(&board, &App::new(LOOK, true), (80, 24));
    assert!(frame.contains("stalled 1 ✗"), "{frame}");
}

#[test]
fn columns_of_the_streams_are_switched_by_their_numbers() {
    let mut app = App { view: View::Streams, ..App::new(LOOK, false) };
    let press = |app: &mut App, code| app.press(KeyEvent::new(code, KeyModifiers::NONE));
    let head = |app: &App| shown(&content::usual(), app, (80, 24)).lines().nth(3).unwrap().trim().to_owned();
    assert_eq!(
        head(&app).split_whitespace().collect::<Vec<_>>(),
        ["stream", "state", "lag", "out/s", "in/s", "gen", "inode", "~read"]
    );
    for code in "c259".chars() {
        assert_eq!(press(&mut app, KeyCode::Char(code)), None);
    }
    let frame = shown(&content::usual(), &app, (80, 24));
    let asked = frame.lines().last().unwrap().trim();
    assert_eq!(asked, "columns: 1 state (2 lag) 3 out/s 4 in/s (5 gen) 6 inode 7 ~read 8 ~size enter");
    // What is hidden makes room for what did not fit.
    press(&mut app, KeyCode::Enter);
    assert_eq!(
        head(&app).split_whitespace().collect::<Vec<_>>(),
        ["stream", "state", "out/s", "in/s", "inode", "~read", "~size"]
    );
    for code in "c2".chars() {
        press(&mut app, KeyCode::Char(code));
    }
    press(&mut app, KeyCode::Esc);
    assert!(head(&app).contains(" lag ") && app.prompt.is_none(), "{}", head(&app));
}

#[test]
fn a_picture_holds_the_text_of_the_frame_and_nothing_that_runs() {
    let frame = drawn(&[&content::hostile()], &App::new(LOOK, true), None, (120, 40));
    let svg = export::svg(&frame);
    assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"));
    assert!(svg.contains("&lt;script&gt;") && !svg.contains("<script"), "{svg}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn no_size_and_no_keys_make_it_panic(
        width in 1u16..300, height in 1u16..100,
        keys in prop::collection::vec(0..KEYS.len(), 0..12),
        live: bool, unicode: bool, which in 0usize..3,
    ) {
        let board = content::some(which);
        let mut app = App::new(Look { unicode, ..LOOK }, live);
        for key in keys {
            app.press(KeyEvent::new(KEYS[key].codes[0], KeyModifiers::NONE));
            app.finding = app.finding.min(1 << 20);
            let player = (!live).then_some(Player { playing: true, following: live, speed: 1.0, end_us: 9_000_000 });
            let boards: &[&Board] = if live { &[board] } else { &[board, board] };
            let frame = drawn(boards, &app, player, (width, height));
            for line in export::lines(&frame) {
                prop_assert_eq!(crate::display::display_whole(&line), line.clone());
                prop_assert!(unicode || line.is_ascii());
            }
        }
    }
}

#[test]
fn every_small_size_is_drawn() {
    for width in 1..=60 {
        for height in 1..=20 {
            for (view, _) in VIEWS {
                let app = App { view, ..App::new(LOOK, true) };
                drawn(&[content::some(2)], &app, None, (width, height));
            }
        }
    }
}
