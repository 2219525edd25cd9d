//! Against sockets in the test.

use tokio::net::{TcpListener, UnixDatagram as Datagram, UnixListener};

use super::*;
use crate::{
    buffer::Buffer,
    output::{
        bench::{block_on, buffer, context, count, events, folder, plan},
        run,
    },
};

fn with(records: &[&str]) -> Arc<Buffer> {
    let buffer = buffer();
    buffer.push(events("t", records));
    buffer.close();
    buffer
}

const RECORD: &str = r#"{"log":"two\nlines","host":"web 0","sev":"err","n":7,"a@1":{"k":"v\"]"}}"#;
const KEYS: &str = "Syslog_Message_Key log\nSyslog_Hostname_Key host\nSyslog_Severity_Key sev\nSyslog_Appname_Preset app\n\
                    Syslog_Procid_Key n\nSyslog_SD_Key a@1\nSyslog_Facility_Preset local0";

/// What arrives by TCP.
fn tcp(keys: &str, buffer: &Arc<Buffer>) -> String {
    block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let plan = plan(&format!("Name syslog\nMode tcp\nPort {port}\n{keys}"));
        let context = context(&plan, buffer);
        let read = async {
            let mut text = String::new();
            listener.accept().await.unwrap().0.read_to_string(&mut text).await.unwrap();
            text
        };
        tokio::join!(run(plan, context), read).1
    })
}

#[test]
fn both_formats_and_both_framings_are_as_the_standards_have_them() {
    let new = "<131>1 2025-11-21T05:50:01.123456Z web0 app 7 - [a@1 k=\"v\\\"\\]\"] ";
    assert_eq!(tcp(KEYS, &with(&[RECORD])), format!("{new}two\\nlines\n"));
    let octets = format!("{new}two\nlines");
    assert_eq!(tcp(&format!("{KEYS}\nFraming octet_counting"), &with(&[RECORD])), format!("{} {octets}", octets.len()));
    let old = "<131>Nov 21 05:50:01 web0 app[7]: two\\nlines\n";
    assert_eq!(tcp(&format!("{KEYS}\nSyslog_Format rfc3164"), &with(&[RECORD])), old);
    let whole = "<14>1 2025-11-21T05:50:01.123456Z - - - - - {\"a\":1}\n";
    assert_eq!(tcp("Syslog_Message_Key log", &with(&[r#"{"a":1}"#])), whole);
}

#[test]
fn a_message_that_is_too_long_is_cut_between_characters() {
    let text = tcp("Syslog_Message_Key log\nSyslog_MaxSize 64", &with(&[r#"{"log":"ääääääääääääääääääää"}"#]));
    assert!(text.trim_end().len() <= 64 && text.trim_end().ends_with('ä'), "{text}");
}

#[test]
fn a_server_that_comes_back_is_connected_to_again() {
    let buffer = buffer();
    let texts = block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let plan = plan(&format!("Name syslog\nMode tcp\nPort {port}\nSyslog_Message_Key log"));
        let context = context(&plan, &buffer);
        let script = async {
            let mut texts = Vec::new();
            for text in ["first", "second"] {
                buffer.push(events("t", &[&format!(r#"{{"log":"{text}"}}"#)]));
                let mut stream = listener.accept().await.unwrap().0;
                let mut bytes = vec![0; 512];
                let n = stream.read(&mut bytes).await.unwrap();
                texts.push(String::from_utf8_lossy(&bytes[..n]).into_owned());
            }
            buffer.close();
            texts
        };
        tokio::join!(run(plan, context), script).1
    });
    assert!(texts[0].ends_with("first\n") && texts[1].ends_with("second\n"), "{texts:?}");
}

#[test]
fn datagrams_carry_a_record_each_and_one_that_none_can_hold_blocks_nothing() {
    let huge = format!(r#"{{"log":"{}"}}"#, "x".repeat(70_000));
    let (texts, counters) = block_on(async {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let port = socket.local_addr().unwrap().port();
        let plan = plan(&format!("Name syslog\nMode udp\nPort {port}\nSyslog_Message_Key log"));
        let context = context(&plan, &with(&[r#"{"log":"one"}"#, &huge, r#"{"log":"two"}"#]));
        let counters = Arc::clone(&context.counters);
        let read = async {
            let mut texts = Vec::new();
            for _ in 0..2 {
                let mut bytes = vec![0; 512];
                let n = socket.recv(&mut bytes).await.unwrap();
                texts.push(String::from_utf8_lossy(&bytes[..n]).into_owned());
            }
            texts
        };
        (tokio::join!(run(plan, context), read).1, counters)
    });
    assert!(texts[0].ends_with("- one") && texts[1].ends_with("- two"), "{texts:?}");
    assert_eq!((count(&counters.records), count(&counters.refused)), (2, 1));
}

#[test]
fn unix_sockets_of_both_kinds_are_served() {
    let folder = folder();
    let (stream, datagram) = (folder.path().join("s"), folder.path().join("d"));
    block_on(async {
        let listener = UnixListener::bind(&stream).unwrap();
        let plan_of =
            |mode: &str, path: &std::path::Path| plan(&format!("Name syslog\nMode {mode}\nPath {}", path.display()));
        let plan = plan_of("unix_tcp", &stream);
        let context_of = context(&plan, &with(&[r#"{"a":1}"#]));
        let read = async {
            let mut text = String::new();
            listener.accept().await.unwrap().0.read_to_string(&mut text).await.unwrap();
            text
        };
        assert!(tokio::join!(run(plan, context_of), read).1.ends_with("{\"a\":1}\n"));
        let socket = Datagram::bind(&datagram).unwrap();
        let plan = plan_of("unix", &datagram);
        let context_of = context(&plan, &with(&[r#"{"a":2}"#]));
        run(plan, context_of).await;
        let mut bytes = vec![0; 512];
        let n = socket.recv(&mut bytes).await.unwrap();
        assert!(bytes[..n].ends_with(b"{\"a\":2}"));
    });
}
