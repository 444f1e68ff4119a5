//! Rust source as a row of tokens, without comments and without what stands inside strings.
//!
//! Only as much of the language as the layers test needs: names, numbers and punctuation, each with its line.

/// One token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Token {
    /// An identifier, a keyword or a number.
    Word(String),
    /// `::`
    Path,
    /// Any other single character that is not a blank.
    Mark(char),
}

/// A token and the line on which it begins, counted from 1.
#[derive(Debug, Clone)]
pub struct Placed {
    /// What it is.
    pub token: Token,
    /// Where it is.
    pub line: usize,
}

/// Splits source text into tokens.
pub fn tokens(text: &str) -> Vec<Placed> {
    let mut reader = Reader { rest: text.chars().collect(), at: 0, line: 1 };
    let mut found = Vec::new();
    while let Some(c) = reader.peek(0) {
        let line = reader.line;
        if let Some(token) = reader.next_token(c) {
            found.push(Placed { token, line });
        }
    }
    found
}

struct Reader {
    rest: Vec<char>,
    at: usize,
    line: usize,
}

impl Reader {
    fn peek(&self, ahead: usize) -> Option<char> {
        self.rest.get(self.at + ahead).copied()
    }

    fn step(&mut self, by: usize) {
        for _ in 0..by {
            if self.peek(0) == Some('\n') {
                self.line += 1;
            }
            self.at += 1;
        }
    }

    fn next_token(&mut self, c: char) -> Option<Token> {
        match (c, self.peek(1)) {
            ('/', Some('/')) => self.line_comment(),
            ('/', Some('*')) => self.block_comment(),
            ('"', _) => self.string(),
            ('\'', _) => self.char_or_lifetime(),
            (':', Some(':')) => {
                self.step(2);
                return Some(Token::Path);
            }
            _ if c.is_whitespace() => self.step(1),
            _ if c.is_alphanumeric() || c == '_' => return self.word(),
            _ => {
                self.step(1);
                return Some(Token::Mark(c));
            }
        }
        None
    }

    fn line_comment(&mut self) {
        while self.peek(0).is_some_and(|c| c != '\n') {
            self.step(1);
        }
    }

    /// Block comments nest.
    fn block_comment(&mut self) {
        let mut depth = 0usize;
        while let Some(c) = self.peek(0) {
            match (c, self.peek(1)) {
                ('/', Some('*')) => {
                    depth += 1;
                    self.step(2);
                }
                ('*', Some('/')) => {
                    depth -= 1;
                    self.step(2);
                    if depth == 0 {
                        return;
                    }
                }
                _ => self.step(1),
            }
        }
    }

    fn string(&mut self) {
        self.step(1);
        while let Some(c) = self.peek(0) {
            self.step(if c == '\\' { 2 } else { 1 });
            if c == '"' {
                return;
            }
        }
    }

    fn raw_string(&mut self, hashes: usize) {
        self.step(hashes + 1);
        while let Some(c) = self.peek(0) {
            self.step(1);
            if c == '"' && (0..hashes).all(|i| self.peek(i) == Some('#')) {
                self.step(hashes);
                return;
            }
        }
    }

    fn char_or_lifetime(&mut self) {
        let escaped = self.peek(1) == Some('\\');
        if !escaped && self.peek(2) != Some('\'') {
            // A lifetime or a label: its name says nothing about layers.
            self.step(1);
            while self.peek(0).is_some_and(|c| c.is_alphanumeric() || c == '_') {
                self.step(1);
            }
            return;
        }
        self.step(if escaped { 3 } else { 2 });
        while self.peek(0).is_some_and(|c| c != '\'') {
            self.step(1);
        }
        self.step(1);
    }

    /// A word, or the string that the word turns out to be a prefix of (`r"…"`, `br#"…"#`, `b'x'`, `c"…"`).
    fn word(&mut self) -> Option<Token> {
        let start = self.at;
        while self.peek(0).is_some_and(|c| c.is_alphanumeric() || c == '_') {
            self.step(1);
        }
        let word: String = self.rest.get(start..self.at)?.iter().collect();
        let hashes = (0..).take_while(|i| self.peek(*i) == Some('#')).count();
        let raw = matches!(word.as_str(), "r" | "br" | "cr");
        if raw && self.peek(hashes) == Some('"') {
            self.raw_string(hashes);
            return None;
        }
        if word == "r" && hashes == 1 {
            self.step(1);
            return self.word();
        }
        match (word.as_str(), self.peek(0)) {
            ("b" | "c", Some('"')) => {
                self.string();
                None
            }
            ("b", Some('\'')) => {
                self.char_or_lifetime();
                None
            }
            _ => Some(Token::Word(word)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        tokens(text)
            .into_iter()
            .filter_map(|p| match p.token {
                Token::Word(w) => Some(w),
                _ => None,
            })
            .collect()
    }

    #[test]
    fn comments_and_strings_are_not_words() {
        assert_eq!(words("a // b\n/* c /* d */ e */ f \"g \\\" h\" i"), ["a", "f", "i"]);
        assert_eq!(words(r####"a r#"b " c"# d br"e" b"f" c"g" h"####), ["a", "d", "h"]);
        assert_eq!(words("/// crate::store\n//! crate::http\nx"), ["x"]);
    }

    #[test]
    fn characters_lifetimes_and_raw_names_are_told_apart() {
        assert_eq!(words(r#"a 'b' '\'' '\\' '\u{41}' b'"' c"#), ["a", "c"]);
        assert_eq!(words("fn f<'a>(x: &'a str, y: &'static str) {}"), ["fn", "f", "x", "str", "y", "str"]);
        assert_eq!(words("'\"' a '\"' b"), ["a", "b"]);
        assert_eq!(words("r#type::x"), ["type", "x"]);
    }

    #[test]
    fn lines_are_counted_through_strings_and_comments() {
        let lines: Vec<usize> = tokens("a\n\"x\ny\"\n/*\n*/ b").iter().map(|p| p.line).collect();
        assert_eq!(lines, [1, 5]);
    }
}
