use expect_test::{Expect, expect};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Misfit, library, small};

fn sorted(mut misfits: Vec<Misfit>) -> Vec<Misfit> {
    misfits.sort_by_key(|misfit| format!("{} {:?}", misfit.pointer, misfit.kind));
    misfits
}

/// What does not fit, which both readers tell alike.
fn check(schema: &Value, value: &Value, expected: Expect) {
    let large = library::Schema::of(schema).expect("it is a schema");
    let small = small::Schema::of(schema).expect("it is a schema");
    let told = sorted(large.misfits(value, usize::MAX));
    assert_eq!(
        sorted(small.misfits(value, usize::MAX)),
        told,
        "{value} by {schema}"
    );
    let lines: String = told
        .iter()
        .map(|misfit| format!("{}: {}\n", misfit.pointer, misfit.sentence(value)))
        .collect();
    expected.assert_eq(&lines);
}

#[test]
fn what_does_not_fit_is_told() {
    let schema = json!({
        "type": "object",
        "required": ["name", "at"],
        "additionalProperties": false,
        "properties": {
            "name": {"type": "string", "minLength": 2, "maxLength": 4},
            "at": {"type": ["string", "null"], "pattern": "^([0-9]+ms)?$"},
            "code": {"type": "string", "pattern": "^[a-z]+$"},
            "n": {"type": "integer", "minimum": 1, "maximum": 9, "multipleOf": 2},
            "x": {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1},
            "way": {"enum": ["a", 1, null]},
            "only": {"const": {"a": 1}},
            "list": {"type": "array", "items": {"$ref": "#/$defs/item"}, "minItems": 1, "maxItems": 3, "uniqueItems": true},
            "pair": {"prefixItems": [{"type": "string"}, {"type": "number"}], "items": false},
            "map": {"type": "object", "additionalProperties": {"type": "string"}, "minProperties": 1, "maxProperties": 2},
            "keyed": {"patternProperties": {"^n_": {"type": "number"}}, "additionalProperties": false},
            "a~b/c": {"type": "string"},
            "one": {"oneOf": [{"required": ["p"]}, {"required": ["q"]}]},
            "any": {"anyOf": [{"type": "string"}, {"minimum": 3}]},
            "all": {"allOf": [{"type": "string"}, {"minLength": 3}]},
            "not": {"not": {"type": "null"}},
            "if": {"if": {"type": "string"}, "then": {"minLength": 1}, "else": {"type": "number"}},
        },
        "$defs": {"item": {"type": "object", "properties": {"of": {"$ref": "#/$defs/item"}, "v": {"type": "boolean"}}}}
    });
    let one = |value: Value, expected| {
        let mut whole = json!({"name": "abc", "at": null});
        let (whole_fields, fields) = (whole.as_object_mut(), value.as_object());
        whole_fields
            .expect("an object")
            .extend(fields.expect("an object").clone());
        check(&schema, &whole, expected);
    };
    check(
        &schema,
        &json!({}),
        expect![[r#"
        : `at` is missing
        : `name` is missing
    "#]],
    );
    check(
        &schema,
        &json!("x"),
        expect![[r#"
        : expected object, found "x"
    "#]],
    );
    one(
        json!({"name": "x", "at": "soon", "code": "A1"}),
        expect![[r#"
        /at: "soon" is not a duration; write it like 300ms, 30s, 5m, 1h30m or 2d
        /code: "A1" does not look like ^[a-z]+$
        /name: "x" is too short, the least is 2 characters
    "#]],
    );
    one(
        json!({"name": "abcde", "at": 3, "more": 1, "other": 2}),
        expect![[r#"
        : `more`, `other` may not stand here
        /at: expected null or string, found 3
        /name: "abcde" is too long, the most is 4 characters
    "#]],
    );
    one(
        json!({"n": 0, "x": 0}),
        expect![[r#"
        /n: 0 is too small, the least is 1
        /x: 0 is too small, it must be above 0
    "#]],
    );
    one(
        json!({"n": 11.5, "x": 1}),
        expect![[r#"
        /n: 11.5 is too large, the most is 9
        /n: 11.5 is no multiple of 2
        /n: expected integer, found 11.5
        /x: 1 is too large, it must be below 1
    "#]],
    );
    one(
        json!({"n": 4.0, "x": 0.5, "way": 1.0, "only": {"a": 1.0}}),
        expect![[""]],
    );
    one(
        json!({"way": "b", "only": {"a": 2}}),
        expect![[r#"
        /only: {"a":2} is not possible here; write one of {"a":1}
        /way: "b" is not possible here; write one of a, 1, null
    "#]],
    );
    one(
        json!({"list": [], "pair": [1, "x", 3], "map": {}}),
        expect![[r#"
        /list: [] is too short, the least is 1 item
        /map: {} is too short, the least is 1 field
        /pair/0: expected string, found 1
        /pair/1: expected number, found "x"
        /pair/2: 3 may not stand here
    "#]],
    );
    one(
        json!({"list": [{"v": 1}, {"of": {"of": {"v": "x"}}}, {"v": 1}, 4], "map": {"a": 1, "b": "x", "c": "y"}}),
        expect![[r#"
            /list: [{"v":1},{"of":{"of":{"v":"x"}}},{"v":1},4] is too long, the most is 3 items
            /list: something stands in the list twice
            /list/0/v: expected boolean, found 1
            /list/1/of/of/v: expected boolean, found "x"
            /list/2/v: expected boolean, found 1
            /list/3: expected object, found 4
            /map: {"a":1,"b":"x","c":"y"} is too long, the most is 2 fields
            /map/a: expected string, found 1
        "#]],
    );
    one(
        json!({"keyed": {"n_a": "x", "m": 1}, "a~b/c": 1}),
        expect![[r#"
        /a~0b~1c: expected string, found 1
        /keyed: `m` may not stand here
        /keyed/n_a: expected number, found "x"
    "#]],
    );
    one(
        json!({"one": {"p": 1, "q": 1}, "any": 2, "all": 1, "not": null, "if": ""}),
        expect![[r#"
        /all: expected string, found 1
        /any: 2 is none of what may stand here
        /if: "" is too short, the least is 1 character
        /not: null may not stand here
        /one: these arguments exclude each other; keep one of them
    "#]],
    );
    one(
        json!({"one": {}, "any": true, "all": "ab", "not": 1, "if": null}),
        expect![[r#"
        /all: "ab" is too short, the least is 3 characters
        /if: expected number, found null
        /one: {} is none of what may stand here
    "#]],
    );
}

#[test]
fn what_is_no_schema_is_refused_and_what_is_not_known_passes() {
    for schema in [
        json!(1),
        json!({"type": "text"}),
        json!({"properties": {"a": 3}}),
        json!({"anyOf": {}}),
    ] {
        assert!(
            library::Schema::of(&schema).is_err() && small::Schema::of(&schema).is_err(),
            "{schema}"
        );
    }
    let passes = |schema: Value| {
        let small = small::Schema::of(&schema).expect("it is a schema");
        assert!(small.is_met_by(&json!("x")), "{schema}");
    };
    passes(json!({"pattern": "(?<=y)x\\p{Lu}"}));
    passes(json!({"format": "email"}));
    passes(json!({"$ref": "https://example.com/other"}));
    passes(json!({"$ref": "#"}));
    passes(json!(true));
}

/// Schemas of the kinds that task types have.
fn schema() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(json!(true)),
        Just(json!({"type": "string", "maxLength": 2})),
        Just(json!({"type": ["integer", "null"], "minimum": 1})),
        Just(json!({"enum": ["a", 1, null]})),
        Just(json!({"const": "a"})),
        Just(json!({"pattern": "^[ab]*$"})),
        Just(json!({"type": "number", "exclusiveMaximum": 2})),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        let map = prop::collection::btree_map("[ab]", inner.clone(), 0..3);
        let several = prop::collection::vec(inner.clone(), 1..3);
        prop_oneof![
            (map, any::<bool>(), prop::collection::vec("[ab]", 0..2)).prop_map(|(properties, open, mut required)| {
                required.dedup();
                json!({"type": "object", "properties": properties, "additionalProperties": open, "required": required})
            }),
            inner.clone().prop_map(|items| json!({"type": "array", "items": items, "minItems": 1, "uniqueItems": true})),
            inner.clone().prop_map(|more| json!({"additionalProperties": more, "maxProperties": 1})),
            several.clone().prop_map(|all| json!({"anyOf": all})),
            several.clone().prop_map(|all| json!({"oneOf": all})),
            several.prop_map(|all| json!({"allOf": all})),
            inner.prop_map(|not| json!({"not": not})),
        ]
    })
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(json!(null)),
        Just(json!(true)),
        (0..3_i64).prop_map(|number| json!(number)),
        Just(json!(1.0)),
        Just(json!(1.5)),
        "[ab]{0,3}".prop_map(|text| json!(text)),
    ];
    leaf.prop_recursive(3, 16, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(|items| json!(items)),
            prop::collection::btree_map("[abc]", inner, 0..3).prop_map(|fields| json!(fields)),
        ]
    })
}

proptest! {
    #[test]
    fn both_readers_agree(schema in schema(), value in value()) {
        let large = library::Schema::of(&schema).expect("it is a schema");
        let small = small::Schema::of(&schema).expect("it is a schema");
        prop_assert_eq!(sorted(small.misfits(&value, usize::MAX)), sorted(large.misfits(&value, usize::MAX)));
        prop_assert_eq!(small.is_met_by(&value), large.is_met_by(&value));
    }
}
