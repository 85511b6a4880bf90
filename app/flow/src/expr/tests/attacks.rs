//! Expressions that try to take memory, time or stack without end.

use std::time::{Duration, Instant};

use expect_test::expect;
use serde_json::json;

use super::{inputs, outcome};

/// Each of these tries to take memory or time without end.
#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "how long an attack takes is what is tested"
)]
fn attacks_end_soon_with_a_reason() {
    let attacks = [
        "{{ 'a' * 100000000 }}",
        "{{ 'a' * 10000 * 10000 * 10000 }}",
        "{{ [0] * 100000000 }}",
        "{{ ([0] * 100000) * 100000 }}",
        "{{ range(1000000000) }}",
        "{% for i in range(99999) %}{% for j in range(99999) %}x{% endfor %}{% endfor %}",
        "{% for i in range(99999) %}some text that is written each time and is not so short at all, but long {{ i }}{% endfor %}",
        "{% set a = 'x' * 1000000 %}{% for i in range(99999) %}{{ a }}{% endfor %}",
        "{% set a = 'x' * 1000000 %}{% for i in range(99999) %}{% set b = a ~ a %}{% endfor %}",
        "{% set a = 'x' * 1000000 %}{% for i in range(99999) %}{% set b = a | upper %}{% endfor %}",
        "{% set a = 'x' * 1000000 %}{% for i in range(99999) %}{% set b = a[5:9] %}{% endfor %}",
        "{% set a = 'x' * 1000000 %}{% for i in range(99999) %}{% set b = a[999999] %}{% endfor %}",
        "{% set a = 'x' * 1000000 %}{% set c = 'x' * 1000000 %}{% for i in range(99999) %}{% if a == c %}{% endif %}{% endfor %}",
        "{% set a = range(90000) %}{% set c = range(90000) %}{% for i in range(99999) %}{% if a == c %}{% endif %}{% endfor %}",
        "{% set a = range(90000) %}{% for i in range(99999) %}{% set b = a | sort %}{% endfor %}",
        "{% set a = range(90000) %}{% for i in range(99999) %}{% set b = a | last %}{% endfor %}",
        "{% set a = range(90000) %}{% for i in range(99999) %}{% set b = a | reverse %}{% endfor %}",
        "{% set a = range(90000) %}{% for i in range(99999) %}{% set b = {(a | tojson): 1} %}{% endfor %}",
        "{{ ['x'] | batch(1000000000, 'y') }}",
        "{{ ['x'] | slice(1000000000) }}",
        "{{ 'x' | indent(1000000000) }}",
        "{{ '%1000000000d' | format(1) }}",
        "{{ '%*d' | format(1000000000, 1) }}",
        "{{ ('a' * 1000000) | replace('a', 'b' * 1000) }}",
        "{{ ('a' * 1000000) | replace('', 'b' * 1000) }}",
        "{{ range(99999) | join('b' * 10000) }}",
        "{{ ('a' * 10000000) | split('') }}",
        "{{ ('a ' * 10000000) | split }}",
        "{{ [[[['x' * 100000] * 100] * 100] * 100] }}",
        "{{ [[['x' * 100] * 100] * 100] * 100 | tojson }}",
        "{% set a = [1] %}{% set a = a + a %}{% set a = a + a %}{% set a = a * 1000 %}{% set a = a * 1000 %}{{ a | length }}",
        "{% set a = [1]|zip([1]) %}{% set a = a|zip(a)|zip(a) * 1000 %}{% set a = a|zip(a)|zip(a) * 1000 %}{{ a }}",
        "{{ 9 ** 99999999 }}",
        "{{ 2 ** 2 ** 2 ** 2 ** 2 ** 2 }}",
        "{{ range(9999) | map('tojson') | map('b64encode') | map('sha256') | map('upper') | list | length }}",
        "{{ range(99999) | select('in', range(99999)) | list | length }}",
        "{{ range(99999) | groupby('x' * 1000000) }}",
        "{{ range(99999) | sum(attribute='x.' * 1000000) }}",
        "{{ 'x' * inputs.big }}",
        "{{ ('[' * 100000) | fromjson }}",
        "{{ ('[1,' * 3000000) | fromjson }}",
        "{{ ('[' ~ '1,' * 6000000 ~ '1]') | fromjson }}",
        "{{ ('a' * 15000000) | urlencode }}{{ ('a' * 15000000) | urlencode }}",
        "{{ ('aé' * 1000000)[5] }}{{ ('é' * 10000000)[-1] }}{{ ('é' * 10000000)[::2] | length }}",
        "{% for x in range(99999) if x in range(99999) %}{% endfor %}",
        "{{ range(99999) | map('default', 'x' * 10000) | join }}",
        "{{ range(99) | batch(1) | batch(1) | batch(1) | batch(1) | batch(1) | batch(1) | list }}",
        "{{ tasks.a.output.body * 100000 | map(attribute='id') | sum }}",
        "{{ (tasks.a.output.body * 9000) | map(attribute='id') | sum }}",
        "{{ (tasks.a.output.body * 9000) | sort(attribute='name') | length }}",
        "{{ loop.cycle(1) }}",
        "{{ debug() }}",
        "{{ namespace(a=1) }}",
        "{{ inputs.__class__ }}",
    ];
    let mut told = String::new();
    for attack in attacks {
        let begun = Instant::now();
        let said = outcome(json!(attack), inputs());
        let took = begun.elapsed();
        // Unoptimized code on a busy machine takes many times as long; optimized it is 0.2 s at most.
        let allowed = if cfg!(debug_assertions) { 30 } else { 1 };
        assert!(took < Duration::from_secs(allowed), "{attack} took {took:?}");
        let reason: String = said
            .split(". In `")
            .next()
            .unwrap_or_default()
            .chars()
            .take(160)
            .collect();
        told.push_str(&format!("{attack}\n    {reason}\n"));
    }
    expect![[r#"
        {{ 'a' * 100000000 }}
            failed: It makes more than 16 MiB; keep large data in files or blobs
        {{ 'a' * 10000 * 10000 * 10000 }}
            failed: It makes more than 16 MiB; keep large data in files or blobs
        {{ [0] * 100000000 }}
            failed: It takes too much work: it was stopped after 128 MiB of values; filter earlier, or use a task for heavy data work
        {{ ([0] * 100000) * 100000 }}
            failed: It takes too much work: it was stopped after 128 MiB of values; filter earlier, or use a task for heavy data work
        {{ range(1000000000) }}
            failed: `range` can give at most 100000 numbers, not 1000000000
        {% for i in range(99999) %}{% for j in range(99999) %}x{% endfor %}{% endfor %}
            failed: It does not end: it was stopped after 500000 steps
        {% for i in range(99999) %}some text that is written each time and is not so short at all, but long {{ i }}{% endfor %}
            failed: It does not end: it was stopped after 500000 steps
        {% set a = 'x' * 1000000 %}{% for i in range(99999) %}{{ a }}{% endfor %}
            failed: It makes more than 16 MiB; keep large data in files or blobs
        {% set a = 'x' * 1000000 %}{% for i in range(99999) %}{% set b = a ~ a %}{% endfor %}
            failed: It takes too much work: it was stopped after 128 MiB of values; filter earlier, or use a task for heavy data work
        {% set a = 'x' * 1000000 %}{% for i in range(99999) %}{% set b = a | upper %}{% endfor %}
            failed: It takes too much work: it was stopped after 128 MiB of values; filter earlier, or use a task for heavy data work
        {% set a = 'x' * 1000000 %}{% for i in range(99999) %}{% set b = a[5:9] %}{% endfor %}
            failed: It takes too much work: it was stopped after 128 MiB of values; filter earlier, or use a task for heavy data work
        {% set a = 'x' * 1000000 %}{% for i in range(99999) %}{% set b = a[999999] %}{% endfor %}
            failed: It takes too much work: it was stopped after 128 MiB of values; filter earlier, or use a task for heavy data work
        {% set a = 'x' * 1000000 %}{% set c = 'x' * 1000000 %}{% for i in range(99999) %}{% if a == c %}{% endif %}{% endfor %}
            failed: It takes too much work: it was stopped after 128 MiB of values; filter earlier, or use a task for heavy data work
        {% set a = range(90000) %}{% set c = range(90000) %}{% for i in range(99999) %}{% if a == c %}{% endif %}{% endfor %}
            failed: It takes too much work: it was stopped after 128 MiB of values; filter earlier, or use a task for heavy data work
        {% set a = range(90000) %}{% for i in range(99999) %}{% set b = a | sort %}{% endfor %}
            failed: It takes too much work: it was stopped after 128 MiB of values; filter earlier, or use a task for heavy data work
        {% set a = range(90000) %}{% for i in range(99999) %}{% set b = a | last %}{% endfor %}
            failed: It takes too much work: it was stopped after 128 MiB of values; filter earlier, or use a task for heavy data work
        {% set a = range(90000) %}{% for i in range(99999) %}{% set b = a | reverse %}{% endfor %}
            failed: It takes too much work: it was stopped after 128 MiB of values; filter earlier, or use a task for heavy data work
        {% set a = range(90000) %}{% for i in range(99999) %}{% set b = {(a | tojson): 1} %}{% endfor %}
            failed: It takes too much work: it was stopped after 128 MiB of values; filter earlier, or use a task for heavy data work
        {{ ['x'] | batch(1000000000, 'y') }}
            failed: It takes too much work: it was stopped after 128 MiB of values; filter earlier, or use a task for heavy data work
        {{ ['x'] | slice(1000000000) }}
            failed: It takes too much work: it was stopped after 128 MiB of values; filter earlier, or use a task for heavy data work
        {{ 'x' | indent(1000000000) }}
            failed: It makes more than 16 MiB; keep large data in files or blobs
        {{ '%1000000000d' | format(1) }}
            failed: `format` takes widths of at most 3 digits, written in the text
        {{ '%*d' | format(1000000000, 1) }}
            failed: `format` takes widths of at most 3 digits, written in the text
        {{ ('a' * 1000000) | replace('a', 'b' * 1000) }}
            failed: It makes more than 16 MiB; keep large data in files or blobs
        {{ ('a' * 1000000) | replace('', 'b' * 1000) }}
            failed: `replace` needs a text to look for
        {{ range(99999) | join('b' * 10000) }}
            failed: It makes more than 16 MiB; keep large data in files or blobs
        {{ ('a' * 10000000) | split('') }}
            failed: `split` needs a text to split at
        {{ ('a ' * 10000000) | split }}
            failed: It makes more than 16 MiB; keep large data in files or blobs
        {{ [[[['x' * 100000] * 100] * 100] * 100] }}
            failed: It makes more than 16 MiB; keep large data in files or blobs
        {{ [[['x' * 100] * 100] * 100] * 100 | tojson }}
            failed: `*` cannot multiply a list and a text
        {% set a = [1] %}{% set a = a + a %}{% set a = a + a %}{% set a = a * 1000 %}{% set a = a * 1000 %}{{ a | length }}
            failed: It takes too much work: it was stopped after 128 MiB of values; filter earlier, or use a task for heavy data work
        {% set a = [1]|zip([1]) %}{% set a = a|zip(a)|zip(a) * 1000 %}{% set a = a|zip(a)|zip(a) * 1000 %}{{ a }}
            failed: It takes too much work: it was stopped after 128 MiB of values; filter earlier, or use a task for heavy data work
        {{ 9 ** 99999999 }}
            failed: Unable to calculate 9 ** 99999999
        {{ 2 ** 2 ** 2 ** 2 ** 2 ** 2 }}
            4294967296
        {{ range(9999) | map('tojson') | map('b64encode') | map('sha256') | map('upper') | list | length }}
            9999
        {{ range(99999) | select('in', range(99999)) | list | length }}
            failed: It takes too much work: it was stopped after 128 MiB of values; filter earlier, or use a task for heavy data work
        {{ range(99999) | groupby('x' * 1000000) }}
            failed: It takes too much work: it was stopped after 128 MiB of values; filter earlier, or use a task for heavy data work
        {{ range(99999) | sum(attribute='x.' * 1000000) }}
            failed: An item of the list has no `x.x.x.x.x.x.x.x.x.x.x.x.x.x.x.x.x.x.x.x.x.x.x.x.x.x.x.x.x.x.x.x.x.x.x.x.x.x.x.x.x.x.x.x.x.x.…
        {{ 'x' * inputs.big }}
            failed: It makes more than 16 MiB; keep large data in files or blobs
        {{ ('[' * 100000) | fromjson }}
            failed: `fromjson`: the text is no JSON: recursion limit exceeded at line 1 column 128
        {{ ('[1,' * 3000000) | fromjson }}
            failed: It takes too much work: it was stopped after 128 MiB of values; filter earlier, or use a task for heavy data work
        {{ ('[' ~ '1,' * 6000000 ~ '1]') | fromjson }}
            failed: It takes too much work: it was stopped after 128 MiB of values; filter earlier, or use a task for heavy data work
        {{ ('a' * 15000000) | urlencode }}{{ ('a' * 15000000) | urlencode }}
            failed: It takes too much work: it was stopped after 128 MiB of values; filter earlier, or use a task for heavy data work
        {{ ('aé' * 1000000)[5] }}{{ ('é' * 10000000)[-1] }}{{ ('é' * 10000000)[::2] | length }}
            failed: It makes more than 16 MiB; keep large data in files or blobs
        {% for x in range(99999) if x in range(99999) %}{% endfor %}
            failed: It takes too much work: it was stopped after 128 MiB of values; filter earlier, or use a task for heavy data work
        {{ range(99999) | map('default', 'x' * 10000) | join }}
            failed: It takes too much work: it was stopped after 128 MiB of values; filter earlier, or use a task for heavy data work
        {{ range(99) | batch(1) | batch(1) | batch(1) | batch(1) | batch(1) | batch(1) | list }}
            [[[[[[[0]]]]]],[[[[[[1]]]]]],[[[[[[2]]]]]],[[[[[[3]]]]]],[[[[[[4]]]]]],[[[[[[5]]]]]],[[[[[[6]]]]]],[[[[[[7]]]]]],[[[[[[8]]]]]],[[[[[[9]]]]]],[[[[[[10]]]]]],[[[[
        {{ tasks.a.output.body * 100000 | map(attribute='id') | sum }}
            failed: Number is not iterable
        {{ (tasks.a.output.body * 9000) | map(attribute='id') | sum }}
            135000
        {{ (tasks.a.output.body * 9000) | sort(attribute='name') | length }}
            18000
        {{ loop.cycle(1) }}
            expression: error: Values have no methods such as `.cycle()`; use a filter: `value | cycle`. (tasks.t.with.it)
        {{ debug() }}
            expression: error: There is no function `debug()`; there are `range()` and `dict()`. Filters are written `value | name`. (tasks.t.with.it)
        {{ namespace(a=1) }}
            expression: error: There is no function `namespace()`; there are `range()` and `dict()`. Filters are written `value | name`. (tasks.t.with.it)
        {{ inputs.__class__ }}
            unknown_input: error: The flow has no input `__class__`. (tasks.t.with.it)
    "#]].assert_eq(&told);
}

/// Texts that would nest the engine's own calls too deep; each test runs on a stack of 2 MiB.
#[test]
fn deep_nesting_is_refused_or_harmless() {
    let deep = [
        format!("{{{{ {}1{} }}}}", "(".repeat(5000), ")".repeat(5000)),
        format!("{{{{ {}1{} }}}}", "[".repeat(31), "]".repeat(31)),
        format!("{{{{ {}1{} }}}}", "[".repeat(5000), "]".repeat(5000)),
        format!("{{{{ {}true }}}}", "not ".repeat(1900)),
        format!("{{{{ {}1 }}}}", "-".repeat(1900)),
        format!("{{{{ 1{} }}}}", " + 1".repeat(900)),
        format!("{{{{ 1{} }}}}", " ** 1".repeat(900)),
        format!("{{{{ inputs{} }}}}", ".a".repeat(900)),
        format!("{{{{ inputs.rows{} }}}}", "[0]".repeat(600)),
        format!("{{{{ 1{} }}}}", " | abs".repeat(900)),
        format!("{{{{ 1{} }}}}", " if true else 1".repeat(400)),
        format!("{{{{ {} }}}}", "1 if 1 < 2 < 3 else ".repeat(20) + "1"),
        format!("{}{}", "{% if true %}".repeat(150), "{% endif %}".repeat(150)),
        format!("{}{}", "{% if true %}".repeat(99), "{% endif %}".repeat(99)),
        format!("{{% if false %}}{}{{% endif %}}", "{% elif false %}".repeat(190)),
        format!("{}{}", "{% for x in [1] %}".repeat(99), "{% endfor %}".repeat(99)),
        format!(
            "{{% set x = 1 %}}{}{{{{ x }}}}",
            format!("{{% set x = {}x{} %}}", "[".repeat(30), "]".repeat(30)).repeat(190)
        ),
        format!(
            "{{% set x = 1 %}}{}",
            format!("{{% set x = {}x{} %}}", "[".repeat(30), "]".repeat(30)).repeat(190)
        ),
        format!(
            "{{% set x = 1 %}}{}{{{{ x }}}}",
            format!("{{% set x = {}x{} %}}", "[".repeat(30), "]".repeat(30)).repeat(31)
        ),
        format!(
            "{{% set x = [1] %}}{}",
            format!("{{% set x = x{} %}}", " | batch(1)".repeat(60)).repeat(31)
        ),
        format!(
            "{{% set x = [1] %}}{}{{{{ x == x }}}}",
            format!("{{% set x = x{} %}}", " | groupby('a')".repeat(60)).repeat(31)
        ),
        format!(
            "{}{}",
            "{% for x in [[[[[x | default(1)]]]]] %}".repeat(40),
            "{% endfor %}".repeat(40)
        ),
        "{{".repeat(10_000),
        "{%".repeat(10_000),
        "{#".repeat(10_000),
        format!("{{{{ 'x' | format({}) }}}}", "1,".repeat(70_000)),
    ];
    let mut told = String::new();
    for text in deep {
        let said = outcome(json!(text), inputs());
        let said: String = said
            .split(". In `")
            .next()
            .unwrap_or_default()
            .chars()
            .take(160)
            .collect();
        told.push_str(&format!(
            "{}\n    {said}\n",
            text.chars().take(40).collect::<String>()
        ));
    }
    expect![[r#"
        {{ (((((((((((((((((((((((((((((((((((((
            expression: error: An expression is too long or nested too deep: at most 2000 words and signs, 32 brackets inside each other and 32 of `if`, `else`, `not`, `-` 
        {{ [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]
            [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]
        {{ [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[
            expression: error: An expression is too long or nested too deep: at most 2000 words and signs, 32 brackets inside each other and 32 of `if`, `else`, `not`, `-` 
        {{ not not not not not not not not not n
            expression: error: An expression is too long or nested too deep: at most 2000 words and signs, 32 brackets inside each other and 32 of `if`, `else`, `not`, `-` 
        {{ -------------------------------------
            expression: error: An expression is too long or nested too deep: at most 2000 words and signs, 32 brackets inside each other and 32 of `if`, `else`, `not`, `-` 
        {{ 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1
            expression: error: It is nested deeper than 64 levels; split it with `{% set %}` or into tasks. (tasks.t.with.it)
        {{ 1 ** 1 ** 1 ** 1 ** 1 ** 1 ** 1 ** 1 
            expression: error: An expression is too long or nested too deep: at most 2000 words and signs, 32 brackets inside each other and 32 of `if`, `else`, `not`, `-` 
        {{ inputs.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.
            expression: error: It goes through too many fields. (tasks.t.with.it)
        {{ inputs.rows[0][0][0][0][0][0][0][0][0
            expression: error: It goes through too many fields. (tasks.t.with.it)
        {{ 1 | abs | abs | abs | abs | abs | abs
            expression: error: It is nested deeper than 64 levels; split it with `{% set %}` or into tasks. (tasks.t.with.it)
        {{ 1 if true else 1 if true else 1 if tr
            expression: error: An expression is too long or nested too deep: at most 2000 words and signs, 32 brackets inside each other and 32 of `if`, `else`, `not`, `-` 
        {{ 1 if 1 < 2 < 3 else 1 if 1 < 2 < 3 el
            expression: error: An expression is too long or nested too deep: at most 2000 words and signs, 32 brackets inside each other and 32 of `if`, `else`, `not`, `-` 
        {% if true %}{% if true %}{% if true %}{
            expression: error: A text can hold at most 200 tags `{% … %}`. (tasks.t.with.it)
        {% if true %}{% if true %}{% if true %}{
            ""
        {% if false %}{% elif false %}{% elif fa
            ""
        {% for x in [1] %}{% for x in [1] %}{% f
            expression: error: A text can set at most 32 names. (tasks.t.with.it)
        {% set x = 1 %}{% set x = [[[[[[[[[[[[[[
            expression: error: A text can set at most 32 names. (tasks.t.with.it)
        {% set x = 1 %}{% set x = [[[[[[[[[[[[[[
            expression: error: A text can set at most 32 names. (tasks.t.with.it)
        {% set x = 1 %}{% set x = [[[[[[[[[[[[[[
            failed: Makes a value nested deeper than 128 levels
        {% set x = [1] %}{% set x = x | batch(1)
            ""
        {% set x = [1] %}{% set x = x | groupby(
            failed: Makes a value nested deeper than 128 levels
        {% for x in [[[[[x | default(1)]]]]] %}{
            expression: error: A text can set at most 32 names. (tasks.t.with.it)
        {{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{
            expression: error: An expression is too long or nested too deep: at most 2000 words and signs, 32 brackets inside each other and 32 of `if`, `else`, `not`, `-` 
        {%{%{%{%{%{%{%{%{%{%{%{%{%{%{%{%{%{%{%{%
            expression: error: An expression is too long or nested too deep: at most 2000 words and signs, 32 brackets inside each other and 32 of `if`, `else`, `not`, `-` 
        {#{#{#{#{#{#{#{#{#{#{#{#{#{#{#{#{#{#{#{#
            expression: error: The expression cannot be read at character 20001: unexpected end of comment. A plain `{#` is written `{{ '{#' }}`. (tasks.t.with.it)
        {{ 'x' | format(1,1,1,1,1,1,1,1,1,1,1,1,
            expression: error: An expression is too long or nested too deep: at most 2000 words and signs, 32 brackets inside each other and 32 of `if`, `else`, `not`, `-` 
    "#]].assert_eq(&told);
}
