//! A filter whose every path was found in the Catalog and whose every literal fits: ready to be decided.

use serde_json::Number;

use super::catalog::ResourceType;
use super::dialect::{Dialect, Rule};
use super::fault::{Fault, Kind, quoted};
use super::filter::{Filter, Literal, Op};
use super::name::fold;
use super::path::{AttrPath, BoundPath, Place};
use super::schema::{Attribute, Returned, Type};
use super::time::date_time;

/// A comparison in the type of its attribute.
#[derive(Debug, Clone, PartialEq)]
pub enum Test {
    /// Text: folded beforehand unless the attribute is `caseExact`.
    Text {
        /// The operator.
        op: Op,
        /// The value to compare with.
        value: String,
        /// The value as it was written, for the element that an equality describes.
        written: String,
        /// Letter case matters.
        exact: bool,
    },
    /// `eq` or `ne` of base64 text.
    Binary {
        /// The operator.
        op: Op,
        /// The value to compare with, without the padding, which may be left out (RFC 7643 §2.3.6).
        value: String,
        /// The value as it was written.
        written: String,
    },
    /// `eq` or `ne` of a boolean.
    Bool(Op, bool),
    /// A number.
    Number(Op, Number),
    /// A point in time.
    Time(Op, jiff::Timestamp),
    /// `eq null` (true) and `ne null` (false): absent and present (RFC 7643 §2.5).
    Absent(bool),
}

/// A filter that is ready to be decided for one resource type.
#[derive(Debug, Clone)]
pub enum BoundFilter<'c> {
    /// All of them.
    And(Vec<BoundFilter<'c>>),
    /// Any of them.
    Or(Vec<BoundFilter<'c>>),
    /// Not this.
    Not(Box<BoundFilter<'c>>),
    /// The attribute has a value.
    Present(BoundPath<'c>),
    /// One of the attribute's values passes the test.
    Compare(BoundPath<'c>, Test),
    /// One element of the attribute passes the filter, whose paths are the attribute's parts.
    Within(BoundPath<'c>, Box<BoundFilter<'c>>),
    /// Nothing passes: the attribute belongs to another resource type of the same query.
    Nothing,
}

/// Whose attributes the paths name.
#[derive(Clone, Copy)]
enum Scope<'c> {
    Resource(&'c ResourceType),
    Parts(&'c Attribute),
}

impl Filter {
    /// Looks every path up in a resource type and fits every literal to its attribute.
    ///
    /// Errors: [`Kind::InvalidFilter`] for an attribute that does not exist, one that is never shown (it must not be
    /// guessed at either), an operator that its type does not have, and a literal of another type.
    pub fn bind<'c>(&self, of: &'c ResourceType, dialect: &Dialect) -> Result<BoundFilter<'c>, Fault> {
        bind(self, Scope::Resource(of), dialect)
    }

    /// The same for the inside of a value path: the paths are the parts of a complex attribute.
    pub fn bind_parts<'c>(&self, of: &'c Attribute, dialect: &Dialect) -> Result<BoundFilter<'c>, Fault> {
        bind(self, Scope::Parts(of), dialect)
    }
}

fn bind<'c>(filter: &Filter, scope: Scope<'c>, dialect: &Dialect) -> Result<BoundFilter<'c>, Fault> {
    let all = |parts: &[Filter]| parts.iter().map(|p| bind(p, scope, dialect)).collect::<Result<Vec<_>, _>>();
    Ok(match filter {
        Filter::And(parts) => BoundFilter::And(all(parts)?),
        Filter::Or(parts) => BoundFilter::Or(all(parts)?),
        Filter::Not(part) => BoundFilter::Not(Box::new(bind(part, scope, dialect)?)),
        Filter::Present(path) => BoundFilter::Present(find(path, scope, dialect)?),
        Filter::Compare(path, op, literal) => {
            let bound = find(path, scope, dialect)?.to_value();
            let test = fit(bound.leaf(), *op, literal, dialect).map_err(|f| f.within(path.as_str()))?;
            BoundFilter::Compare(bound, test)
        }
        Filter::Within(path, inner) => {
            let bound = find(path, scope, dialect)?;
            if !bound.leaf().is_complex() {
                let why = format!("{} has no sub-attributes to filter by", quoted(path.as_str()));
                return Err(Fault::new(Kind::InvalidFilter, "", why));
            }
            BoundFilter::Within(bound, Box::new(bind(inner, Scope::Parts(bound.leaf()), dialect)?))
        }
    })
}

