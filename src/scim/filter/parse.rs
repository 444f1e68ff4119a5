//! The filter grammar of RFC 7644 figure 1, read by recursive descent, bounded in length, depth and nodes.
//!
//! The bounds come before anything else: a filter is the one place where a client's text could make a server recurse
//! as deep as it likes, and a stack overflow is not an error that a process survives.

use super::super::dialect::{Dialect, Rule};
use super::super::fault::{Fault, Kind, quoted};
use super::super::name::is_attribute_name;
use super::super::path::AttrPath;
use super::{Filter, Literal, Op};

/// Bytes of a filter, at most.
pub const MAX_LENGTH: usize = 4096;
/// Parentheses, brackets and `not` inside each other, at most.
pub const MAX_DEPTH: usize = 32;
/// Comparisons and connectives, at most.
pub const MAX_NODES: usize = 256;

/// Reads a whole filter.
pub fn filter(text: &str, dialect: &Dialect) -> Result<Filter, Fault> {
    if text.len() > MAX_LENGTH {
        return Err(Fault::new(Kind::InvalidFilter, "", format!("the filter is longer than {MAX_LENGTH} bytes")));
    }
    let mut p = Parser { text, at: 0, depth: 0, nodes: 0, dialect };
    let filter = p.or()?;
    p.space();
    match p.rest() {
        "" => Ok(filter),
        rest => Err(p.wrong(format!("{} is left over", quoted(rest)))),
    }
}

struct Parser<'t> {
    text: &'t str,
    at: usize,
    depth: usize,
    nodes: usize,
    dialect: &'t Dialect,
}

impl<'t> Parser<'t> {
    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or("")
    }

    fn wrong(&self, why: impl Into<String>) -> Fault {
        Fault::new(Kind::InvalidFilter, format!("filter, position {}", self.at + 1), why)
    }

    fn space(&mut self) {
        self.at += self.rest().len() - self.rest().trim_start_matches([' ', '\t']).len();
    }

    /// Passes over `token` if it comes next.
    fn eat(&mut self, token: char) -> bool {
        self.space();
        let found = self.rest().starts_with(token);
        if found {
            self.at += token.len_utf8();
        }
        found
    }

    /// The characters up to the next blank, parenthesis, bracket or quote.
    fn peek_word(&self) -> &'t str {
        let rest = self.rest();
        let end = rest.find(|c: char| c.is_whitespace() || "()[]\"".contains(c)).unwrap_or(rest.len());
        rest.get(..end).unwrap_or("")
    }

    /// Passes over `word` (any letter case) if it comes next as a whole word.
    fn eat_word(&mut self, word: &str) -> bool {
        self.space();
        let found = self.peek_word().eq_ignore_ascii_case(word);
        if found {
            self.at += word.len();
        }
        found
    }

    fn count(&mut self) -> Result<(), Fault> {
        self.nodes += 1;
        match self.nodes > MAX_NODES {
            true => Err(self.wrong(format!("the filter has more than {MAX_NODES} comparisons and connectives"))),
            false => Ok(()),
        }
    }

    fn deeper<T>(&mut self, inner: impl FnOnce(&mut Self) -> Result<T, Fault>) -> Result<T, Fault> {
        if self.depth >= MAX_DEPTH {
            return Err(self.wrong(format!("the filter is nested deeper than {MAX_DEPTH} levels")));
        }
        self.depth += 1;
        let result = inner(self);
        self.depth -= 1;
        result
    }

    /// `or` binds weaker than `and`, `and` weaker than `not` (§3.4.2.2).
    fn or(&mut self) -> Result<Filter, Fault> {
        self.chain("or", Self::and, Filter::Or)
    }

    fn and(&mut self) -> Result<Filter, Fault> {
        self.chain("and", Self::term, Filter::And)
    }

    fn chain(
        &mut self,
        word: &str,
        part: fn(&mut Self) -> Result<Filter, Fault>,
        join: fn(Vec<Filter>) -> Filter,
    ) -> Result<Filter, Fault> {
        let first = part(self)?;
        if !self.eat_word(word) {
            return Ok(first);
        }
        let mut parts = vec![first];
        loop {
            self.count()?;
            parts.push(part(self)?);
            if !self.eat_word(word) {
                return Ok(join(parts));
            }
        }
    }

    fn term(&mut self) -> Result<Filter, Fault> {
        self.count()?;
        self.space();
        if self.eat('(') {
            return self.group();
        }
        if self.peek_word().eq_ignore_ascii_case("not") {
            let here = self.at;
            self.at += 3;
            // A `not` that no parenthesis follows would be an attribute of that name.
            if self.eat('(') {
                return Ok(Filter::Not(Box::new(self.group()?)));
            }
            self.at = here;
        }
        self.comparison()
    }

    fn group(&mut self) -> Result<Filter, Fault> {
        let inner = self.deeper(Self::or)?;
        match self.eat(')') {
            true => Ok(inner),
            false => Err(self.wrong("a ')' is missing")),
        }
    }

    fn comparison(&mut self) -> Result<Filter, Fault> {
        let word = self.peek_word();
        if word.is_empty() {
            return Err(self.wrong("an attribute is expected here"));
        }
        let path = AttrPath::parse(word).map_err(|f| self.wrong(f.why))?;
        self.at += word.len();
        if self.rest().starts_with('[') {
            self.at += 1;
            return self.within(path);
        }
        self.operator(path)
    }

    fn within(&mut self, path: AttrPath) -> Result<Filter, Fault> {
        let mut inner = self.deeper(Self::or)?;
        if !self.eat(']') {
            return Err(self.wrong("a ']' is missing"));
        }
        if self.rest().starts_with('.') {
            if !self.dialect.allows(Rule::ValuePathSubFilter) {
                return Err(self.wrong("a comparison cannot follow a ']'; put it inside the brackets"));
            }
            self.at += 1;
            let sub = self.peek_word();
            if !is_attribute_name(sub) {
                return Err(self.wrong("a sub-attribute is expected here"));
            }
            self.at += sub.len();
            self.count()?;
            let compared = self.operator(AttrPath::parse(sub)?)?;
            inner = Filter::And(vec![inner, compared]);
        }
        Ok(Filter::Within(path, Box::new(inner)))
    }

    fn operator(&mut self, path: AttrPath) -> Result<Filter, Fault> {
        self.space();
        let word = self.peek_word();
        if word.eq_ignore_ascii_case("pr") {
            self.at += word.len();
            return Ok(Filter::Present(path));
        }
        let Some(op) = Op::named(word) else {
            return Err(self.wrong(format!(
                "after {} one of eq, ne, co, sw, ew, gt, ge, lt, le or pr is expected, not {}",
                quoted(path.as_str()),
                quoted(word)
            )));
        };
        self.at += word.len();
        self.space();
        Ok(Filter::Compare(path, op, self.literal(op)?))
    }

    fn literal(&mut self, op: Op) -> Result<Literal, Fault> {
        if self.rest().starts_with('"') {
            return self.string();
        }
        let word = self.peek_word();
        let literal = match word {
            "" => return Err(self.wrong("a value is expected here")),
            "true" => Literal::Bool(true),
            "false" => Literal::Bool(false),
            "null" => Literal::Null,
            _ => match serde_json::from_str(word) {
                Ok(number) => Literal::Number(number),
                Err(_) if word.eq_ignore_ascii_case("true") && self.dialect.allows(Rule::TextBooleans) => {
                    Literal::Bool(true)
                }
                Err(_) if word.eq_ignore_ascii_case("false") && self.dialect.allows(Rule::TextBooleans) => {
                    Literal::Bool(false)
                }
                Err(_) if op == Op::Eq && is_plain(word) && self.dialect.allows(Rule::UnquotedLiteral) => {
                    Literal::Text(word.to_owned())
                }
                Err(_) => {
                    return Err(self.wrong(format!("{} is not a value; text stands in double quotes", quoted(word))));
                }
            },
        };
        self.at += word.len();
        Ok(literal)
    }

    /// A JSON string (§3.4.2.2: literals are those of JSON).
    fn string(&mut self) -> Result<Literal, Fault> {
        let rest = self.rest();
        let mut escaped = false;
        let end = rest.char_indices().skip(1).find(|(_, c)| {
            let closes = *c == '"' && !escaped;
            escaped = *c == '\\' && !escaped;
            closes
        });
        let Some((end, _)) = end else { return Err(self.wrong("the text is not closed with a '\"'")) };
        let quoted = rest.get(..=end).unwrap_or("");
        let text: String =
            serde_json::from_str(quoted).map_err(|e| self.wrong(format!("the text is not a JSON string: {e}")))?;
        if text.contains('\0') {
            return Err(self.wrong("the text holds the character NUL"));
        }
        self.at += quoted.len();
        Ok(Literal::Text(text))
    }
}

