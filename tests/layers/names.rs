//! The paths that a source file names: in `use` trees and in expressions, types and attributes.

use super::tokens::{Placed, Token};

/// Keywords in front of a path that begins with `::`.
const NO_SEGMENTS: &[&str] =
    &["as", "dyn", "else", "for", "impl", "in", "let", "move", "mut", "pub", "ref", "return", "where"];

/// A path as it is written, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// Its segments; a glob is `*`; `{self}` is the path in front of it.
    pub path: Vec<String>,
    /// The inline modules (`mod tests { … }`) in which it stands, outermost first.
    pub within: Vec<String>,
    /// True for what a `use` or `extern crate` brings in.
    pub used: bool,
    /// The line on which it begins.
    pub line: usize,
}

/// Every path of at least two segments, and everything that is brought in.
pub fn paths(tokens: &[Placed]) -> Vec<Named> {
    let mut reader = Reader { tokens, at: 0, inline: Vec::new(), depth: 0, found: Vec::new() };
    while reader.at < tokens.len() {
        reader.step();
    }
    reader.found
}

/// Where a path leads inside the crate, seen from a module: its segments from the crate's root.
///
/// None for paths that do not say so: names of other crates and of what is in scope.
pub fn resolve(named: &Named, file: &[String], library: &str) -> Option<Vec<String>> {
    let mut here: Vec<String> = file.iter().chain(&named.within).cloned().collect();
    let mut rest = named.path.iter().map(String::as_str).peekable();
    match rest.next()? {
        "crate" => here.clear(),
        first if first == library => here.clear(),
        "self" => {}
        "super" => {
            here.pop();
        }
        _ => return None,
    }
    while rest.next_if_eq(&"super").is_some() {
        here.pop();
    }
    here.extend(rest.map(str::to_owned));
    Some(here)
}

struct Reader<'a> {
    tokens: &'a [Placed],
    at: usize,
    /// Names of the inline modules that are open, each with the depth of its braces.
    inline: Vec<(String, usize)>,
    depth: usize,
    found: Vec<Named>,
}

