//! CEL in policies: variables, conditions and validations, as ValidatingAdmissionPolicies,
//! Gatekeeper's templates and Kyverno's policies have them.

use serde_json::{Value as Json, json};

use super::request::Request;
use crate::cel::{Expression, Failure, Functions, Outcome, Variables};

/// An expression with its name.
struct Named {
    name: String,
    expression: Expression,
}

/// A condition that an object must hold.
struct Validation {
    expression: Expression,
    text: String,
    message: Option<String>,
    message_expression: Option<Expression>,
}

/// The expressions of a policy.
pub(super) struct Expressions {
    variables: Vec<Named>,
    conditions: Vec<Named>,
    validations: Vec<Validation>,
    functions: Functions,
}

/// The verdict of a policy about an object.
pub(super) enum Verdict {
    /// It does not concern the object, or holds.
    Admitted,
    /// The messages of the conditions that do not hold.
    Refused(Vec<String>),
    /// An expression has no value. In the cluster it may have one: the API server fills in defaults,
    /// and knows who asks.
    Unknown(String),
    /// A limit was reached.
    TooMuch(String),
}

impl Expressions {
    /// Parses the expressions of a policy: `variables`, `matchConditions` and `validations`.
    ///
    /// # Errors
    /// The first one that cannot be parsed, or that asks the authorizer.
    pub(super) fn parse(spec: &Json) -> Result<Expressions, String> {
        Ok(Expressions {
            variables: named(spec, "variables")?,
            conditions: named(spec, "matchConditions")?,
            validations: list(spec, "validations")
                .map(Validation::parse)
                .collect::<Result<_, _>>()?,
            functions: Functions::default(),
        })
    }

    /// Judges an object. `more` are variables besides those of the request.
    pub(super) fn judge(&self, request: Request<'_>, more: &[(&str, &Json)]) -> Verdict {
        let mut variables = self.functions.variables();
        let review = request.to_json();
        let null = Json::Null;
        variables.add("object", request.object);
        variables.add("oldObject", request.old.unwrap_or(&null));
        variables.add("request", &review);
        let unknown = request
            .namespace
            .map(|name| json!({"metadata": {"name": name}}));
        let namespace = request.namespace_object.or(unknown.as_ref());
        variables.add("namespaceObject", namespace.unwrap_or(&null));
        for (name, value) in more {
            variables.add(name, value);
        }
        match self.verdict(&mut variables) {
            Ok(messages) if messages.is_empty() => Verdict::Admitted,
            Ok(messages) => Verdict::Refused(messages),
            Err(Failure::Limit(reason)) => Verdict::TooMuch(reason),
            Err(failure) => Verdict::Unknown(failure.to_string()),
        }
    }

    fn verdict(&self, variables: &mut Variables<'_>) -> Result<Vec<String>, Failure> {
        for condition in &self.conditions {
            if condition.expression.evaluate(variables)?.as_bool() != Some(true) {
                return Ok(Vec::new());
            }
        }
        let mut values: Vec<(String, Outcome)> = Vec::new();
        variables.add_outcomes("variables", &values);
        for variable in &self.variables {
            // one that has no value fails only what uses it
            if let Ok(value) = variable.expression.evaluate(variables) {
                values.push((variable.name.clone(), value));
                variables.add_outcomes("variables", &values);
            }
        }
        let mut messages = Vec::new();
        let mut failure = None;
        for validation in &self.validations {
            match validation.expression.evaluate(variables) {
                Ok(value) if value.as_bool() == Some(true) => {}
                Ok(_) => messages.push(validation.message(variables)),
                Err(limit @ Failure::Limit(_)) => return Err(limit),
                Err(reason) => failure = failure.or(Some(reason)),
            }
        }
        match failure {
            // a condition that does not hold refuses the object whatever the others say
            Some(failure) if messages.is_empty() => Err(failure),
            _ => Ok(messages),
        }
    }
}

fn list<'j>(spec: &'j Json, key: &str) -> impl Iterator<Item = &'j Json> + use<'j> {
    let items = spec.get(key).and_then(Json::as_array);
    items.into_iter().flatten()
}

fn text<'j>(entry: &'j Json, key: &str) -> Option<&'j str> {
    let text = entry.get(key).and_then(Json::as_str);
    text.filter(|text| !text.trim().is_empty())
}

fn parsed(text: &str) -> Result<Expression, String> {
    let expression = Expression::parse(text).map_err(|reason| format!("`{text}`: {reason}"))?;
    if expression.mentions("authorizer") {
        return Err(format!("`{text}`: the authorizer needs a cluster"));
    }
    Ok(expression)
}

fn named(spec: &Json, key: &str) -> Result<Vec<Named>, String> {
    let entry = |entry: &Json| {
        Ok(Named {
            name: text(entry, "name").unwrap_or_default().to_string(),
            expression: parsed(text(entry, "expression").unwrap_or_default())?,
        })
    };
    list(spec, key).map(entry).collect()
}

impl Validation {
    fn parse(entry: &Json) -> Result<Validation, String> {
        let expression = text(entry, "expression").unwrap_or_default();
        Ok(Validation {
            expression: parsed(expression)?,
            text: expression.trim().to_string(),
            message: text(entry, "message").map(str::to_string),
            message_expression: text(entry, "messageExpression").map(parsed).transpose()?,
        })
    }

    fn message(&self, variables: &Variables<'_>) -> String {
        let made = self.message_expression.as_ref().and_then(|expression| {
            let value = expression.evaluate(variables).ok()?;
            let text = value.as_text()?.trim();
            (!text.is_empty() && !text.contains('\n')).then(|| text.to_string())
        });
        let stated = || self.message.clone();
        made.or_else(stated)
            .unwrap_or_else(|| format!("failed expression: {}", self.text))
    }
}
