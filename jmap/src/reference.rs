//! RFC 8620 §3.7: references to results of earlier calls of the same request.

use crate::error::MethodError;
use crate::limit;
use crate::request::{Answered, Arguments};
use serde::Deserialize;
use serde_json::Value;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ResultReference {
    result_of: String,
    name: String,
    path: String,
}

/// Replaces each argument `#name` by the value that its reference comes to.
pub(crate) fn resolve(arguments: Arguments, before: &[Answered]) -> Result<Arguments, MethodError> {
    if !arguments.keys().any(|name| name.starts_with('#')) {
        return Ok(arguments);
    }
    let mut resolved = Arguments::new();
    for (name, value) in arguments {
        let (name, value) = match name.strip_prefix('#') {
            Some(bare) => (bare.to_owned(), look_up(value, before)?),
            None => (name, value),
        };
        if resolved.insert(name.clone(), value).is_some() {
            return Err(MethodError::InvalidArguments(format!(
                "{name} is given both plainly and by reference"
            )));
        }
    }
    Ok(resolved)
}

fn look_up(value: Value, before: &[Answered]) -> Result<Value, MethodError> {
    let fail = |why: String| MethodError::InvalidResultReference(why);
    let reference: ResultReference =
        serde_json::from_value(value).map_err(|e| fail(e.to_string()))?;
    let answer = before
        .iter()
        .find(|a| a.call == reference.result_of)
        .ok_or_else(|| fail(format!("no earlier call {:?}", reference.result_of)))?;
    if answer.name != reference.name {
        return Err(fail(format!(
            "call {:?} answered {:?}",
            reference.result_of, answer.name
        )));
    }
    let steps = steps(&reference.path).ok_or_else(|| fail("not a JSON pointer".into()))?;
    let mut budget = limit::REFERENCE_VALUES_MAX;
    walk(&answer.arguments, &steps, &mut budget)
        .ok_or_else(|| fail(format!("{:?} leads nowhere", reference.path)))
}

/// RFC 6901 §3, §4: `/` before each step; `~1` is `/`, `~0` is `~`.
fn steps(path: &str) -> Option<Vec<String>> {
    if path.is_empty() {
        return Some(Vec::new());
    }
    let steps: Vec<String> = path
        .strip_prefix('/')?
        .split('/')
        .map(|step| step.replace("~1", "/").replace("~0", "~"))
        .collect();
    (steps.len() <= limit::REFERENCE_STEPS_MAX).then_some(steps)
}

fn walk(value: &Value, steps: &[String], budget: &mut usize) -> Option<Value> {
    let Some((step, rest)) = steps.split_first() else {
        *budget = budget.checked_sub(weight(value))?;
        return Some(value.clone());
    };
    match value {
        Value::Object(map) => walk(map.get(step)?, rest, budget),
        // RFC 8620 §3.7: `*` maps over an array; results that are arrays are flattened into one.
        Value::Array(items) if step == "*" => {
            let mut all = Vec::new();
            for item in items {
                match walk(item, rest, budget)? {
                    Value::Array(inner) => all.extend(inner),
                    other => all.push(other),
                }
            }
            Some(Value::Array(all))
        }
        Value::Array(items) => {
            let canonical = step == "0" || !step.starts_with('0');
            let index: usize = canonical.then(|| step.parse().ok()).flatten()?;
            walk(items.get(index)?, rest, budget)
        }
        _ => None,
    }
}

fn weight(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(weight).sum::<usize>(),
        Value::Object(map) => 1 + map.values().map(weight).sum::<usize>(),
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(path: &str, expected: Result<Value, &str>) {
        let before = [Answered {
            name: "Foo/get".into(),
            arguments: json!({
                "list": [{"ids": ["a", "b"], "t/x": 1}, {"ids": ["c"], "t/x": 2}],
                "empty": [],
            }),
            call: "c0".into(),
        }];
        let reference = json!({"resultOf": "c0", "name": "Foo/get", "path": path});
        let arguments = Arguments::from_iter([("#ids".to_owned(), reference)]);
        match (resolve(arguments, &before), expected) {
            (Ok(found), Ok(value)) => assert_eq!(found["ids"], value, "{path}"),
            (Err(error), Err(kind)) => assert_eq!(error.to_string(), kind, "{path}"),
            (found, _) => panic!("{path}: {found:?}"),
        }
    }

    #[test]
    fn paths() {
        check("/list/*/ids", Ok(json!(["a", "b", "c"])));
        check("/list/*/t~1x", Ok(json!([1, 2])));
        check("/list/1/ids/0", Ok(json!("c")));
        check("/empty/*/x", Ok(json!([])));
        for bad in [
            "list",
            "/nowhere",
            "/list/01",
            "/list/2",
            "/list/*/nowhere",
            "/list/0/ids/0/x",
        ] {
            check(bad, Err("invalidResultReference"));
        }
    }

    #[test]
    fn plain_and_reference_together_are_refused() {
        let before = [Answered {
            name: "X/get".into(),
            arguments: json!({"ids": []}),
            call: "0".into(),
        }];
        let arguments = Arguments::from_iter([
            ("ids".to_owned(), json!([])),
            (
                "#ids".to_owned(),
                json!({"resultOf": "0", "name": "X/get", "path": "/ids"}),
            ),
        ]);
        let error = resolve(arguments, &before).unwrap_err();
        assert_eq!(error.to_string(), "invalidArguments");
    }

    #[test]
    fn an_error_answer_does_not_match_the_name() {
        let before = [Answered {
            name: "error".into(),
            arguments: json!({"ids": []}),
            call: "0".into(),
        }];
        let reference = json!({"resultOf": "0", "name": "X/get", "path": "/ids"});
        let arguments = Arguments::from_iter([("#ids".to_owned(), reference)]);
        assert_eq!(
            resolve(arguments, &before).unwrap_err().to_string(),
            "invalidResultReference"
        );
    }
}
