//! Conversations: what a client says, written down in a file that its vendor could read, and what it has to hear.
//!
//! ```text
//! # Headers and names above the first step hold for all of them.
//! User-Agent: Example 1.0
//! mail := "Ada{{$random}}@x.io"
//!
//! ### The title says what the step is about
//! POST /Users
//! Content-Type: application/scim+json
//!
//! {"userName":"{{mail}}"}
//!
//! => 201
//! $.userName == "{{mail}}"
//! id := $.id
//! ```
//!
//! `@config scim.put = "merge"` above the first step is a line of the server's config.
//!
//! A path counts from the base URL; of its characters only blanks and those beyond ASCII are encoded. A step carries the
//! token unless it has an Authorization of its own; `none` as a header's value leaves the header out, nothing behind its
//! colon sends it empty. A Content-Type above the first step goes only with a body. `=> 409 uniqueness` wants that scimType
//! too. `{{token}}`, `{{basic}}` (the token as a Basic password) and `{{base}}` are there from the beginning; `{{$random}}`
//! is new each time, `{{$upper name}}` is a name's value in capitals, `{{$json name}}` is it as JSON text.
//! `@times 3` above the request line repeats a step, and `{{$n}}` counts. A body of `@echo` is the last answer's, changed by
//! lines `@set $.path = JSON` and `@drop $.path`. `@config-file PATH` above the first step adds a file of the repository to
//! the server's config. The expectations are listed in `expect.rs`.

use std::path::Path as File;
use std::time::Instant;

use base64::Engine;
use serde_json::{Value, json};

use super::expect::Check;
use super::fill::{Names, echo, encoded, fill, fill_with};
use super::{Answer, Appliance};

/// The schema of every refusal.
const ERROR: &str = "urn:ietf:params:scim:api:messages:2.0:Error";

/// A file, read.
#[derive(Debug, Default)]
pub struct Conversation {
    /// More for the config of the server.
    config: String,
    headers: Vec<(String, String)>,
    names: Vec<Line>,
    steps: Vec<Step>,
}

/// A line and where it stands.
pub type Line = (usize, String);

#[derive(Debug, Default)]
struct Step {
    line: usize,
    title: String,
    times: usize,
    method: String,
    target: String,
    headers: Vec<(String, String)>,
    body: Vec<Line>,
    status: u16,
    keyword: Option<String>,
    checks: Vec<Line>,
}

#[derive(Clone, Copy, PartialEq)]
enum Part {
    Preface,
    Request,
    Headers,
    Body,
    Checks,
}

impl Conversation {
    /// Reads a file's text. The error begins with the number of its line.
    pub fn parse(text: &str) -> Result<Conversation, String> {
        let mut conversation = Conversation::default();
        let mut part = Part::Preface;
        for (at, line) in text.lines().enumerate().map(|(i, l)| (i + 1, l.trim_end())) {
            let wrong = |why: &str| Err(format!("{at}: {why}: {line}"));
            if let Some(title) = line.strip_prefix("### ") {
                if !matches!(part, Part::Preface | Part::Checks) {
                    return wrong("the step above has no =>");
                }
                part = Part::Request;
                conversation.steps.push(Step { line: at, title: title.to_owned(), times: 1, ..Step::default() });
                continue;
            }
            if line.starts_with('#') || (line.is_empty() && part != Part::Headers) {
                continue;
            }
            let Some(step) = conversation.steps.last_mut() else {
                if let Some(config) = line.strip_prefix("@config ") {
                    conversation.config.push_str(&format!("{config}\n"));
                } else if let Some(file) = line.strip_prefix("@config-file ") {
                    let file = File::new(env!("CARGO_MANIFEST_DIR")).join(file);
                    let text = std::fs::read_to_string(&file).map_err(|e| format!("{at}: {e}: {line}"))?;
                    conversation.config.push_str(&text);
                } else if line.contains(" := ") {
                    conversation.names.push((at, expectation(at, line)?));
                } else if let Some(header) = header(line) {
                    conversation.headers.push(header);
                } else {
                    return wrong("neither a header, a name nor a step");
                }
                continue;
            };
            let expected = line.strip_prefix("=> ").filter(|_| matches!(part, Part::Headers | Part::Body));
            if let Some(expected) = expected {
                let (status, keyword) =
                    expected.split_once(' ').map_or((expected, None), |(s, k)| (s, Some(k.to_owned())));
                step.keyword = keyword;
                match status.parse() {
                    Ok(status) if (200..600).contains(&status) => step.status = status,
                    _ => return wrong("a status is expected"),
                }
                part = Part::Checks;
                continue;
            }
            match part {
                Part::Request => match (line.strip_prefix("@times "), line.split_once(' ')) {
                    (Some(times), _) => step.times = times.parse().map_err(|_| format!("{at}: no number: {line}"))?,
                    (None, Some((method, target))) if target.starts_with('/') || target.starts_with('?') => {
                        (step.method, step.target) = (method.to_owned(), target.to_owned());
                        part = Part::Headers;
                    }
                    _ => return wrong("a method and a path are expected"),
                },
                Part::Headers if line.is_empty() => part = Part::Body,
                Part::Headers => match header(line) {
                    Some(header) => step.headers.push(header),
                    None => return wrong("a header is expected"),
                },
                Part::Body => step.body.push((at, line.to_owned())),
                Part::Checks | Part::Preface => step.checks.push((at, expectation(at, line)?)),
            }
        }
        match part {
            Part::Checks => Ok(conversation),
            Part::Preface => Err("0: there is no step".into()),
            _ => Err(format!("{}: the last step has no =>", text.lines().count())),
        }
    }

