//! Tokens: made and shown once, rotated, revoked.

use askama::Template;
use hyper::StatusCode;

use super::form::Form;
use super::proof::{Asked, Grave};
use super::session::Signed;
use super::state::{DAY, TokenView, replaced_by, token_view};
use super::views::{Confirm, Count, Frame};
use super::{Outcome, Trouble, Ui, Visit, page_for, redirect, with_cookie};
use crate::directory::overview::{Standing, standing};
use crate::directory::{NewToken, Refusal, Scope, TokenRow, TokenStatus, create_token, revoke_token};
use crate::secret::Token;

/// A token that takes the place of another one.
#[derive(Debug, Clone)]
pub struct Rotation {
    /// The old one.
    pub old: TokenView,
    /// The new one.
    pub new: TokenView,
}

/// A token is to be made.
#[derive(Template)]
#[template(path = "token-new.html", config = "assets/askama.toml")]
pub struct TokenNew {
    /// Around it.
    pub frame: Frame,
    /// What was typed: `name`, `scope` (`scim`, `scim:read`, `api:read`), `expires` (`30d`, `90d`, `180d`, `365d`, `none`).
    pub form: Form,
    /// The token whose place it is to take.
    pub rotates: Option<TokenView>,
    /// Why none can be made.
    pub full: Option<String>,
    /// Is it really you?
    pub confirm: Confirm,
}

/// A token, this once.
#[derive(Template)]
#[template(path = "token-shown.html", config = "assets/askama.toml")]
pub struct TokenShown {
    /// Around it.
    pub frame: Frame,
    /// The token itself.
    pub token: String,
    /// What else is known of it.
    pub view: TokenView,
    /// The token whose place it takes.
    pub rotates: Option<TokenView>,
}

/// A token is to be revoked.
#[derive(Template)]
#[template(path = "token-revoke.html", config = "assets/askama.toml")]
pub struct TokenRevoke {
    /// Around it.
    pub frame: Frame,
    /// Which one.
    pub view: TokenView,
    /// The names of the other live ones.
    pub others: Vec<String>,
    /// How many there are.
    pub standing: Standing,
    /// Is it really you?
    pub confirm: Confirm,
}

/// How long a token may live, as the form says it: days; none: until it is revoked.
const LIVES: [(&str, Option<i64>); 5] =
    [("30d", Some(30)), ("90d", Some(90)), ("180d", Some(180)), ("365d", Some(365)), ("none", None)];
/// What the form can make a token for. One that is bound to a person is made on the command line.
const SCOPES: [Scope; 3] = [Scope::Scim, Scope::ScimRead, Scope::ApiRead];
const TOKENS: &str = "/provisioning#tokens";

impl Ui {
    /// `/tokens/new`
    pub(super) async fn token_new(&self, visit: &Visit<'_>, signed: Signed, form: Option<Form>) -> Outcome {
        let tokens = self.all_tokens().await?;
        let Some(mut form) = form else {
            let mut form = Form::default();
            form.set("scope", Scope::Scim.name());
            form.set("expires", "180d");
            form.set("rotate", &visit.parameter("rotate").unwrap_or_default());
            form.set("name", &self.suggested(&tokens, form.get("rotate")));
            let confirm = signed.confirm(self.now());
            return self.token_form(visit, &signed, StatusCode::OK, form, &tokens, confirm).await;
        };
        let name = form.get("name").trim().to_owned();
        if name.is_empty() || name.chars().count() > 100 || name.chars().any(char::is_control) {
            form.refuse("name", "Give the token a name of 1 to 100 characters: it says later who uses it.");
        }
        let rotates = self.rotated(&tokens, form.get("rotate"));
        if !form.get("rotate").is_empty() && rotates.is_none() {
            form.refuse("name", "The token that was to be rotated is gone, or is being rotated already.");
        }
        let scope = Scope::named(form.get("scope")).filter(|s| SCOPES.contains(s));
        let life = LIVES.into_iter().find(|(n, _)| *n == form.get("expires"));
        let (Some(scope), Some((_, days))) = (scope, life) else {
            form.refuse(if scope.is_none() { "scope" } else { "expires" }, "Choose one of these.");
            return self
                .token_form(visit, &signed, StatusCode::UNPROCESSABLE_ENTITY, form, &tokens, Confirm::default())
                .await;
        };
        let scope = if rotates.is_some() { Scope::Scim } else { scope };
        if !form.is_good() {
            let confirm = signed.confirm(self.now());
            return self.token_form(visit, &signed, StatusCode::UNPROCESSABLE_ENTITY, form, &tokens, confirm).await;
        }
        let signed = match self.confirmed(visit, signed.clone(), &form).await {
            Ok(signed) => signed,
            Err(Asked::Trouble(trouble)) => return Err(trouble),
            Err(Asked::Again(confirm)) => {
                return self.token_form(visit, &signed, StatusCode::FORBIDDEN, form, &tokens, confirm).await;
            }
        };
        let token = Token::generate().map_err(|_| Trouble::broken())?;
        let new = NewToken {
            token: token.clone(),
            name,
            scope,
            user: None,
            replaces: rotates.as_ref().map(|t| t.id.clone()),
            lifetime: days.map(|days| days * DAY),
        };
        let (most, by) = (self.settings.max_live_tokens, signed.by());
        let made = self.change(&signed, move |writer| create_token(writer, &new, most, &by)).await;
        match made {
            Err(Refusal::Denied(_)) => {
                let tokens = self.all_tokens().await?;
                let confirm = signed.confirm(self.now());
                return self.token_form(visit, &signed, StatusCode::CONFLICT, form, &tokens, confirm).await;
            }
            made => made?.ok_or_else(Trouble::foreign)?,
        }
        let tokens = self.all_tokens().await?;
        let row = tokens.iter().find(|t| t.id == token.id()).ok_or_else(Trouble::broken)?;
        let view = token_view(row, &tokens, self.now());
        let page = TokenShown {
            frame: self.frame(visit, &signed, "provisioning", &format!("Token {}", view.name)).await?,
            token: token.reveal().to_owned(),
            view,
            rotates: rotates.map(|t| token_view(&t, &tokens, self.now())),
        };
        page_for(visit, &signed, StatusCode::OK, &page)
    }

