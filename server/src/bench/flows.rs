//! The flows that are run. Their tasks evaluate expressions and hand values on, so that nothing is measured that does nothing.

use std::fmt::Write as _;

/// A flow's id and its document in YAML.
#[derive(Clone, Debug)]
pub(super) struct Flow {
    /// Its id.
    pub(super) id: String,
    /// Its document.
    pub(super) yaml: String,
}

/// So many tasks, one after another, each adding one to what the one before gave.
pub(super) fn chain(n_tasks: usize) -> Flow {
    let id = format!("bench-chain-{n_tasks}");
    let mut yaml = format!("flow: {id}\ntasks:\n  t1: {{ type: transform, with: {{ value: 1 }} }}\n");
    for n in 2..=n_tasks {
        let before = n - 1;
        let value = format!("{{{{ tasks.t{before}.output + 1 }}}}");
        push(
            &mut yaml,
            &format!("t{n}"),
            &format!("needs: [t{before}], type: transform, with: {{ value: \"{value}\" }}"),
        );
    }
    finish(yaml, id, &format!("t{n_tasks}"))
}

/// So many processes, one after another, that do nothing.
pub(super) fn processes(n_tasks: usize) -> Flow {
    let id = format!("bench-processes-{n_tasks}");
    let mut yaml = format!("flow: {id}\ntasks:\n  t1: {{ type: shell, with: {{ command: \"true\" }} }}\n");
    for n in 2..=n_tasks {
        let before = n - 1;
        push(
            &mut yaml,
            &format!("t{n}"),
            &format!("needs: [t{before}], type: shell, with: {{ command: \"true\" }}"),
        );
    }
    Flow { id, yaml }
}

/// So many tasks side by side between two others.
pub(super) fn fan(n_tasks: usize) -> Flow {
    let id = format!("bench-fan-{n_tasks}");
    let mut yaml = format!("flow: {id}\ntasks:\n  first: {{ type: transform, with: {{ value: 1 }} }}\n");
    for n in 1..=n_tasks {
        let value = format!("{{{{ tasks.first.output + {n} }}}}");
        push(
            &mut yaml,
            &format!("t{n}"),
            &format!("needs: [first], type: transform, with: {{ value: \"{value}\" }}"),
        );
    }
    let all: Vec<String> = (1..=n_tasks).map(|n| format!("t{n}")).collect();
    let value = format!("{{{{ tasks.t{n_tasks}.output }}}}");
    push(
        &mut yaml,
        "last",
        &format!(
            "needs: [{}], type: transform, with: {{ value: \"{value}\" }}",
            all.join(", ")
        ),
    );
    finish(yaml, id, "last")
}

/// One task that makes an answer of what came in.
pub(super) fn webhook() -> Flow {
    let yaml = "\
flow: bench-webhook
inputs:
  n: { type: integer, required: true }
  name: { type: string, default: nobody }
tasks:
  answer: { type: transform, with: { value: { twice: \"{{ inputs.n * 2 }}\", text: \"Hello, {{ inputs.name }}\" } } }
outputs:
  answer: \"{{ tasks.answer.output }}\"
";
    Flow {
        id: "bench-webhook".to_owned(),
        yaml: yaml.to_owned(),
    }
}

/// One task for each number below `n`, and how many there were.
pub(super) fn items() -> Flow {
    let yaml = "\
flow: bench-items
inputs:
  n: { type: integer, required: true }
tasks:
  each:
    type: transform
    for_each: { items: \"{{ range(inputs.n) }}\", max_parallel: 1000 }
    with: { value: \"{{ item + 1 }}\" }
  last: { type: transform, needs: [each], with: { value: \"{{ tasks.each.output | last }}\" } }
outputs:
  last: \"{{ tasks.last.output }}\"
";
    Flow {
        id: "bench-items".to_owned(),
        yaml: yaml.to_owned(),
    }
}

/// One task that waits for a moment.
pub(super) fn waiting() -> Flow {
    let yaml = "\
flow: bench-waiting
inputs:
  until: { type: datetime, required: true }
tasks:
  wait: { type: delay, with: { until: \"{{ inputs.until }}\" } }
";
    Flow {
        id: "bench-waiting".to_owned(),
        yaml: yaml.to_owned(),
    }
}

fn push(yaml: &mut String, task: &str, fields: &str) {
    // Writing to a text cannot fail.
    let _ = writeln!(yaml, "  {task}: {{ {fields} }}");
}

fn finish(mut yaml: String, id: String, last: &str) -> Flow {
    let _ = write!(yaml, "outputs:\n  last: \"{{{{ tasks.{last}.output }}}}\"\n");
    Flow { id, yaml }
}

#[cfg(test)]
mod tests {
    use engine::task_types::{BuiltinOptions, TypeRegistry};
    use flow::parse::Format;

    use super::*;

    #[test]
    fn all_are_valid() {
        let types = TypeRegistry::builtin(&BuiltinOptions::default());
        for flow in [
            chain(1),
            chain(40),
            processes(3),
            fan(400),
            webhook(),
            items(),
            waiting(),
        ] {
            let problems = flow::validate::check(flow.yaml.as_bytes(), Format::Yaml, &types).problems;
            assert_eq!(problems, [], "{}", flow.id);
        }
    }
}