fn find<'c>(path: &AttrPath, scope: Scope<'c>, dialect: &Dialect) -> Result<BoundPath<'c>, Fault> {
    let unknown = || Fault::new(Kind::InvalidFilter, "", format!("no attribute is called {}", quoted(path.as_str())));
    let bound = match scope {
        Scope::Resource(of) => match path.bind(of, dialect) {
            Some(Place::Attribute(bound)) => bound,
            _ => return Err(unknown()),
        },
        Scope::Parts(of) => {
            let attribute = of.sub(path.as_str()).ok_or_else(unknown)?;
            BoundPath { extension: None, attribute, sub: None }
        }
    };
    if bound.attribute.returned == Returned::Never || bound.leaf().returned == Returned::Never {
        let why = format!("{} cannot be searched for", quoted(path.as_str()));
        return Err(Fault::new(Kind::InvalidFilter, "", why));
    }
    if bound.is_computed() {
        let why = format!("{} is worked out when it is read, and cannot be searched for", quoted(path.as_str()));
        return Err(Fault::new(Kind::InvalidFilter, "", why));
    }
    Ok(bound)
}

fn fit(of: &Attribute, op: Op, literal: &Literal, dialect: &Dialect) -> Result<Test, Fault> {
    let wrong = |why: String| Fault::new(Kind::InvalidFilter, "", why);
    let equality = matches!(op, Op::Eq | Op::Ne);
    let substring = matches!(op, Op::Co | Op::Sw | Op::Ew);
    if literal == &Literal::Null {
        return match op {
            Op::Eq => Ok(Test::Absent(true)),
            Op::Ne => Ok(Test::Absent(false)),
            _ => Err(wrong("null can only be compared with eq and ne".into())),
        };
    }
    let mismatch = || wrong(format!("a value of type {:?} is expected", of.kind).to_lowercase());
    match of.kind {
        Type::String | Type::Reference => match literal {
            Literal::Text(text) => {
                let value = if of.case_exact { text.clone() } else { fold(text) };
                Ok(Test::Text { op, value, written: text.clone(), exact: of.case_exact })
            }
            _ => Err(wrong("text in double quotes is expected".into())),
        },
        // RFC 7644 table 3: gt, ge, lt and le on binary are an error; base64 text has no substrings that mean anything.
        Type::Binary => match literal {
            Literal::Text(text) if equality => {
                Ok(Test::Binary { op, value: text.trim_end_matches('=').to_owned(), written: text.clone() })
            }
            _ => Err(wrong("binary values can only be compared with eq and ne".into())),
        },
        Type::Boolean => {
            let value = match literal {
                Literal::Bool(b) => *b,
                Literal::Text(t) if t.eq_ignore_ascii_case("true") && dialect.allows(Rule::TextBooleans) => true,
                Literal::Text(t) if t.eq_ignore_ascii_case("false") && dialect.allows(Rule::TextBooleans) => false,
                _ => return Err(wrong("true or false is expected".into())),
            };
            match equality {
                true => Ok(Test::Bool(op, value)),
                false => Err(wrong("true and false can only be compared with eq and ne".into())),
            }
        }
        Type::Integer | Type::Decimal => match literal {
            Literal::Number(n) if !substring => Ok(Test::Number(op, n.clone())),
            Literal::Number(_) => Err(wrong("numbers have no substrings".into())),
            _ => Err(mismatch()),
        },
        Type::DateTime => match literal {
            // As text, since the RFC does not forbid it: the stored text is what a person sees.
            Literal::Text(text) if substring => {
                Ok(Test::Text { op, value: fold(text), written: text.clone(), exact: false })
            }
            Literal::Text(text) => {
                let time = date_time(text).ok_or_else(|| wrong(format!("{} is not a date and time", quoted(text))))?;
                Ok(Test::Time(op, time))
            }
            _ => Err(wrong("a date and time in double quotes is expected".into())),
        },
        Type::Complex => Err(wrong("the attribute is complex: name one of its sub-attributes".into())),
    }
}

impl BoundFilter<'_> {
    /// True when the attribute of this name (of the base schema or a common one) has a say in the filter.
    pub fn mentions(&self, name: &str) -> bool {
        match self {
            BoundFilter::And(parts) | BoundFilter::Or(parts) => parts.iter().any(|p| p.mentions(name)),
            BoundFilter::Not(part) => part.mentions(name),
            BoundFilter::Present(path) | BoundFilter::Compare(path, _) | BoundFilter::Within(path, _) => path.is(name),
            BoundFilter::Nothing => false,
        }
    }
}
