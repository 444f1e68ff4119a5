//! A filter as it was written (RFC 7644 §3.4.2.2).

pub mod parse;

use serde_json::Number;

use super::dialect::Dialect;
use super::fault::Fault;
use super::path::AttrPath;
use super::schema::Attribute;

/// The comparison operators of table 3.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Op {
    /// equal
    Eq,
    /// not equal
    Ne,
    /// contains
    Co,
    /// starts with
    Sw,
    /// ends with
    Ew,
    /// greater than
    Gt,
    /// greater than or equal to
    Ge,
    /// less than
    Lt,
    /// less than or equal to
    Le,
}

impl Op {
    /// The operator of this name, in any letter case.
    pub fn named(text: &str) -> Option<Op> {
        const NAMES: [(&str, Op); 9] = [
            ("eq", Op::Eq),
            ("ne", Op::Ne),
            ("co", Op::Co),
            ("sw", Op::Sw),
            ("ew", Op::Ew),
            ("gt", Op::Gt),
            ("ge", Op::Ge),
            ("lt", Op::Lt),
            ("le", Op::Le),
        ];
        NAMES.iter().find(|(n, _)| n.eq_ignore_ascii_case(text)).map(|(_, o)| *o)
    }
}

/// The value that an attribute is compared with.
#[derive(Debug, Clone, PartialEq)]
pub enum Literal {
    /// `"text"`
    Text(String),
    /// `12`
    Number(Number),
    /// `true`
    Bool(bool),
    /// `null`
    Null,
}

/// A filter as it was written: shape checked, no name looked up yet.
#[derive(Debug, Clone, PartialEq)]
pub enum Filter {
    /// All of them.
    And(Vec<Filter>),
    /// Any of them.
    Or(Vec<Filter>),
    /// Not this.
    Not(Box<Filter>),
    /// `path pr`
    Present(AttrPath),
    /// `path op literal`
    Compare(AttrPath, Op, Literal),
    /// `path[filter]`: one element for which all of the filter holds.
    Within(AttrPath, Box<Filter>),
}

impl Filter {
    /// The first path in it that is no part of a complex attribute.
    pub fn stranger(&self, of: &Attribute) -> Option<&AttrPath> {
        match self {
            Filter::And(parts) | Filter::Or(parts) => parts.iter().find_map(|p| p.stranger(of)),
            Filter::Not(part) => part.stranger(of),
            Filter::Present(path) | Filter::Compare(path, ..) | Filter::Within(path, _) => {
                of.sub(path.as_str()).is_none().then_some(path)
            }
        }
    }

    /// Reads a filter. Errors: `InvalidFilter`, with the position of the character that cannot stand there.
    pub fn parse(text: &str, dialect: &Dialect) -> Result<Filter, Fault> {
        parse::filter(text, dialect)
    }
}
