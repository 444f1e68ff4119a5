//! PATCH (RFC 7644 §3.5.2): as written, as bound to a resource type, as applied.

mod apply;
mod plan;

pub use plan::{Change, DocumentStep, MemberStep, PatchPlan, Step};

use super::catalog::ResourceType;
use super::dialect::Dialect;
use super::fault::{Fault, Kind, quoted};
use super::json::Json;
use super::path::PatchPath;
use super::resource::schemas_fit;

/// The schema of the request.
pub const PATCH_OP: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";
/// Operations of one request, at most.
pub const MAX_OPERATIONS: usize = 1000;

/// Operations after each removal of several values has become one for each, at most.
const MAX_SETTLED: usize = 100_000;

/// What an operation does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// §3.5.2.1
    Add,
    /// §3.5.2.2
    Remove,
    /// §3.5.2.3
    Replace,
}

/// One operation as it was written.
#[derive(Debug, Clone, PartialEq)]
pub struct Operation {
    /// What it does.
    pub verb: Verb,
    /// Where; the resource as a whole when there is none.
    pub path: Option<PatchPath>,
    /// With what; null when there is none.
    pub value: Json,
}

/// A PATCH request as it was written.
#[derive(Debug, Clone, PartialEq)]
pub struct Patch {
    /// Its operations in order.
    pub operations: Vec<Operation>,
}

impl Patch {
    /// How many values it holds: what it costs to apply. A removal by value has become one operation for each value.
    pub fn values(&self) -> usize {
        self.operations.iter().map(|o| o.value.elements().len().max(1)).sum()
    }

    /// Reads the body of a PATCH.
    ///
    /// Errors: [`Kind::InvalidSyntax`] without `Operations`, with an unknown `op`, or with more than
    /// [`MAX_OPERATIONS`]; [`Kind::InvalidPath`] and [`Kind::InvalidFilter`] for a path; [`Kind::NoTarget`] for a
    /// removal without one; [`Kind::InvalidValue`] for an addition without a value.
    pub fn parse(body: Json, of: &ResourceType, dialect: &Dialect) -> Result<Patch, Fault> {
        let syntax = |why: &str| Fault::new(Kind::InvalidSyntax, "Operations", why);
        let Json::Object(mut body) = body else {
            return Err(Fault::new(Kind::InvalidSyntax, "", format!("a JSON object is expected, not {}", body.what())));
        };
        dialect.settle_partial(&mut body, of);
        schemas_fit(&body, PATCH_OP, dialect)?;
        let operations = match body.take("Operations") {
            Some(Json::Array(operations)) if !operations.is_empty() => operations,
            Some(Json::Array(_)) => return Err(syntax("there is no operation")),
            Some(_) => return Err(syntax("an array is expected")),
            None => return Err(syntax("a PATCH needs an array of operations under this name")),
        };
        if operations.len() > MAX_OPERATIONS {
            return Err(Fault::new(Kind::InvalidSyntax, "Operations", format!("there are more than {MAX_OPERATIONS}")));
        }
        let settled = dialect.settle_patch(operations, of)?;
        if settled.len() > MAX_SETTLED {
            return Err(Fault::new(
                Kind::InvalidSyntax,
                "Operations",
                format!("they name more than {MAX_SETTLED} values to remove"),
            ));
        }
        let operations = settled
            .into_iter()
            .enumerate()
            .map(|(i, o)| operation(o, dialect).map_err(|f| f.within(&format!("operation {}", i + 1))))
            .collect::<Result<_, _>>()?;
        Ok(Patch { operations })
    }
}

fn operation(written: Json, dialect: &Dialect) -> Result<Operation, Fault> {
    let syntax = |why: String| Fault::new(Kind::InvalidSyntax, "", why);
    let Json::Object(mut written) = written else {
        return Err(syntax(format!("an object is expected, not {}", written.what())));
    };
    let verb = match written.take("op") {
        Some(Json::String(op)) => match op.as_str() {
            "add" => Verb::Add,
            "remove" => Verb::Remove,
            "replace" => Verb::Replace,
            _ => return Err(syntax(format!("op is add, remove or replace, not {}", quoted(&op)))),
        },
        _ => return Err(syntax("op is missing: add, remove or replace".into())),
    };
    let path = match written.take("path") {
        Some(Json::String(path)) if !path.is_empty() => Some(PatchPath::parse(&path, dialect)?),
        Some(Json::String(_)) | Some(Json::Null) | None => None,
        Some(other) => {
            return Err(Fault::new(Kind::InvalidPath, "path", format!("text is expected, not {}", other.what())));
        }
    };
    let value = written.take("value");
    match (verb, &path, &value) {
        (Verb::Remove, None, _) => return Err(Fault::new(Kind::NoTarget, "", "a removal needs a path")),
        (Verb::Add | Verb::Replace, _, None) => return Err(Fault::new(Kind::InvalidValue, "", "a value is missing")),
        (Verb::Add | Verb::Replace, None, Some(v)) if v.as_object().is_none() => {
            return Err(Fault::new(
                Kind::InvalidValue,
                "",
                format!("without a path the value is an object of attributes, not {}", v.what()),
            ));
        }
        _ => {}
    }
    Ok(Operation { verb, path, value: value.unwrap_or_default() })
}