    /// Has the conversation with a server. Gives what was not as expected, each with its line.
    pub fn run(&self, appliance: &Appliance) -> Vec<String> {
        let basic = base64::engine::general_purpose::STANDARD.encode(format!("okta:{}", appliance.token));
        let known = [("token", appliance.token.clone()), ("basic", basic), ("base", appliance.base())];
        let mut names: Names = known.map(|(name, value)| (name.to_owned(), value)).into();
        let mut last = Answer { status: 0, headers: Vec::new(), body: String::new() };
        let mut wrong = Vec::new();
        for (line, text) in &self.names {
            expect(*line, text, &last, 0, &mut names, &mut wrong);
        }
        for step in &self.steps {
            for n in 1..=step.times {
                names.insert("$n".to_owned(), n.to_string());
                let here = match self.request(step, &names, &last.body) {
                    Ok(request) => step.take(appliance, &request, &mut names, &mut last),
                    Err(why) => vec![format!("{}: not sent: {why}", step.line)],
                };
                if !here.is_empty() {
                    wrong.push(format!("### {}\n{}", step.title, here.join("\n")));
                }
            }
        }
        wrong
    }

    /// A step with every name filled in.
    fn request(&self, step: &Step, names: &Names, last: &str) -> Result<Request, String> {
        let target = format!("/scim/v2{}", encoded(&fill(&step.target, names)?));
        let body = match step.body.split_first() {
            None => None,
            Some(((_, first), edits)) if first == "@echo" => Some(echo(last, edits, names)?),
            Some(_) => {
                let lines: Vec<_> = step.body.iter().map(|(_, l)| l.as_str()).collect();
                Some(fill(&lines.join("\n"), names)?)
            }
        };
        let bearer = ("Authorization".to_owned(), "Bearer {{token}}".to_owned());
        let for_all = self.headers.iter().filter(|(n, _)| body.is_some() || !n.eq_ignore_ascii_case("Content-Type"));
        let mut headers: Vec<(String, String)> = Vec::new();
        for (name, value) in std::iter::once(&bearer).chain(for_all).chain(&step.headers) {
            headers.retain(|(n, _)| !n.eq_ignore_ascii_case(name));
            if value != "none" {
                headers.push((name.clone(), fill(value, names)?));
            }
        }
        Ok(Request { target, headers, body })
    }
}

/// What is sent.
#[derive(Debug)]
struct Request {
    target: String,
    headers: Vec<(String, String)>,
    body: Option<String>,
}

impl Step {
    /// Sends the request, and gives what was not as expected of the answer.
    fn take(&self, appliance: &Appliance, request: &Request, names: &mut Names, last: &mut Answer) -> Vec<String> {
        let Request { target, headers, body } = request;
        let headers: Vec<_> = headers.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        let since = Instant::now();
        *last = appliance.send(&self.method, target, &headers, body.as_deref().map(str::as_bytes));
        let milliseconds = u64::try_from(since.elapsed().as_millis()).unwrap();
        let plain = headers.iter().any(|(n, v)| n.eq_ignore_ascii_case("Accept") && *v == "application/json");
        let mut wrong: Vec<String> =
            self.always(last, plain).into_iter().map(|why| format!("{}: {why}", self.line)).collect();
        for (line, text) in &self.checks {
            expect(*line, text, last, milliseconds, names, &mut wrong);
        }
        if !wrong.is_empty() {
            let body = body.as_deref().unwrap_or_default();
            wrong.push(format!("  {} {target}\n  {}", self.method, beginning(body)));
            wrong.push(format!("  => {} {}", last.status, beginning(&last.body)));
        }
        wrong
    }