impl Reader<'_> {
    fn token(&self, ahead: usize) -> Option<&Token> {
        self.tokens.get(self.at + ahead).map(|p| &p.token)
    }

    fn word(&self, ahead: usize) -> Option<String> {
        match self.token(ahead) {
            Some(Token::Word(w)) => Some(w.clone()),
            _ => None,
        }
    }

    fn mark(&self, ahead: usize, mark: char) -> bool {
        self.token(ahead) == Some(&Token::Mark(mark))
    }

    fn line(&self) -> usize {
        self.tokens.get(self.at).map_or(0, |p| p.line)
    }

    fn name(&mut self, path: Vec<String>, used: bool, line: usize) {
        let within = self.inline.iter().map(|(name, _)| name.clone()).collect();
        self.found.push(Named { path, within, used, line });
    }

    fn step(&mut self) {
        match self.token(0) {
            Some(Token::Mark('{')) => self.depth += 1,
            Some(Token::Mark('}')) => {
                if self.inline.last().is_some_and(|(_, depth)| *depth == self.depth) {
                    self.inline.pop();
                }
                self.depth = self.depth.saturating_sub(1);
            }
            Some(Token::Word(_)) => return self.at_word(),
            _ => {}
        }
        self.at += 1;
    }

    fn at_word(&mut self) {
        let (Some(first), second) = (self.word(0), self.word(1)) else { return };
        match first.as_str() {
            "mod" if second.is_some() && self.mark(2, '{') => {
                self.depth += 1;
                self.inline.push((second.unwrap_or_default(), self.depth));
                self.at += 3;
            }
            "extern" if second.as_deref() == Some("crate") => {
                let line = self.line();
                self.at += 2;
                if let Some(name) = self.word(0) {
                    self.name(vec![name], true, line);
                    self.at += 1;
                }
            }
            // `use<'a>` captures a lifetime and brings nothing in.
            "use" if !self.mark(1, '<') => {
                self.at += 1;
                self.tree(&[]);
            }
            word if NO_SEGMENTS.contains(&word) => self.at += 1,
            _ => self.expression(first),
        }
    }

    /// One branch of a `use` tree, up to the comma, brace or semicolon behind it.
    fn tree(&mut self, head: &[String]) {
        let line = self.line();
        let mut path = head.to_vec();
        loop {
            match self.token(0) {
                Some(Token::Word(w)) if w == "self" && !path.is_empty() => {}
                Some(Token::Word(w)) => path.push(w.clone()),
                Some(Token::Mark('*')) => path.push("*".to_owned()),
                Some(Token::Path) if path.len() == head.len() => {}
                Some(Token::Mark('{')) => return self.branches(&path),
                _ => break,
            }
            let leading = self.token(0) == Some(&Token::Path);
            self.at += 1;
            if !leading {
                if self.token(0) != Some(&Token::Path) {
                    break;
                }
                self.at += 1;
            }
        }
        self.name(path, true, line);
        while !matches!(self.token(0), None | Some(Token::Mark(',' | '}' | ';'))) {
            self.at += 1;
        }
    }

    fn branches(&mut self, path: &[String]) {
        self.at += 1;
        while !matches!(self.token(0), None | Some(Token::Mark('}' | ';'))) {
            if self.mark(0, ',') {
                self.at += 1;
            } else {
                self.tree(path);
            }
        }
        if self.mark(0, '}') {
            self.at += 1;
        }
    }

    /// A path outside a `use`: the words up to one that no `::` follows.
    fn expression(&mut self, first: String) {
        let line = self.line();
        let start = self.starts_path();
        let mut path = vec![first];
        while self.token(1) == Some(&Token::Path)
            && let Some(next) = self.word(2)
        {
            path.push(next);
            self.at += 2;
        }
        let more = self.token(1) == Some(&Token::Path);
        self.at += 1;
        if start && (path.len() > 1 || more) {
            self.name(path, false, line);
        }
    }

    /// False for the rest of a path behind generic arguments, and for what stands behind a dot.
    fn starts_path(&self) -> bool {
        let behind = |by: usize| self.at.checked_sub(by).and_then(|at| self.tokens.get(at)).map(|p| &p.token);
        match behind(1) {
            Some(Token::Path) => !matches!(behind(2), Some(Token::Mark('>'))),
            Some(Token::Mark('.')) => matches!(behind(2), Some(Token::Mark('.'))),
            _ => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tokens::tokens;
    use super::*;

    fn written(text: &str) -> Vec<String> {
        paths(&tokens(text)).iter().map(|n| n.path.join("::")).collect()
    }

    fn resolved(text: &str, file: &str) -> Vec<String> {
        let file: Vec<String> = file.split("::").map(str::to_owned).collect();
        paths(&tokens(text)).iter().filter_map(|n| resolve(n, &file, "scim_appliance")).map(|p| p.join("::")).collect()
    }

    #[test]
    fn use_trees_are_expanded() {
        assert_eq!(written("use a::b;"), ["a::b"]);
        assert_eq!(
            written("pub(crate) use ::a::{b, c::{d as e, self}, f::*};"),
            ["a::b", "a::c::d", "a::c", "a::f::*"]
        );
        assert_eq!(written("use {a::b, c}; use d as e; extern crate f as g;"), ["a::b", "c", "d", "f"]);
        assert_eq!(written("#[cfg(unix)]\nuse a::{\n    b,\n};\nfn f() { x::y() }"), ["a::b", "x::y"]);
        assert_eq!(written("fn f<'a>() -> impl A + use<'a> {} use b::c;"), ["b::c"]);
    }

    #[test]
    fn paths_in_expressions_types_and_attributes_are_found() {
        assert_eq!(written("let x: Vec<a::B> = c::d::<e::F>(g::h!());"), ["a::B", "c::d", "e::F", "g::h"]);
        assert_eq!(written("#[derive(Debug, a::B)] struct S(pub ::c::D);"), ["a::B", "c::D"]);
        assert_eq!(written("<A as b::C>::d(x.e::<f::G>(), 0..h::I)"), ["b::C", "f::G", "h::I"]);
        assert_eq!(written("return ::a::b; m!($crate::c::d)"), ["a::b", "crate::c::d"]);
        assert_eq!(written("let s = \"a::b\"; // c::d\n/* e::f */"), [""; 0]);
    }

    #[test]
    fn super_counts_from_the_file_and_its_inline_modules() {
        assert_eq!(resolved("use super::b; use self::c;", "scim::filter"), ["scim::b", "scim::filter::c"]);
        assert_eq!(resolved("use super::super::store::S;", "scim::filter"), ["store::S"]);
        assert_eq!(resolved("use super::{x, super::store};", "scim::filter"), ["scim::x", "store"]);
        assert_eq!(
            resolved("mod tests { use super::*; use super::super::y; } use super::z;", "a::b"),
            ["a::b::*", "a::y", "a::z"]
        );
        assert_eq!(resolved("mod t { fn f() { { } } } fn g() { super::x() }", "a::b"), ["a::x"]);
        assert_eq!(
            resolved("use crate::a::B; use scim_appliance::c; pub(in crate::d) fn e() {}", "m"),
            ["a::B", "c", "d"]
        );
        assert_eq!(resolved("use serde::de; Self::new(); local::f();", "m"), [""; 0]);
    }
}
