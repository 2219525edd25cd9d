//! From the spelling of Onigmo (Ruby's syntax) to that of the regex crate, byte by byte, with the way back for errors.

/// Stands behind a name that a group before has; no name as it is written can hold it.
pub(super) const AGAIN: &str = "[again";

/// An expression in the other spelling.
#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of its own")]
pub(super) struct Translated {
    pub(super) text: String,
    /// For each byte of `text` where it comes from.
    origins: Vec<usize>,
    /// It has letters beyond ASCII or classes of them.
    pub(super) unicode: bool,
    /// It has `^` or `$`.
    pub(super) anchors: bool,
    /// Option `i`.
    pub(super) any_case: bool,
    /// Option `m`.
    pub(super) dot_all: bool,
    /// Option `x`.
    pub(super) blanks: bool,
}

impl Translated {
    /// Where in the original the byte `at` comes from.
    pub(super) fn origin(&self, at: usize) -> usize {
        self.origins.get(at).or(self.origins.last()).copied().unwrap_or(0)
    }

    fn push(&mut self, text: &str, from: usize) {
        self.text.push_str(text);
        self.origins.resize(self.text.len(), from);
    }
}

type Refused = (usize, String);

/// Translates; else the byte where it cannot, and why.
pub(super) fn translate(text: &str) -> Result<Translated, Refused> {
    let mut out = Translated { unicode: !text.is_ascii(), ..Translated::default() };
    let (inner, skip) = strip(text, &mut out)?;
    let mut walk = Walk { text: inner, skip, at: 0, depth: 0, quantified: false, names: Vec::new(), out };
    while let Some(c) = walk.text[walk.at..].chars().next() {
        walk.step(c)?;
    }
    Ok(walk.out)
}

/// Takes the slashes and options away.
fn strip<'a>(text: &'a str, out: &mut Translated) -> Result<(&'a str, usize), Refused> {
    let Some(rest) = text.strip_prefix('/') else { return Ok((text, 0)) };
    let Some(end) = rest.rfind('/') else { return Ok((text, 0)) };
    let options = &rest[end + 1..];
    if !options.bytes().all(|byte| byte.is_ascii_alphabetic()) {
        return Ok((text, 0));
    }
    for (index, option) in options.char_indices() {
        match option {
            'i' => out.any_case = true,
            'm' => out.dot_all = true,
            'x' => out.blanks = true,
            'o' => {}
            other => return Err((end + 2 + index, format!("there is no option `{other}`; use i, m or x"))),
        }
    }
    Ok((&rest[..end], 1))
}

struct Walk<'a> {
    text: &'a str,
    /// What stands before `text` in the original, bytes.
    skip: usize,
    at: usize,
    /// Depth in nested classes.
    depth: usize,
    /// The last thing was `*`, `+` or `?`.
    quantified: bool,
    /// Names of groups so far.
    names: Vec<String>,
    out: Translated,
}