    /// A name that nobody has yet: the provider's, or the old one's, with the year.
    fn suggested(&self, tokens: &[TokenRow], rotate: &str) -> String {
        let old = tokens.iter().find(|t| t.id == rotate).map(|t| t.name.as_str());
        let year: String = crate::clock::date_time(self.now()).chars().take(7).collect();
        let stem = old.map_or("okta", |name| name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '-'));
        let taken = |name: &str| tokens.iter().any(|t| t.name == name);
        let numbered = (2..100).map(|i| format!("{stem}-{year}-{i}"));
        [format!("{stem}-{year}")].into_iter().chain(numbered).find(|name| !taken(name)).unwrap_or_default()
    }

    /// The token that is to be rotated, if it can be.
    fn rotated(&self, tokens: &[TokenRow], id: &str) -> Option<TokenRow> {
        let now = self.now();
        tokens.iter().find(|t| t.id == id && token_view(t, tokens, now).rotates).cloned()
    }

    async fn token_form(
        &self,
        visit: &Visit<'_>,
        signed: &Signed,
        status: StatusCode,
        form: Form,
        tokens: &[TokenRow],
        confirm: Confirm,
    ) -> Outcome {
        let rotates = self.rotated(tokens, form.get("rotate")).map(|t| token_view(&t, tokens, self.now()));
        let (live, most) = (self.live(tokens), self.settings.max_live_tokens);
        let full = (live >= most).then(|| {
            format!("{live} tokens for provisioning are good already, and no more than {most} may be at a time. Revoke one of them first. Other kinds of tokens can be made.")
        });
        let title = if form.is_good() { "Create a token" } else { "Error: create a token" };
        let page =
            TokenNew { frame: self.frame(visit, signed, "provisioning", title).await?, form, rotates, full, confirm };
        page_for(visit, signed, status, &page)
    }

    /// `/tokens/{id}/revoke`
    pub(super) async fn token_revoke(
        &self,
        visit: &Visit<'_>,
        signed: Signed,
        id: &str,
        form: Option<Form>,
    ) -> Outcome {
        let tokens = self.all_tokens().await?;
        let now = self.now();
        let token = tokens.iter().find(|t| t.id == id).ok_or_else(Trouble::not_found)?;
        if token.status(now) == TokenStatus::Revoked {
            return Ok(redirect(TOKENS));
        }
        let (signed, confirm, status) = match self.grave(visit, signed, form).await? {
            Grave::Ask(signed, confirm, status) => (signed, confirm, status),
            Grave::Now(signed) => {
                let (id, by) = (id.to_owned(), signed.by());
                let write = self.change(&signed, move |writer| Ok(revoke_token(writer, &id, &by)?));
                write.await?.ok_or_else(Trouble::foreign)?;
                return Ok(with_cookie(visit, &signed, redirect(TOKENS)));
            }
        };
        let others = tokens.iter().filter(|t| t.id != id && t.status(now) == TokenStatus::Live);
        let page = TokenRevoke {
            frame: self.frame(visit, &signed, "provisioning", &format!("Revoke the token {}", token.name)).await?,
            view: token_view(token, &tokens, now),
            others: others.map(|t| t.name.clone()).collect(),
            standing: self.directory.store.read(standing).await?,
            confirm,
        };
        page_for(visit, &signed, status, &page)
    }

    /// How many tokens for provisioning are good.
    pub(super) fn live(&self, tokens: &[TokenRow]) -> usize {
        let now = self.now();
        tokens.iter().filter(|t| t.scope == Scope::Scim.name() && t.status(now) == TokenStatus::Live).count()
    }

    /// The tokens that somebody may still ask about.
    pub(super) fn shown_tokens(&self, tokens: &[TokenRow]) -> Vec<TokenView> {
        const MONTHS: i64 = 90 * DAY;
        let now = self.now();
        let over = |t: &TokenRow| t.revoked.or(t.expires).unwrap_or(now);
        let shown = |t: &&TokenRow| t.status(now) == TokenStatus::Live || over(t) > now.saturating_sub(MONTHS);
        let mut views: Vec<TokenView> = tokens.iter().filter(shown).map(|t| token_view(t, tokens, now)).collect();
        views.sort_by_key(|t| !t.is_live);
        views
    }

    /// Rotations that are under way: a live token is to take the place of another live one.
    pub(super) fn rotations(&self, tokens: &[TokenRow]) -> Vec<Rotation> {
        let now = self.now();
        let live = tokens.iter().filter(|t| t.status(now) == TokenStatus::Live);
        let pair = |new: &TokenRow| {
            let old = replaced_by(new, tokens, now)?;
            Some(Rotation { old: token_view(old, tokens, now), new: token_view(new, tokens, now) })
        };
        live.filter_map(pair).collect()
    }
}