    /// What holds for every answer: the status, its framing, and for a refusal the error of RFC 7644 section 3.12.
    /// `plain`: the client takes no other type than `application/json`.
    fn always(&self, answer: &Answer, plain: bool) -> Vec<String> {
        let mut wrong = Vec::new();
        let mut must = |holds: bool, why: String| {
            if !holds {
                wrong.push(why);
            }
        };
        must(answer.status == self.status, format!("the status is {}, not {}", answer.status, self.status));
        must(answer.header("X-Request-Id").is_some_and(|i| !i.is_empty()), "there is no X-Request-Id".into());
        if matches!(answer.status, 204 | 304) {
            return wrong;
        }
        must(
            answer.header("Content-Length") == Some(&answer.body.len().to_string()),
            "there is no right Content-Length".into(),
        );
        let kind = answer.header("Content-Type").unwrap_or_default();
        let wanted = if plain { "application/json" } else { "application/scim+json" };
        must(kind.starts_with(wanted), format!("the Content-Type is \"{kind}\""));
        let body: Value = serde_json::from_str(&answer.body).unwrap_or_default();
        must(body.is_object(), "the body is no JSON object".into());
        if answer.status >= 400 {
            must(body["schemas"] == json!([ERROR]), "it is no SCIM Error".into());
            must(
                body["status"].as_str() == Some(answer.status.to_string().as_str()),
                "the error's status is not that of the answer, as text".into(),
            );
            must(body["detail"].as_str().is_some_and(|d| !d.is_empty()), "the error has no detail".into());
        }
        if let Some(keyword) = &self.keyword {
            must(body["scimType"] == keyword.as_str(), format!("the scimType is {}, not {keyword}", body["scimType"]));
        }
        wrong
    }
}

/// Reads `Name: value`, or `Name:` for a header that is sent empty.
fn header(line: &str) -> Option<(String, String)> {
    let (name, value) = line.split_once(": ").or(line.strip_suffix(':').map(|name| (name, "")))?;
    Some((name.to_owned(), value.to_owned()))
}

/// Reads a line of expectation with any text for its names, so that a form that does not exist is found at once.
fn expectation(at: usize, line: &str) -> Result<String, String> {
    let some = fill_with(line, |_| Ok("0".to_owned()));
    some.and_then(|l| Check::parse(&l)).map_err(|why| format!("{at}: {why}: {line}"))?;
    Ok(line.to_owned())
}

fn expect(at: usize, line: &str, answer: &Answer, milliseconds: u64, names: &mut Names, wrong: &mut Vec<String>) {
    let looked = fill(line, names).and_then(|l| Check::parse(&l)).and_then(|c| c.look(answer, milliseconds));
    match looked {
        Ok(None) => {}
        Ok(Some((name, Value::String(text)))) => drop(names.insert(name, text)),
        Ok(Some((name, value))) => drop(names.insert(name, value.to_string())),
        Err(why) => wrong.push(format!("{at}: {line}: {}", beginning(&why))),
    }
}

/// As much of a text as a person wants to read.
fn beginning(text: &str) -> String {
    text.chars().take(800).collect()
}