impl Walk<'_> {
    fn step(&mut self, c: char) -> Result<(), Refused> {
        let quantified = std::mem::take(&mut self.quantified);
        match c {
            '\\' => self.escape(),
            '[' => self.class(),
            ']' if self.depth > 0 => {
                self.depth -= 1;
                self.copy(1)
            }
            // Within a class nothing is left out or a comment, whatever option `x` says.
            ' ' if self.depth > 0 && self.out.blanks => self.replace("\\x20", 1),
            '#' if self.depth > 0 && self.out.blanks => self.replace("\\#", 1),
            '~' if self.depth > 0 => self.replace("\\~", 1),
            _ if self.depth > 0 => self.copy(c.len_utf8()),
            '(' => self.group(),
            '{' if self.bounds().is_none() => self.replace("\\{", 1),
            '{' => {
                let (text, length) = self.bounds().expect("it was just looked at");
                self.replace(&text, length)
            }
            '+' if quantified => self.refuse("a possessive quantifier", "leave its `+` out"),
            '*' | '+' | '?' => {
                // `*?` is lazy, and what follows that begins anew.
                self.quantified = !(quantified && c == '?');
                self.copy(1)
            }
            '^' | '$' => {
                self.out.anchors = true;
                self.copy(1)
            }
            _ => self.copy(c.len_utf8()),
        }
    }

    fn copy(&mut self, length: usize) -> Result<(), Refused> {
        let text = self.text;
        for (index, c) in text[self.at..self.at + length].char_indices() {
            let mut bytes = [0; 4];
            self.out.push(c.encode_utf8(&mut bytes), self.skip + self.at + index);
        }
        self.at += length;
        Ok(())
    }

    fn replace(&mut self, with: &str, length: usize) -> Result<(), Refused> {
        self.out.push(with, self.skip + self.at);
        self.at += length;
        Ok(())
    }

    fn refuse(&self, what: &str, instead: &str) -> Result<(), Refused> {
        Err((
            self.skip + self.at,
            format!("{what} is not supported, for it cannot be matched in linear time; {instead}"),
        ))
    }

    fn escape(&mut self) -> Result<(), Refused> {
        const WITHOUT: &str = "write the expression without it";
        let Some(next) = self.text[self.at + 1..].chars().next() else {
            return Err((self.skip + self.at, "a backslash stands at the end; write two for one".to_owned()));
        };
        let class = self.depth > 0;
        match next {
            'h' if class => self.replace("0-9A-Fa-f", 2),
            'h' => self.replace("[0-9A-Fa-f]", 2),
            'H' if !class => self.replace("[^0-9A-Fa-f]", 2),
            'e' => self.replace("\\x1B", 2),
            '<' | '>' => self.replace(if next == '<' { "<" } else { ">" }, 2),
            'Z' if !class => self.replace("(?:\\n?\\z)", 2),
            'R' if !class => self.replace("(?:\\r\\n|[\\n\\x0B\\f\\r])", 2),
            '1'..='9' if !class => self.refuse(&format!("the back-reference `\\{next}`"), WITHOUT),
            'k' if !class => self.refuse("the back-reference `\\k`", WITHOUT),
            'g' if !class => self.refuse("the call `\\g` of a group", WITHOUT),
            'G' | 'K' | 'X' if !class => self.refuse(&format!("`\\{next}`"), WITHOUT),
            'p' | 'P' => {
                self.out.unicode = true;
                self.copy(2)
            }
            _ => self.copy(1 + next.len_utf8()),
        }
    }

    /// The start of a class, also one within a class.
    fn class(&mut self) -> Result<(), Refused> {
        let rest = &self.text[self.at..];
        if self.depth > 0
            && rest.starts_with("[:")
            && let Some(end) = rest.find(":]")
        {
            return self.copy(end + 2);
        }
        self.depth += 1;
        let mut length = 1 + usize::from(rest[1..].starts_with('^'));
        // A bracket in the first place is itself.
        length += usize::from(rest[length..].starts_with(']'));
        self.copy(length)
    }

    fn group(&mut self) -> Result<(), Refused> {
        const WITHOUT: &str = "match the text itself";
        let rest = &self.text[self.at..];
        let Some(kind) = rest.strip_prefix("(?") else { return self.copy(1) };
        let refused = [
            ("=", "a lookahead `(?=`"),
            ("!", "a negative lookahead `(?!`"),
            ("<=", "a lookbehind `(?<=`"),
            ("<!", "a negative lookbehind `(?<!`"),
            (">", "an atomic group `(?>`"),
            ("(", "a condition `(?(`"),
            ("~", "an absence `(?~`"),
        ];
        if let Some((_, what)) = refused.iter().find(|(start, _)| kind.starts_with(start)) {
            return self.refuse(what, WITHOUT);
        }
        if let Some(comment) = kind.strip_prefix('#') {
            let end =
                comment.find(')').ok_or((self.skip + self.at, "the comment is not closed; add `)`".to_owned()))?;
            return self.replace("(?:)", end + 4);
        }
        for (open, close) in [("'", '\''), ("<", '>'), ("P<", '>')] {
            if let Some(name) = kind.strip_prefix(open)
                && let Some(end) = name.find(close)
            {
                let name = self.named(&name[..end]);
                return self.replace(&format!("(?<{name}>"), 2 + open.len() + end + 1);
            }
        }
        let flags = kind.bytes().take_while(|byte| byte.is_ascii_alphabetic() || *byte == b'-').count();
        if kind[flags..].starts_with([':', ')']) {
            // What Ruby calls m is called s elsewhere.
            let flags = kind[..flags].replace('m', "s");
            return self.replace(&format!("(?{flags}"), 2 + flags.len());
        }
        self.copy(2)
    }

    /// The name as it is, or marked if a group before has it.
    fn named(&mut self, name: &str) -> String {
        self.names.push(name.to_owned());
        match self.names.iter().filter(|known| *known == name).count() {
            1 => name.to_owned(),
            again => format!("{name}{AGAIN}{again}]"),
        }
    }

    /// `{2}`, `{2,}`, `{2,5}` or `{,5}`, with its length; a brace that begins none of them is itself.
    fn bounds(&self) -> Option<(String, usize)> {
        let inner = &self.text[self.at + 1..];
        let inner = &inner[..inner.find('}')?];
        let (least, most) = inner.split_once(',').unwrap_or((inner, inner));
        let number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let valid = number(least) && number(most) && !(least.is_empty() && most.is_empty());
        let least = if least.is_empty() { "0" } else { least };
        let text = if inner.contains(',') { format!("{{{least},{most}}}") } else { format!("{{{inner}}}") };
        valid.then_some((text, inner.len() + 2))
    }
}
