//! RFC 8620 §5.5: filters as trees of operators over conditions, bounded, judged with three values.

use crate::error::MethodError;
use crate::limit;
use serde_json::{Map, Value};

/// Makes the tests of one FilterCondition.
type Condition<'a, T> = dyn FnMut(&Map<String, Value>) -> Result<Vec<T>, MethodError> + 'a;

/// A filter over tests of a type.
#[derive(Debug, Clone)]
pub(crate) enum Tree<T> {
    Test(T),
    And(Vec<Tree<T>>),
    Or(Vec<Tree<T>>),
    /// None of them may match.
    Not(Vec<Tree<T>>),
}

impl<T> Tree<T> {
    /// Reads a filter; `condition` makes the tests of one FilterCondition, all of which must hold.
    /// An absent filter matches everything.
    pub(crate) fn read(
        filter: Option<&Value>,
        condition: &mut Condition<'_, T>,
    ) -> Result<Self, MethodError> {
        match filter {
            None | Some(Value::Null) => Ok(Self::And(Vec::new())),
            Some(value) => {
                let mut nodes = limit::FILTER_NODES_MAX;
                Self::node(value, condition, &mut nodes, limit::FILTER_DEPTH_MAX)
            }
        }
    }

    fn node(
        value: &Value,
        condition: &mut Condition<'_, T>,
        nodes: &mut usize,
        depth: usize,
    ) -> Result<Self, MethodError> {
        let large = || MethodError::UnsupportedFilter("the filter is too large".into());
        *nodes = nodes.checked_sub(1).ok_or_else(large)?;
        let depth = depth.checked_sub(1).ok_or_else(large)?;
        let map = value
            .as_object()
            .ok_or_else(|| MethodError::argument("filter", "an object"))?;
        let Some(operator) = map.get("operator") else {
            let tests = condition(map)?;
            return Ok(Self::And(tests.into_iter().map(Self::Test).collect()));
        };
        if map.len() != 2 {
            return Err(MethodError::argument(
                "filter",
                "operator and conditions only",
            ));
        }
        let conditions = map
            .get("conditions")
            .and_then(Value::as_array)
            .ok_or_else(|| MethodError::argument("filter/conditions", "an array"))?;
        let inner = conditions
            .iter()
            .map(|c| Self::node(c, condition, nodes, depth))
            .collect::<Result<Vec<_>, _>>()?;
        match operator.as_str() {
            Some("AND") => Ok(Self::And(inner)),
            Some("OR") => Ok(Self::Or(inner)),
            Some("NOT") => Ok(Self::Not(inner)),
            _ => Err(MethodError::argument("filter/operator", "AND, OR or NOT")),
        }
    }

    /// Judges with tests that may not know yet (`None`): what they cannot change is known already.
    pub(crate) fn judge(&self, test: &mut dyn FnMut(&T) -> Option<bool>) -> Option<bool> {
        match self {
            Self::Test(inner) => test(inner),
            Self::And(inner) => all(inner, true, test),
            Self::Or(inner) => all(inner, false, test).map(|none| !none),
            Self::Not(inner) => all(inner, false, test),
        }
    }

    /// How near something that matches comes to what is wanted, the lower the nearer: all that must hold by what comes
    /// least near, of what may hold the nearest. `None`: some test does not know.
    pub(crate) fn rank(&self, test: &mut dyn FnMut(&T) -> Option<u8>) -> Option<u8> {
        match self {
            Self::Test(inner) => test(inner),
            Self::And(inner) => inner
                .iter()
                .try_fold(0, |worst, tree| Some(tree.rank(test)?.max(worst))),
            Self::Or(inner) => inner
                .iter()
                .try_fold(u8::MAX, |best, tree| Some(tree.rank(test)?.min(best))),
            Self::Not(_) => Some(0),
        }
    }