/// What an identity provider may leave unquoted: letters, digits and the marks of names and addresses.
fn is_plain(word: &str) -> bool {
    word.chars().all(|c| c.is_alphanumeric() || "-._@+".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Filter, Fault> {
        filter(text, &Dialect::tolerant())
    }

    #[test]
    fn and_binds_stronger_than_or_and_not_strongest() {
        let Filter::Or(parts) = read("a eq 1 or b eq 2 and not (c pr)").unwrap() else { panic!() };
        assert!(matches!(parts[..], [Filter::Compare(..), Filter::And(_)]));
        let Filter::And(both) = &parts[1] else { panic!() };
        assert!(matches!(both[1], Filter::Not(_)));
    }

    #[test]
    fn operators_and_connectives_in_any_letter_case() {
        assert_eq!(read("userName EQ \"a\" AND title PR").unwrap(), read("userName eq \"a\" and title pr").unwrap());
        assert!(matches!(read("NOT(title pr)").unwrap(), Filter::Not(_)));
    }

    #[test]
    fn json_strings_with_escapes() {
        let Filter::Compare(_, _, Literal::Text(t)) = read(r#"a eq "x\"y\\\u00e9""#).unwrap() else { panic!() };
        assert_eq!(t, "x\"y\\é");
    }

    #[test]
    fn what_does_not_end_or_does_not_begin_is_refused() {
        for bad in [
            "",
            " ",
            "a",
            "a eq",
            "a eq \"x",
            "(a pr",
            "a pr)",
            "a[b pr",
            "a[",
            "a[]",
            "a pr b pr",
            "and",
            "a zz 1",
            "a eq 1 or",
            "not",
            "not a pr",
            "a.b. eq 1",
            "a eq x y",
            "[a pr]",
            "a eq \"\\u0000\"",
            "a eq \"\\ud800\"",
        ] {
            assert_eq!(read(bad).unwrap_err().kind, Kind::InvalidFilter, "{bad}");
        }
    }

    #[test]
    fn bounds_hold() {
        assert!(read(&format!("{}a pr{}", "(".repeat(MAX_DEPTH), ")".repeat(MAX_DEPTH))).is_ok());
        assert!(read(&format!("{}a pr{}", "(".repeat(MAX_DEPTH + 1), ")".repeat(MAX_DEPTH + 1))).is_err());
        assert!(read(&"(".repeat(1_000_000)).is_err());
        assert!(read(&vec!["a pr"; 129].join(" or ")).is_err());
        assert!(read(&vec!["a pr"; 128].join(" or ")).is_ok());
    }
}