/// Has the conversation of a file with a server of its own. The error names the file and the lines.
pub fn have(file: &File) -> Result<(), String> {
    let name = file.display();
    let text = std::fs::read_to_string(file).map_err(|e| format!("{name}: {e}"))?;
    let conversation = Conversation::parse(&text).map_err(|e| format!("{name}:{e}"))?;
    let mut appliance = Appliance::with_config(&conversation.config);
    let mut wrong = conversation.run(&appliance);
    appliance.terminate();
    let log = appliance.log();
    for (secret, what) in [("panicked", "a panic"), (appliance.token.as_str(), "the token")] {
        if log.contains(secret) {
            wrong.push(format!("0: {what} is in the log"));
        }
    }
    match wrong.is_empty() {
        true => Ok(()),
        false => Err(format!("{name}:\n{}", wrong.join("\n"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "# About\n@config scim.put = \"merge\"\nUser-Agent:\nAccept: a/b\nContent-Type: c/d\nwho := \"Ada\"\n\n### First\nGET /Users?x={{who}} y\n\n=> 200\n$.id exists\n\n\
        ### Second\n@times 2\nPOST /Users\nAccept: none\n\n{\"a\":\n  \"{{$n}}{{$upper who}}\"}\n\n=> 409 uniqueness\n";

    fn names() -> Names {
        [("who", "Ada"), ("$n", "2"), ("token", "t")].map(|(n, v)| (n.to_owned(), v.to_owned())).into()
    }

    #[test]
    fn a_file_becomes_requests() {
        let read = Conversation::parse(GOOD).unwrap();
        let [first, second] = read.steps.as_slice() else { panic!("{read:?}") };
        assert_eq!(read.config, "scim.put = \"merge\"\n");
        assert_eq!((first.line, first.title.as_str(), first.status, first.checks.len()), (8, "First", 200, 1));
        assert_eq!((second.times, second.status, second.keyword.as_deref()), (2, 409, Some("uniqueness")));
        let Request { target, headers, body } = read.request(first, &names(), "").unwrap();
        let is = |headers: Vec<(String, String)>| headers.iter().map(|(n, v)| format!("{n}={v}")).collect::<Vec<_>>();
        assert_eq!((target.as_str(), body), ("/scim/v2/Users?x=Ada%20y", None));
        assert_eq!(is(headers), ["Authorization=Bearer t", "User-Agent=", "Accept=a/b"]);
        let Request { headers, body, .. } = read.request(second, &names(), "").unwrap();
        assert_eq!(body.as_deref(), Some("{\"a\":\n  \"2ADA\"}"));
        assert_eq!(is(headers), ["Authorization=Bearer t", "User-Agent=", "Content-Type=c/d"]);
    }

    #[test]
    fn what_is_no_conversation_is_refused_with_its_line() {
        let step = "### a\nGET /Users\n";
        for (text, line) in [
            ("", "0:"),
            ("# only this", "0:"),
            ("odd", "1:"),
            ("a := b", "1:"),
            ("### a", "1:"),
            (step, "2:"),
            ("### a\nGET /Users\n\n{}\n### b\nGET /Users\n\n=> 200", "5:"),
            ("### a\nGET\n\n=> 200", "2:"),
            ("### a\n=> 200", "2:"),
            ("### a\nGET Users\n\n=> 200", "2:"),
            ("### a\n@times x\nGET /Users\n\n=> 200", "2:"),
            ("### a\nGET /Users\nodd\n\n=> 200", "3:"),
            ("### a\nGET /Users\n\n=> fine", "4:"),
            ("### a\nGET /Users\n\n=> 20", "4:"),
            ("### a\nGET /Users\n\n=> 200\n$.id is here", "5:"),
            ("### a\nGET /Users\n\n=> 200\n=> 200", "5:"),
        ] {
            let error = Conversation::parse(text).unwrap_err();
            assert!(error.starts_with(line), "{text}: {error}");
        }
    }

    #[test]
    fn every_answer_is_looked_at() {
        let step = Step { status: 404, keyword: Some("noTarget".into()), ..Step::default() };
        let body = "{\"schemas\":[\"urn:ietf:params:scim:api:messages:2.0:Error\"],\"status\":\"404\",\"detail\":\"d\",\"scimType\":\"noTarget\"}";
        let headers = |kind: &str, body: &str| -> Vec<(String, String)> {
            let length = body.len().to_string();
            [("Content-Type", kind), ("Content-Length", length.as_str()), ("X-Request-Id", "1")]
                .map(|(n, v)| (n.to_owned(), v.to_owned()))
                .into()
        };
        let wrong = |status: u16, kind: &str, body: &str| {
            step.always(&Answer { status, headers: headers(kind, body), body: body.to_owned() }, false).len()
        };
        assert_eq!(wrong(404, "application/scim+json; charset=utf-8", body), 0);
        assert_eq!(wrong(404, "text/html", body), 1);
        assert_eq!(wrong(400, "application/scim+json", body), 2);
        assert_eq!(wrong(404, "application/scim+json", &body.replace("\"404\"", "404")), 1);
        assert_eq!(wrong(404, "application/scim+json", &body.replace("\"d\"", "\"\"")), 1);
        assert_eq!(wrong(404, "application/scim+json", &body.replace("noTarget", "tooMany")), 1);
        assert_eq!(wrong(404, "application/scim+json", &body.replace("2.0:Error", "2.0:Odd")), 1);
        assert_eq!(wrong(404, "application/scim+json", "<html>"), 5);
        assert_eq!(step.always(&Answer { status: 404, headers: Vec::new(), body: body.to_owned() }, false).len(), 3);
        let plain = Answer { status: 404, headers: headers("application/json", body), body: body.to_owned() };
        assert_eq!((step.always(&plain, true).len(), step.always(&plain, false).len()), (0, 1));
    }
}