    /// The tests that must hold whatever the rest says.
    pub(crate) fn required(&self) -> Vec<&T> {
        match self {
            Self::Test(inner) => vec![inner],
            Self::And(inner) => inner.iter().flat_map(Self::required).collect(),
            Self::Or(_) | Self::Not(_) => Vec::new(),
        }
    }

    /// Every test in it.
    pub(crate) fn tests(&self) -> Vec<&T> {
        match self {
            Self::Test(inner) => vec![inner],
            Self::And(inner) | Self::Or(inner) | Self::Not(inner) => {
                inner.iter().flat_map(Self::tests).collect()
            }
        }
    }
}

/// Whether all of them come to `wanted`.
fn all<T>(
    inner: &[Tree<T>],
    wanted: bool,
    test: &mut dyn FnMut(&T) -> Option<bool>,
) -> Option<bool> {
    let mut known = true;
    for tree in inner {
        match tree.judge(test) {
            Some(value) if value != wanted => return Some(false),
            Some(_) => {}
            None => known = false,
        }
    }
    known.then_some(true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// Tests are the strings `yes`, `no` and `unknown`.
    fn check(filter: Value, expected: Option<bool>) {
        let tree = Tree::read(Some(&filter), &mut |map| Ok(map.keys().cloned().collect()));
        let mut test = |name: &String| match name.as_str() {
            "yes" => Some(true),
            "no" => Some(false),
            _ => None,
        };
        assert_eq!(tree.unwrap().judge(&mut test), expected, "{filter}");
    }

    #[test]
    fn three_values() {
        let of = |operator: &str, names: &[&str]| {
            let conditions: Vec<Value> = names.iter().map(|n| json!({*n: 1})).collect();
            json!({"operator": operator, "conditions": conditions})
        };
        check(json!({}), Some(true));
        check(json!({"yes": 1, "no": 1}), Some(false));
        check(of("AND", &["yes", "unknown"]), None);
        check(of("AND", &["unknown", "no"]), Some(false));
        check(of("OR", &["unknown", "yes"]), Some(true));
        check(of("OR", &["unknown", "no"]), None);
        check(of("OR", &["no", "no"]), Some(false));
        check(of("NOT", &["no", "no"]), Some(true));
        check(of("NOT", &["unknown", "yes"]), Some(false));
        check(of("NOT", &["unknown", "no"]), None);
        check(of("AND", &[]), Some(true));
        check(of("OR", &[]), Some(false));
        check(of("NOT", &[]), Some(true));
    }

    #[test]
    fn the_nearest_of_what_may_hold_and_the_least_near_of_what_must() {
        let rank = |filter: Value| {
            let tree = Tree::read(Some(&filter), &mut |map| Ok(map.keys().cloned().collect()));
            let mut test = |name: &String| name.parse().ok();
            tree.unwrap().rank(&mut test)
        };
        let of = |operator: &str| json!({"operator": operator, "conditions": [{"1": 1}, {"2": 1}]});
        assert_eq!(rank(json!({})), Some(0));
        assert_eq!(rank(json!({"0": 1, "2": 1})), Some(2));
        assert_eq!(rank(of("AND")), Some(2));
        assert_eq!(rank(of("OR")), Some(1));
        assert_eq!(rank(of("NOT")), Some(0));
        assert_eq!(rank(json!({"0": 1, "unknown": 1})), None);
    }

    #[test]
    fn i13_depth_and_size_are_bounded() {
        let mut deep = json!({});
        for _ in 0..limit::FILTER_DEPTH_MAX {
            deep = json!({"operator": "NOT", "conditions": [deep]});
        }
        let wide =
            json!({"operator": "OR", "conditions": vec![json!({}); limit::FILTER_NODES_MAX]});
        for filter in [deep, wide] {
            let read = Tree::<()>::read(Some(&filter), &mut |_| Ok(Vec::new()));
            assert_eq!(read.unwrap_err().to_string(), "unsupportedFilter");
        }
    }
}
