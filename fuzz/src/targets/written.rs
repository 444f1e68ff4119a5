//! Filters and paths in the grammar of RFC 7644 figure 1, with no more parentheses than it needs.

use scim_appliance::scim::filter::{Filter, Literal, Op};
use scim_appliance::scim::json::Json;
use scim_appliance::scim::path::PatchPath;

/// The text of a filter.
pub fn filter(of: &Filter) -> String {
    let joined = |parts: &[Filter], word: &str, inside: fn(&Filter) -> String| {
        parts.iter().map(inside).collect::<Vec<_>>().join(word)
    };
    match of {
        Filter::And(parts) => joined(parts, " and ", |p| match p {
            Filter::And(_) | Filter::Or(_) => format!("({})", filter(p)),
            p => filter(p),
        }),
        Filter::Or(parts) => joined(parts, " or ", |p| match p {
            Filter::Or(_) => format!("({})", filter(p)),
            p => filter(p),
        }),
        Filter::Not(part) => format!("not ({})", filter(part)),
        Filter::Present(path) => format!("{} pr", path.as_str()),
        Filter::Compare(path, op, literal) => format!("{} {} {}", path.as_str(), operator(*op), value(literal)),
        Filter::Within(path, inner) => format!("{}[{}]", path.as_str(), filter(inner)),
    }
}

/// The text of a path of PATCH.
pub fn patch_path(of: &PatchPath) -> String {
    let mut text = of.attr.as_str().to_owned();
    if let Some(inside) = &of.filter {
        text.push_str(&format!("[{}]", filter(inside)));
    }
    if let Some(sub) = &of.sub {
        text.push_str(&format!(".{sub}"));
    }
    text
}

fn operator(op: Op) -> &'static str {
    match op {
        Op::Eq => "eq",
        Op::Ne => "ne",
        Op::Co => "co",
        Op::Sw => "sw",
        Op::Ew => "ew",
        Op::Gt => "gt",
        Op::Ge => "ge",
        Op::Lt => "lt",
        Op::Le => "le",
    }
}

fn value(literal: &Literal) -> String {
    match literal {
        Literal::Text(text) => Json::from(text.as_str()).text(),
        Literal::Number(number) => number.to_string(),
        Literal::Bool(value) => value.to_string(),
        Literal::Null => "null".to_owned(),
    }
}
