//! The frame of a page: one file that asks nobody for anything.
//!
//! The policy in its head allows no source at all but the styles and scripts whose digests it names, so that a name that got
//! past the escaping would still not be run.

use sha2::{Digest, Sha256};

use crate::{
    markup,
    svg::{CHARTS, DARK, LIGHT},
};

const UPLOT_CSS: &str = include_str!("../../assets/uplot/uPlot.min.css");
const UPLOT_JS: &str = include_str!("../../assets/uplot/uPlot.iife.min.js");
const UPLOT_LICENSE: &str = include_str!("../../assets/uplot/LICENSE");
const PAGE_CSS: &str = include_str!("../../assets/page.css");
const PAGE_JS: &str = include_str!("../../assets/page.js");

/// A whole page. `data` is the document for programs and for the charts; without it the page has no script.
pub(super) fn page(title: &str, body: &str, data: Option<&serde_json::Value>) -> String {
    let style = format!(
        ":root{{color-scheme:light dark;{LIGHT}}}@media (prefers-color-scheme:dark){{:root{{{DARK}}}}}{PAGE_CSS}{CHARTS}"
    );
    let styles = [UPLOT_CSS, &style];
    // The licence asks that its text goes where the code goes.
    let licensed = format!("/*\n{}\n*/\n{UPLOT_JS}", UPLOT_LICENSE.trim());
    let scripts = if data.is_some() { vec![licensed.as_str(), PAGE_JS] } else { Vec::new() };
    let mut policy = format!("default-src 'none'; base-uri 'none'; form-action 'none'; style-src{}", digests(&styles));
    if !scripts.is_empty() {
        policy.push_str(&format!("; script-src{}", digests(&scripts)));
    }
    let mut out = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{policy}\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"referrer\" content=\"no-referrer\">\n<meta name=\"color-scheme\" content=\"light dark\">\n\
         <title>{}</title>\n",
        markup::text(title)
    );
    out.extend(styles.iter().map(|style| format!("<style>{style}</style>\n")));
    out.push_str("</head>\n<body>\n<a class=\"skip\" href=\"#main\">skip to the answer</a>\n<main id=\"main\">\n");
    out.push_str(body);
    out.push_str("</main>\n");
    if let Some(data) = data {
        out.push_str(&format!("<script type=\"application/json\" id=\"data\">{}</script>\n", markup::json(data)));
    }
    out.extend(scripts.iter().map(|script| format!("<script>{script}</script>\n")));
    out.push_str("</body>\n</html>\n");
    out
}

fn digests(sources: &[&str]) -> String {
    sources.iter().map(|source| format!(" 'sha256-{}'", base64(&Sha256::digest(source.as_bytes())))).collect()
}

/// As the policy wants it: with padding.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for chunk in bytes.chunks(3) {
        let word = chunk.iter().fold(0u32, |word, byte| word << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for place in 0..4 {
            let digit = DIGITS[(word >> (18 - 6 * place) & 63) as usize];
            out.push(if place <= chunk.len() { digit as char } else { '=' });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_that_of_the_standard() {
        let cases = [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")];
        for (plain, coded) in cases {
            assert_eq!(base64(plain.as_bytes()), coded);
        }
    }

    #[test]
    fn the_policy_names_each_style_and_script_that_the_page_has_and_nothing_else() {
        let html = page("t", "", Some(&serde_json::json!({})));
        let policy = html.split("Content-Security-Policy\" content=\"").nth(1).unwrap().split('"').next().unwrap();
        assert!(policy.starts_with("default-src 'none';"));
        for (tag, most) in [("<style>", 2), ("<script>", 2)] {
            let found: Vec<&str> = html.split(tag).skip(1).map(|rest| rest.split("</s").next().unwrap()).collect();
            assert_eq!(found.len(), most);
            for source in found {
                assert!(policy.contains(&base64(&Sha256::digest(source.as_bytes()))), "{policy}");
            }
        }
        assert_eq!(policy.matches("sha256-").count(), 4);
        assert!(!policy.contains("unsafe") && !policy.contains("http") && !html.contains(" style="));
    }
}
